"""Schedules in whole passes: with the clock moved on, calendars on disk, status and series."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from autoscaler.settings import Settings
from autoscaler.telemetry import REGISTRY
from tests.unit.loops.scenes import NAMESPACE, NOW_S, Scene, a_shop

# NOW_S is 2027-01-15T08:00:00Z, a Friday: nine o'clock in Berlin.
OFFICE = {"name": "office", "cron": "0 10 * * *", "until": "0 18 * * *", "timeZone": "Europe/Berlin", "min": 6}
HOUR_S = 3600


async def passes(scene: Scene, *, hours: float = 0, cores: float = 0.08) -> None:
    """Let time go by, and then one pass see a load that is right for the pods there are."""
    scene.clock.advance(hours * HOUR_S)
    scene.deploy(replicas=scene.replicas())
    scene.use_cpu(cores)
    await scene.scaling.once()


def active(schedule: str = "office") -> float | None:
    return REGISTRY.get_sample_value("foresail_schedule_active", {"namespace": NAMESPACE, "name": "shop", "schedule": schedule})


async def test_a_schedule_begins_and_ends_by_the_clock_and_says_so() -> None:
    scene = a_shop(replicas=2, schedules=[OFFICE])
    await passes(scene)
    assert scene.replicas() == 2
    begins = {"name": "office", "at": "2027-01-15T09:00:00Z", "change": "Begins"}
    assert scene.status()["schedules"] == {"active": [], "next": begins}
    assert active() == 0
    await passes(scene, hours=1)
    assert scene.replicas() == 6
    ends = {"name": "office", "at": "2027-01-15T17:00:00Z", "change": "Ends"}
    assert scene.status()["schedules"] == {"active": ["office"], "next": ends}
    assert scene.status()["candidates"]["schedule"] == 6
    assert active() == 1
    assert "schedule office asks for at least 6" in scene.kube.events[0].note
    await passes(scene, hours=8, cores=0.02)
    await passes(scene, hours=0.2, cores=0.02)
    assert scene.replicas() == 2
    assert scene.status()["schedules"]["active"] == []


async def test_the_status_is_written_when_a_schedule_changes_and_not_in_between() -> None:
    scene = a_shop(replicas=6, schedules=[OFFICE])
    await passes(scene, hours=2)
    await passes(scene, hours=0.1)
    writes = len(scene.kube.named("update_status"))
    for _ in range(5):
        await passes(scene, hours=0.5)
    assert len(scene.kube.named("update_status")) == writes


async def test_a_schedule_that_is_taken_out_leaves_neither_series_nor_status() -> None:
    scene = a_shop(schedules=[OFFICE, {**OFFICE, "name": "fair", "exclude": [{"calendar": "company"}]}])
    await passes(scene)
    assert active("fair") == 0
    assert scene.condition("CalendarsReadable") == ("False", "CalendarUnreadable")
    scene.autoscale()
    await passes(scene)
    assert (active(), active("fair")) == (None, None)
    assert "schedules" not in scene.status()
    assert scene.condition("CalendarsReadable") == ("", "")


async def test_a_target_sleeps_and_wakes_also_when_the_service_was_restarted_meanwhile() -> None:
    scene = a_shop(replicas=3, schedules=[{"name": "night", "from": "2027-01-15", "to": "2027-01-15T12:00", "replicas": 0}])
    await passes(scene)
    assert scene.replicas() == 0
    assert scene.condition("ScaledToZero") == ("True", "ScheduleInForce")
    again = Scene(cluster=scene.cluster, clock=scene.clock)
    await again.scaling.once()
    assert again.replicas() == 0
    again.clock.advance(4 * HOUR_S)
    await again.scaling.once()
    assert again.replicas() == 1
    assert again.condition("ScaledToZero") == ("False", "NotScaledToZero")


async def test_a_target_wakes_when_the_schedule_is_deleted_while_the_service_is_away() -> None:
    scene = a_shop(replicas=3, schedules=[{"name": "off", "from": "2027-01-15", "replicas": 0}])
    await passes(scene)
    assert scene.replicas() == 0
    again = Scene(cluster=scene.cluster, clock=scene.clock)
    again.autoscale(minReplicas=2)
    await again.scaling.once()
    assert again.replicas() == 2


@pytest.fixture
def with_files(tmp_path: Path) -> Scene:
    settings = msgspec.structs.replace(
        Settings(), scaling=msgspec.structs.replace(Settings().scaling, calendar_folder=str(tmp_path))
    )
    scene = Scene(settings=settings)
    scene.put_node()
    scene.deploy(replicas=2)
    return scene


async def test_a_calendar_keeps_a_schedule_from_beginning_and_is_followed_when_it_changes(
    with_files: Scene, tmp_path: Path
) -> None:
    scene, file = with_files, tmp_path / "company.txt"
    all_day: dict[str, Any] = {"name": "day", "cron": "0 0 * * *", "durationSeconds": 86400, "min": 6}
    scene.autoscale(schedules=[{**all_day, "exclude": [{"calendar": "company"}, {"country": "DE"}]}])
    file.write_text("2027-01-15\n")
    await passes(scene)
    assert scene.replicas() == 2
    assert scene.condition("CalendarsReadable") == ("True", "CalendarsRead")
    file.write_text("2027-01-15\nfoo\n")
    await passes(scene, hours=0.01)
    assert scene.replicas() == 6, "nobody knows any more whether today is excluded, so its least count holds"
    assert scene.condition("CalendarsReadable") == ("False", "CalendarUnreadable")
    assert [event.note for event in scene.kube.events if event.reason == "CalendarUnreadable"]
    assert scene.clock.now_s() < NOW_S + HOUR_S
