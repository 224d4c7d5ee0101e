from dataclasses import replace

from autoscaler.api.types import CrossVersionObjectReference, ForecastSpec, Mode, PredictiveAutoscalerSpec
from autoscaler.loops.leads import KEPT, LONGEST_S, LeadBook, lead_s
from autoscaler.model import PodView
from autoscaler.settings import ForecastSettings, PrometheusSettings, ScalingSettings, Settings
from tests.builders import NOW_S, SHOP, a_pod

SETTINGS = Settings(
    prometheus=PrometheusSettings(rate_window_s=40),
    scaling=ScalingSettings(sync_period_s=15.0),
    forecast=ForecastSettings(default_lead_s=60.0, refresh_s=30.0, step_s=10),
)


def a_spec(lead_seconds: int | str) -> PredictiveAutoscalerSpec:
    ref = CrossVersionObjectReference(kind="Deployment", name="shop")
    forecast = ForecastSpec(lead_seconds=lead_seconds)
    return PredictiveAutoscalerSpec(scale_target_ref=ref, mode=Mode.SCALE, max_replicas=5, forecast=forecast)


def a_pod_that_took(seconds: float, name: str, **fields: object) -> PodView:
    return a_pod(name, created_s=NOW_S - 500, ready_changed_s=NOW_S - 500 + seconds, **fields)


def test_nine_of_ten_pods_were_ready_in_the_time_that_is_learnt() -> None:
    book = LeadBook()
    book.learn((a_pod_that_took(seconds, f"shop-{seconds}") for seconds in range(1, 11)), NOW_S)
    assert book.ready_s(SHOP) in {9.0, 10.0}


def test_a_pod_is_counted_once() -> None:
    book = LeadBook()
    slow = a_pod_that_took(100, "slow")
    for _ in range(5):
        book.learn([slow], NOW_S)
    book.learn([slow, *(a_pod_that_took(10, f"fast-{index}") for index in range(19))], NOW_S)
    assert book.ready_s(SHOP) == 10.0


def test_pods_that_restarted_or_took_absurdly_long_teach_nothing() -> None:
    book = LeadBook()
    book.learn([a_pod_that_took(50, "restarted", restarts=1), a_pod_that_took(4000, "healed-later")], NOW_S)
    assert book.ready_s(SHOP) is None


def test_a_readiness_that_came_and_went_before_we_looked_does_not_count_as_a_start() -> None:
    book = LeadBook()
    book.learn([*(a_pod_that_took(25 + index, f"plain-{index}") for index in range(4)), a_pod_that_took(480, "flapped")], NOW_S)
    assert book.ready_s(SHOP) == 28.0


def test_starts_that_differ_all_count() -> None:
    book = LeadBook()
    book.learn([a_pod_that_took(25, "image-there"), a_pod_that_took(110, "image-pulled")], NOW_S)
    assert book.ready_s(SHOP) == 110.0


def test_only_the_newest_samples_are_kept() -> None:
    book = LeadBook()
    book.learn((a_pod_that_took(100, f"old-{index}") for index in range(KEPT)), NOW_S)
    book.learn((a_pod_that_took(20, f"new-{index}") for index in range(KEPT)), NOW_S)
    assert book.ready_s(SHOP) == 20.0


def test_a_workload_that_nobody_scales_any_more_is_forgotten() -> None:
    book = LeadBook()
    book.learn([a_pod_that_took(20, "one")], NOW_S)
    assert book.ready_s(SHOP) == 20.0
    book.keep_only([])
    assert book.ready_s(SHOP) is None


def test_what_was_asked_for_once_is_learnt_on() -> None:
    book = LeadBook()
    book.learn([a_pod_that_took(20, "one")], NOW_S)
    assert book.ready_s(SHOP) == 20.0
    book.learn([a_pod_that_took(30, "two")], NOW_S)
    assert book.ready_s(SHOP) == 30.0


def test_the_lead_is_what_pods_take_and_what_seeing_and_deciding_take() -> None:
    assert lead_s(a_spec("auto"), 25.0, SETTINGS) == 25 + 40 / 2 + 15 + 30


def test_before_anything_was_learnt_the_default_stands_in() -> None:
    assert lead_s(a_spec("auto"), None, SETTINGS) == 60 + 40 / 2 + 15 + 30


def test_a_lead_that_the_user_wrote_is_taken_as_it_is() -> None:
    assert lead_s(a_spec(90), 25.0, SETTINGS) == 90.0


def test_the_rate_of_a_coarse_grid_covers_all_of_a_step() -> None:
    coarse = Settings(forecast=ForecastSettings(step_s=120, refresh_s=30.0))
    assert lead_s(a_spec("auto"), 25.0, coarse) == 25 + 120 / 2 + 15 + 30


def a_pod_that_waits(seconds: float, name: str = "waits", **fields: object) -> PodView:
    """A pod that was made so many seconds ago and has no node."""
    since_s = NOW_S - seconds
    return a_pod(name, created_s=since_s, start_s=None, ready=None, ready_changed_s=None, **fields)


def a_quick_book() -> LeadBook:
    """A book of pods that took 20 s, read a quarter of an hour ago."""
    book = LeadBook()
    book.learn([a_pod_that_took(20, f"quick-{index}") for index in range(20)], NOW_S - 900)
    return book


def test_the_time_that_a_pod_waits_for_a_node_counts_at_once() -> None:
    book = a_quick_book()
    book.learn([a_pod_that_waits(400, unschedulable_since_s=NOW_S - 399)], NOW_S)
    assert book.ready_s(SHOP) == 400.0
    book.learn([], NOW_S)
    assert book.ready_s(SHOP) == 20.0


def test_a_pod_that_waits_for_less_than_others_took_changes_nothing() -> None:
    book = a_quick_book()
    book.learn([a_pod_that_waits(3, unschedulable_since_s=NOW_S - 2)], NOW_S)
    assert book.ready_s(SHOP) == 20.0


def test_a_first_pod_that_waits_is_all_that_is_known() -> None:
    book = LeadBook()
    book.learn([a_pod_that_waits(90, unschedulable_since_s=NOW_S - 89)], NOW_S)
    assert book.ready_s(SHOP) == 90.0


def test_no_wait_for_a_node_is_looked_ahead_for_longer_than_an_hour() -> None:
    book = a_quick_book()
    book.learn([a_pod_that_waits(90_000, unschedulable_since_s=NOW_S - 90_000)], NOW_S)
    assert book.ready_s(SHOP) == LONGEST_S


def test_a_pod_that_has_a_node_and_does_not_become_ready_is_a_fault_and_no_wait() -> None:
    book = a_quick_book()
    crashing = a_pod("crashing", created_s=NOW_S - 800, ready=False, ready_changed_s=NOW_S - 790, restarts=7)
    pulling = a_pod_that_waits(800, "image-not-found")
    going = a_pod_that_waits(800, "going", unschedulable_since_s=NOW_S - 799, deleting=True)
    book.learn([crashing, pulling, going], NOW_S)
    assert book.ready_s(SHOP) == 20.0


def test_a_start_that_was_watched_counts_however_long_it_took() -> None:
    book = a_quick_book()
    waits = [a_pod_that_waits(10, f"new-node-{index}", unschedulable_since_s=NOW_S - 9) for index in range(5)]
    book.learn(waits, NOW_S)
    book.learn([_ready_after(pod, 310) for pod in waits], NOW_S + 320)
    assert book.ready_s(SHOP) == 310.0


def test_a_start_between_two_looks_was_watched() -> None:
    book = a_quick_book()
    book.learn([], NOW_S)
    late = [a_pod(f"late-{index}", created_s=NOW_S + 10, ready_changed_s=NOW_S + 210) for index in range(5)]
    book.learn(late, NOW_S + 300)
    assert book.ready_s(SHOP) == 200.0


def test_a_pod_that_had_been_ready_before_it_was_first_seen_unready_was_not_watched() -> None:
    book = a_quick_book()
    flapped = [
        a_pod(f"flap-{index}", created_s=NOW_S - 800, start_s=NOW_S - 799, ready=False, ready_changed_s=NOW_S - 100)
        for index in range(5)
    ]
    book.learn(flapped, NOW_S)
    book.learn([_ready_after(pod, 900) for pod in flapped], NOW_S + 120)
    assert book.ready_s(SHOP) == 20.0


def _ready_after(pod: PodView, seconds: float) -> PodView:
    return replace(pod, ready=True, ready_changed_s=pod.created_s + seconds, unschedulable_since_s=None)
