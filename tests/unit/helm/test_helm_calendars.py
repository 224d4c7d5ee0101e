"""Calendars of the chart become files that the service finds, and wrong ones are refused by their name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.api.overrides import Exclusion, Schedule
from autoscaler.clients.calendars.folder import CalendarFolder

Json = dict[str, Any]
Render = Callable[..., list[Json]]
Helm = Callable[..., Any]
CHART = Path(__file__).resolve().parents[3] / "helm" / "foresail"
ICS = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261224\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
CALENDARS = {"company": "2026-12-24  # eve\n2026-12-31\n", "team.a": ICS}


def found(objects: list[Json], kind: str, name: str) -> list[Json]:
    return [one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name)]


def test_what_the_chart_mounts_is_what_the_service_reads(render: Render, tmp_path: Path) -> None:
    objects = render({"calendars": CALENDARS})
    [files] = found(objects, "ConfigMap", "foresail-calendars")
    for name, content in files["data"].items():
        (tmp_path / name).write_text(content, newline="")
    wanted = [Exclusion(calendar=name) for name in CALENDARS]
    days = CalendarFolder(str(tmp_path)).of([Schedule(name="a", exclude=tuple(wanted))], 1_790_000_000.0)
    assert [(len(days[one].days), days[one].fault) for one in wanted] == [(2, ""), (1, "")]
    [deployment] = found(objects, "Deployment", "foresail")
    pod = deployment["spec"]["template"]["spec"]
    [mount] = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "calendars"]
    [volume] = [one for one in pod["volumes"] if one["name"] == "calendars"]
    [settings] = found(objects, "ConfigMap", "foresail")
    folder = yaml.safe_load(settings["data"]["settings.yaml"])["scaling"]["calendar_folder"]
    assert mount == {"name": "calendars", "mountPath": folder, "readOnly": True}
    assert volume["configMap"]["name"] == "foresail-calendars"


def test_an_icalendar_file_is_one_with_a_byte_order_mark_too(render: Render, tmp_path: Path) -> None:
    [files] = found(render({"calendars": {"team": f"\ufeff{ICS}"}}), "ConfigMap", "foresail-calendars")
    assert list(files["data"]) == ["team.ics"]
    (tmp_path / "team.ics").write_text(files["data"]["team.ics"], newline="")
    wanted = Exclusion(calendar="team")
    days = CalendarFolder(str(tmp_path)).of([Schedule(name="a", exclude=(wanted,))], 1_790_000_000.0)
    assert (len(days[wanted].days), days[wanted].fault) == (1, "")


def test_without_calendars_there_is_nothing_of_them(render: Render) -> None:
    objects = render()
    assert not found(objects, "ConfigMap", "foresail-calendars")
    [settings] = found(objects, "ConfigMap", "foresail")
    assert yaml.safe_load(settings["data"]["settings.yaml"])["scaling"]["calendar_folder"] == ""


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"calendars": {"../secret": "2026-12-24"}}, "calendars"),
        ({"calendars": {"company": ""}}, "/calendars/company"),
        ({"calendars": {"company": ["2026-12-24"]}}, "/calendars/company"),
        (
            {"calendars": CALENDARS, "settings": {"scaling": {"calendar_folder": "/mine"}}},
            "settings.scaling.calendar_folder is",
        ),
    ],
)
def test_wrong_calendars_are_refused_by_their_name(values: Json, named: str, helm: Helm, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    result = helm("template", "foresail", CHART, "--values", file)
    assert result.returncode != 0
    assert named in result.stderr
