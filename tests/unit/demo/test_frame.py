"""The command lines of `demo` end in a sentence and a status, never in a traceback."""

import pytest
import typer

from demo.cluster.errors import UnfitMachineError
from demo.cluster.frame import run


@pytest.mark.parametrize(
    ("cause", "status", "words"),
    [
        (UnfitMachineError("it has no memory"), 1, "error: it has no memory\n"),
        (
            PermissionError(13, "Permission denied", "/run/lock"),
            1,
            "error: Permission denied: /run/lock. It belongs to root: use sudo\n",
        ),
        (KeyboardInterrupt("SIGTERM"), 130, ""),
    ],
    ids=["an error of ours", "not root", "a signal"],
)
def test_what_ends_a_command_early_is_told(
    cause: BaseException, status: int, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["demo"])
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise cause

    with pytest.raises(SystemExit) as end:
        run(app)
    assert end.value.code == status
    assert capsys.readouterr().err == words


def test_a_command_that_ends_well_has_nothing_to_tell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["demo"])
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(lambda: None)
    with pytest.raises(SystemExit) as end:
        run(app)
    assert end.value.code == 0
    assert capsys.readouterr().err == ""
