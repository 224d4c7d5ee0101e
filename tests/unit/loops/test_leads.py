from autoscaler.api.types import CrossVersionObjectReference, ForecastSpec, Mode, PredictiveAutoscalerSpec
from autoscaler.loops.leads import KEPT, LeadBook, lead_s
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
    book.learn(a_pod_that_took(seconds, f"shop-{seconds}") for seconds in range(1, 11))
    assert book.ready_s(SHOP) in {9.0, 10.0}


def test_a_pod_is_counted_once() -> None:
    book = LeadBook()
    slow = a_pod_that_took(100, "slow")
    for _ in range(5):
        book.learn([slow])
    book.learn([slow, *(a_pod_that_took(10, f"fast-{index}") for index in range(19))])
    assert book.ready_s(SHOP) == 10.0


def test_pods_that_restarted_or_took_absurdly_long_teach_nothing() -> None:
    book = LeadBook()
    book.learn([a_pod_that_took(50, "restarted", restarts=1), a_pod_that_took(4000, "healed-later")])
    assert book.ready_s(SHOP) is None


def test_a_readiness_that_came_and_went_before_we_looked_does_not_count_as_a_start() -> None:
    book = LeadBook()
    book.learn([*(a_pod_that_took(25 + index, f"plain-{index}") for index in range(4)), a_pod_that_took(480, "flapped")])
    assert book.ready_s(SHOP) == 28.0


def test_starts_that_differ_all_count() -> None:
    book = LeadBook()
    book.learn([a_pod_that_took(25, "image-there"), a_pod_that_took(110, "image-pulled")])
    assert book.ready_s(SHOP) == 110.0


def test_only_the_newest_samples_are_kept() -> None:
    book = LeadBook()
    book.learn(a_pod_that_took(100, f"old-{index}") for index in range(KEPT))
    book.learn(a_pod_that_took(20, f"new-{index}") for index in range(KEPT))
    assert book.ready_s(SHOP) == 20.0


def test_a_workload_that_nobody_scales_any_more_is_forgotten() -> None:
    book = LeadBook()
    book.learn([a_pod_that_took(20, "one")])
    book.keep_only([])
    assert book.ready_s(SHOP) is None


def test_the_lead_is_what_pods_take_and_what_seeing_and_deciding_take() -> None:
    assert lead_s(a_spec("auto"), 25.0, SETTINGS) == 25 + 40 / 2 + 15 + 30


def test_before_anything_was_learnt_the_default_stands_in() -> None:
    assert lead_s(a_spec("auto"), None, SETTINGS) == 60 + 40 / 2 + 15 + 30


def test_a_lead_that_the_user_wrote_is_taken_as_it_is() -> None:
    assert lead_s(a_spec(90), 25.0, SETTINGS) == 90.0


def test_the_rate_of_a_coarse_grid_covers_all_of_a_step() -> None:
    coarse = Settings(forecast=ForecastSettings(step_s=120, refresh_s=30.0))
    assert lead_s(a_spec("auto"), 25.0, coarse) == 25 + 120 / 2 + 15 + 30
