"""The scores of the demonstration: computed from what was seen, and saying so whichever way they go."""

from pathlib import Path

import pytest

from demo import report
from demo.constants import FORECAST_TWIN, PLAN, REACTIVE_TWIN
from demo.story import Expectation, Message, Replicas, Second, Story, integral, score

DAY_S = 100.0
END_S = int((PLAN.learning_days + PLAN.scored_days) * DAY_S)


def a_second(second: int, target: str, *, bad: int = 0) -> Second:
    return Second(second, target, rate=10.0, sent=10, ok=10 - bad, slow=bad, failed=0, p95_s=0.1)


def a_story(bad_seconds: dict[str, int], pods: dict[str, int]) -> Story:
    story = Story(start_s=1000.0, day_s=DAY_S)
    first = int(PLAN.learning_days * DAY_S)
    for target in (FORECAST_TWIN, REACTIVE_TWIN):
        for second in range(END_S):
            is_bad = first <= second < first + bad_seconds[target]
            story.seconds.append(a_second(second, target, bad=5 if is_bad else 0))
        story.replicas.append(Replicas(0.0, target, pods[target], pods[target], pods[target]))
    return story


def test_a_value_holds_until_the_next_point() -> None:
    assert integral([(0.0, 2.0), (10.0, 4.0)], 0.0, 20.0) == pytest.approx(60.0)
    assert integral([(0.0, 2.0), (10.0, 4.0)], 5.0, 15.0) == pytest.approx(30.0)


def test_nothing_is_counted_before_the_first_point() -> None:
    assert integral([(10.0, 4.0)], 0.0, 20.0) == pytest.approx(40.0)
    assert integral([], 0.0, 20.0) == 0.0


def test_a_second_is_overloaded_when_more_than_the_share_was_slow_or_failed() -> None:
    assert not a_second(0, FORECAST_TWIN, bad=1).overloaded
    assert a_second(0, FORECAST_TWIN, bad=2).overloaded


def test_only_the_window_is_scored() -> None:
    story = a_story({FORECAST_TWIN: 0, REACTIVE_TWIN: 7}, {FORECAST_TWIN: 6, REACTIVE_TWIN: 6})
    begin_s, end_s = report.scored_window(story)
    assert (begin_s, end_s) == (PLAN.learning_days * DAY_S, float(END_S))
    assert score(story, REACTIVE_TWIN, begin_s, end_s).overloaded_s == 7
    assert score(story, REACTIVE_TWIN, 0.0, begin_s).overloaded_s == 0


def test_scale_events_are_counted_from_what_was_wanted() -> None:
    story = Story(0.0, DAY_S)
    for second, wanted in enumerate((2, 2, 5, 4, 4, 6)):
        story.replicas.append(Replicas(float(second), FORECAST_TWIN, wanted, wanted, wanted))
    result = score(story, FORECAST_TWIN, 0.0, 10.0)
    assert (result.scale_ups, result.scale_downs) == (2, 1)


def test_the_verdict_says_when_the_forecast_was_better() -> None:
    story = a_story({FORECAST_TWIN: 1, REACTIVE_TWIN: 7}, {FORECAST_TWIN: 11, REACTIVE_TWIN: 10})
    assert "6 fewer overloaded seconds (1 against 7) at 1.10x" in report.verdict(story)


def test_the_verdict_says_when_the_forecast_was_worse() -> None:
    story = a_story({FORECAST_TWIN: 9, REACTIVE_TWIN: 7}, {FORECAST_TWIN: 12, REACTIVE_TWIN: 10})
    assert "2 MORE overloaded seconds (9 against 7) at 1.20x" in report.verdict(story)


def test_without_a_scored_day_nothing_is_compared() -> None:
    assert "nothing can be compared" in report.verdict(Story(0.0, DAY_S))


def test_a_story_survives_being_kept(tmp_path: Path) -> None:
    story = a_story({FORECAST_TWIN: 1, REACTIVE_TWIN: 2}, {FORECAST_TWIN: 3, REACTIVE_TWIN: 3})
    story.expectations.append(Expectation(1.0, 9.5, 12.0, gate_open=True, lost_ratio=0.1))
    story.messages.append(Message(2.0, "foresail", "foresail.scaled", signed=True, text="2 to 3", data={"a": 1}))
    story.save(tmp_path / "story.json")
    assert Story.load(tmp_path / "story.json") == story


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    story = a_story({FORECAST_TWIN: 1, REACTIVE_TWIN: 2}, {FORECAST_TWIN: 3, REACTIVE_TWIN: 3})
    story.expectations.append(Expectation(1.0, 9.5, 12.0, gate_open=True, lost_ratio=0.1))
    report.picture(story, tmp_path / "twins.png")
    assert (tmp_path / "twins.png").read_bytes().startswith(b"\x89PNG")
