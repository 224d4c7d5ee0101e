import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from autoscaler import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def written(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_that_is_not_for_a_terminal_is_json_with_time_and_level() -> None:
    stream = io.StringIO()
    logs.configure("info", "auto", stream)
    structlog.get_logger().info("scaled", before=1, after=2)
    (line,) = written(stream)
    assert (line["event"], line["level"], line["after"]) == ("scaled", "info", 2)
    assert str(line["time"]).endswith("Z")


def test_libraries_that_log_by_the_standard_library_come_out_in_the_same_form() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logging.getLogger("some.library").warning("slow by %d s", 3)
    (line,) = written(stream)
    assert (line["event"], line["logger"], line["level"]) == ("slow by 3 s", "some.library", "warning")


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    logs.configure("warning", "json", stream)
    structlog.get_logger().info("quiet")
    logging.getLogger("x").info("quiet")
    assert stream.getvalue() == ""


def test_an_error_keeps_its_traceback_on_one_line() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    try:
        int("broken")
    except ValueError:
        structlog.get_logger().exception("pass_failed")
    (line,) = written(stream)
    assert "ValueError: invalid literal" in str(line["exception"])


def test_the_console_form_is_for_people() -> None:
    stream = io.StringIO()
    logs.configure("info", "console", stream)
    logs.first_line("1.2.3", {"acts": True})
    assert "starting" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
