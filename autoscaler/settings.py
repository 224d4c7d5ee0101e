"""All settings of the service: one frozen tree, a sentence and a unit per field.

Precedence: default < file (YAML) < environment (`FORESAIL_PROMETHEUS__URL`, two underscores per level) < flag. A key that is
not known stops the start, and the message names it.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0)]
WholeSeconds = Annotated[int, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
OneOrMore = Annotated[int, Meta(ge=1)]
SecondsOrZero = Annotated[float, Meta(ge=0)]
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - inside a pod everything comes by the pod's address


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Common to all parts: immutable, unknown keys refused."""


class PrometheusSettings(_Settings, frozen=True, kw_only=True):
    """Where load is read."""

    url: str = "http://prometheus-server.monitoring.svc:80"  # base URL of anything that speaks Prometheus' HTTP API
    bearer_token_file: str = ""  # file with a token, read again for each request; empty: none
    ca_file: str = ""  # CA bundle for https; empty: the system's
    timeout_s: Seconds = 10.0  # one request, connect to last byte
    job: str = "foresail-exporter"  # the job that our queries pin, so that two exporters never count a pod twice
    rate_window_s: WholeSeconds = 60  # window of rate() in our queries; at least four scrape intervals
    max_age_s: Seconds = 60.0  # a sample older than this is stale, and stale means hold


class ScalingSettings(_Settings, frozen=True, kw_only=True):
    """The scaling loop; the names and defaults of kube-controller-manager's flags where it has them."""

    sync_period_s: Seconds = 15.0  # between two passes over all PredictiveAutoscalers
    tolerance: Annotated[float, Meta(ge=0, lt=1)] = 0.1  # ratio to the target that is ignored, both directions
    downscale_stabilization_s: Count = 300  # the highest recommendation of so long counts when scaling down
    cpu_initialization_period_s: SecondsOrZero = 300.0  # CPU of a pod this young counts only if it is Ready
    initial_readiness_delay_s: SecondsOrZero = 30.0  # unready since so soon after its start: it was never ready
    scale_to_zero: bool = False  # minReplicas 0 is kept to, and left again when a metric asks for pods (HPAScaleToZero)
    exact_hpa: bool = False  # also where the HPA harms: it trusts values of any age and below zero, and numbers overflow
    discount_rollouts: bool = True  # surge pods and the CPU of starts ask for no pods; always off with exact_hpa
    unschedulable_hold_s: SecondsOrZero = 180.0  # no more pods while one has had no node for so long; 0: more are asked for
    max_added_pods_per_minute: Count = 0  # cap over the whole cluster; 0: none
    calendar_folder: str = ""  # folder with NAME.ics or NAME.txt of each calendar that schedules exclude; empty: none


class HolidaySettings(_Settings, frozen=True, kw_only=True):
    """Days that are holidays; exactly one of `country`, `calendar` and `dates` is given."""

    country: str = ""  # ISO 3166-1 code: its public holidays
    subdivision: str = ""  # of the country, such as BY or CA
    calendar: str = ""  # name of a file in scaling.calendar_folder, without its ending
    dates: tuple[str, ...] = ()  # YYYY-MM-DD


class ForecastSettings(_Settings, frozen=True, kw_only=True):
    """How load is forecast for all workloads at once."""

    step_s: WholeSeconds = 60  # distance of the points of history
    refresh_s: Seconds = 60.0  # between two passes over all series
    history_days: Annotated[int, Meta(ge=1, le=28)] = 14  # of load that are kept of each series; 3 KB a day at one minute
    expiry_s: Seconds = 300.0  # a forecast older than this is not used
    default_lead_s: Seconds = 60.0  # time from creation to Ready while nothing was learnt yet
    max_points: Annotated[int, Meta(ge=10)] = 11_000  # of one series in one query; Prometheus' own limit
    lift_throttled: bool = True  # CPU that ran into a limit is taken for less than was wanted, and history lifted by up to 2
    time_zone: str = "UTC"  # IANA name of the zone whose clocks load goes by where an object names none
    holidays: tuple[HolidaySettings, ...] = ()  # days on which load is as on Sundays, where an object names none
    workers: OneOrMore = 1  # processes that learn at once, at the lowest priority; some 250 MB each while they do
    dask_address: str = ""  # scheduler of a Dask cluster to learn on, such as tcp://scheduler:8786; empty: only here
    saved_folder: str = ""  # folder for copies of what was learnt, which make a restart fast; empty: none
    saved_every_s: Seconds = 600.0  # between two such copies


class HealingSettings(_Settings, frozen=True, kw_only=True):
    """The healing loop."""

    acts: bool = True  # False: HealingPolicies only observe; the chart sets it where healing.enabled is false
    sync_period_s: Seconds = 5.0  # between two passes over all HealingPolicies
    outcome_s: Seconds = 120.0  # a replacement must be Ready within this, or the act did not help


class LeaderElectionSettings(_Settings, frozen=True, kw_only=True):
    """Only one replica of the service acts; the others keep their caches warm."""

    enabled: bool = True  # False: this replica acts without a Lease; only where no second one runs
    lease_name: str = "foresail"  # of the Lease that replicas share
    namespace: str = ""  # empty: the pod's own (file of the service account)
    lease_duration_s: Seconds = 15.0  # another may take over after this without a renewal
    renew_deadline_s: Seconds = 10.0  # a leader that could not renew for so long stops acting by itself
    retry_period_s: Seconds = 2.0  # between two tries


class WebhookSettings(_Settings, frozen=True, kw_only=True):
    """One receiver of what was done, refused or failed; signed by the Standard Webhooks scheme when a secret is given.

    Exactly one of `url` and `url_file` is given.
    """

    name: str  # of the receiver, in logs and metrics
    url: str = ""  # where messages are posted; a secret, never logged
    url_file: str = ""  # file with the URL instead, read again for each try
    secret_file: str = ""  # file with the shared secret (`whsec_` + base64); empty: not signed
    timeout_s: Seconds = 10.0  # one try, connect to last byte


class NotifySettings(_Settings, frozen=True, kw_only=True):
    """Who is told."""

    webhooks: tuple[WebhookSettings, ...] = ()  # the receivers
    queue_size: Annotated[int, Meta(gt=0)] = 1000  # messages that wait per receiver; the oldest is dropped and counted
    give_up_after_s: Seconds = 3600.0  # of trying one message


class WebSettings(_Settings, frozen=True, kw_only=True):
    """Status page, JSON API, metrics and probes of the service itself."""

    host: str = ANY_ADDRESS  # address to listen on
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080  # 0: any that is free


class KubernetesSettings(_Settings, frozen=True, kw_only=True):
    """How the API server is reached."""

    kubeconfig: str = ""  # empty: the pod's service account, else the default kubeconfig
    context: str = ""  # of the kubeconfig; empty: the current one
    namespaces: tuple[str, ...] = ()  # whose objects are served; empty: all
    request_timeout_s: Seconds = 10.0  # one request that is not a watch


class LogSettings(_Settings, frozen=True, kw_only=True):
    """Structured logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"  # the least that is written
    format: Literal["auto", "json", "console"] = "auto"  # json, console, or auto: console on a terminal


class Settings(_Settings, frozen=True, kw_only=True):
    """The whole tree."""

    acts: bool = True  # False: decide and report, but change nothing in the cluster
    prometheus: PrometheusSettings = PrometheusSettings()
    scaling: ScalingSettings = ScalingSettings()
    forecast: ForecastSettings = ForecastSettings()
    healing: HealingSettings = HealingSettings()
    leader_election: LeaderElectionSettings = LeaderElectionSettings()
    notify: NotifySettings = NotifySettings()
    web: WebSettings = WebSettings()
    kubernetes: KubernetesSettings = KubernetesSettings()
    log: LogSettings = LogSettings()
