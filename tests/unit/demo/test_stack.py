"""What the demonstration's stack does before there is a cluster."""

from pathlib import Path

from demo.stack import RECORDS, begin_records


def test_a_second_run_does_not_count_what_the_first_one_wrote_down(tmp_path: Path) -> None:
    out = tmp_path / "out"
    begin_records(out)
    for name in RECORDS:
        (out / name).write_text("{}\n")
    (out / "mine.txt").write_text("kept")

    begin_records(out)

    assert [path.name for path in out.iterdir()] == ["mine.txt"]
