"""What collectors remember: notes, and sums that must not fall."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporters.collectors import memory
from exporters.collectors.monotone import Monotone
from exporters.collectors.notes import Notes
from tests.unit.exporters.trees import Host, Rig, of_family

POD = "cgroup/memory/kubepods/burstable/pod8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11"


class Count:
    def __init__(self) -> None:
        self.number = 0


def test_the_first_question_makes_the_object_and_the_next_finds_it() -> None:
    notes = Notes()
    notes.of(Count).number = 7
    assert notes.of(Count).number == 7
    assert notes.of(Monotone) is notes.of(Monotone)
    assert Notes().of(Count).number == 0


class Door(Count):
    def close(self) -> None:
        self.number += 1


def test_what_holds_something_of_the_system_is_closed_with_the_notes() -> None:
    notes = Notes()
    door = notes.of(Door)
    notes.of(Count)
    notes.close()
    assert door.number == 1
    assert notes.of(Door) is not door


@given(parts=st.lists(st.lists(st.integers(0, 100), min_size=3, max_size=3), min_size=1, max_size=20))
def test_a_held_sum_never_falls_and_never_grows_by_more_than_its_parts(parts: list[list[int]]) -> None:
    """Each row is what three parts have; a part that has less than before has gone and another came."""
    sums = Monotone()
    held = [sums.hold(b"sum", sum(row)) for row in parts]
    for before, after, row_before, row in zip(held, held[1:], parts, parts[1:], strict=False):
        assert after - before == max(0, sum(row) - sum(row_before))
    assert held[0] == sum(parts[0])


def test_the_faults_of_a_version_1_pod_stay_when_one_of_its_containers_goes(v1: Host) -> None:
    """Kernels before 5.2 add up the containers that are there."""
    rig = Rig(v1, collectors=(memory.COLLECTOR,))

    def faults() -> list[float]:
        return [
            value
            for series, value in of_family(rig.text(), "container_memory_failures_total").items()
            if f'id="{POD.removeprefix("cgroup/memory")}"' in series and 'pgfault",scope="hierarchy"' in series
        ]

    stat = (v1.folder / POD / "memory.stat").read_text(encoding="ascii")
    assert faults() == [11791]
    for total, told in (("641", 11791), ("700", 11850)):
        v1.write(f"{POD}/memory.stat", stat.replace("total_pgfault 11791", f"total_pgfault {total}"))
        assert faults() == [told]
