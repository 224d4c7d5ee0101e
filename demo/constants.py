"""Every constant of the demonstration in one place, and why it has its value.

The machine it must fit has two cores, of which Kubernetes itself takes a good part. The figures are chosen so that a forecast
CAN matter (a pod needs longer to become Ready than the morning ramp lasts), not so that it must: both twins get the same
requests at the same moment, under the same object, but for `forecast.enabled`.
"""

from dataclasses import dataclass

NAMESPACE = "demo"
SYSTEM_NAMESPACE = "foresail"
FORECAST_TWIN = "shop-forecast"
REACTIVE_TWIN = "shop-reactive"
PATIENT = "cart"  # the workload of which one pod breaks


@dataclass(frozen=True, slots=True)
class Season:
    """The compressed day: requests per second over the time of day, as shares of the day."""

    day_s: float = 240.0  # long enough that scaling in pays off before the next morning, short enough to watch
    night_rps: float = 54.0  # 3.4 pods at the target, so four
    noon_rps: float = 85.5  # 5.3 pods at the target, so six; four pods cannot carry it
    dawn: float = 0.20  # the ramp begins here …
    morning: float = 0.28  # … and ends here: 19 s, shorter than the 22 s that a new pod needs
    dusk: float = 0.82
    evening: float = 0.92
    amplitude_jitter: float = 0.02  # each day is a little different, the same for both twins
    seed: int = 7


@dataclass(frozen=True, slots=True)
class App:
    """One pod of the sample app."""

    cpu_millicores: int = 50  # request and limit: the CPU cost of a request is real, so a pod saturates
    memory_mebibytes: int = 64
    cost_ms: float = 2.4  # CPU time of one request's work; with parsing and answering 2.8 ms, so 18 requests/s a pod
    warmup_s: float = 20.0  # from start to Ready, as a real app fills caches and pools
    queue: int = 100  # requests that wait in one pod; more are answered 503 at once
    port: int = 8000


@dataclass(frozen=True, slots=True)
class Scaling:
    """The PredictiveAutoscaler that both twins have."""

    first_replicas: int = 4  # right for the night in which it begins
    min_replicas: int = 2
    max_replicas: int = 8
    rps_per_pod: int = 16  # of the 18 that a pod can carry
    capacity_ratio: float = 1.0  # of the 18 that it can carry it answers 16 without a queue
    cpu_percent: int = 80  # the patient's, and of the end-to-end test
    scale_up_tolerance: str = "0.02"  # with the default of 10 % five pods never become the six that the target asks for
    scale_down_window_s: int = 30  # 300 s, the default, would never scale in on so short a day
    risk: float = 0.95  # quantile of the peak


@dataclass(frozen=True, slots=True)
class Healing:
    """The HealingPolicy and the pod that breaks."""

    replicas: int = 3
    not_ready_s: int = 30  # longer than the warm-up, or each new pod would look broken
    interval_s: int = 60


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things happen; real clusters take 15 s to a minute where this takes 2 s."""

    scrape_s: int = 2
    rate_window_s: int = 12  # six scrapes
    sync_s: float = 2.0
    forecast_step_s: int = 2
    forecast_refresh_s: float = 2.0
    forecast_expiry_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long the demonstration runs, and what counts as served."""

    learning_days: int = 4  # one and a half until the first model, two of trying it before the gate can open; not scored
    scored_days: int = 1
    break_pod_at_day: float = 0.5  # when one pod of `cart` fails its readiness for good
    slow_s: float = 1.0  # an answer later than this is slow
    timeout_s: float = 5.0  # the client gives up; the request failed
    overloaded_share: float = 0.1  # a second in which more than this share was slow or failed is an overloaded second


SEASON = Season()
APP = App()
SCALING = Scaling()
HEALING = Healing()
PACE = Pace()
PLAN = Plan()
