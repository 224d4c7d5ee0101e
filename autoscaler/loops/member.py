"""How each series is to be forecast, from the object that asks for it: lead time, quantile, and what one of its pods carries.

What a pod carries at a target in per cent of requests is read off the pods that there are; while there are none, what was known
last counts.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autoscaler.forecasting.peaks.members import Member
from autoscaler.loops.forecast_book import Series
from autoscaler.loops.labels import metric_names
from autoscaler.loops.leads import LeadBook, lead_s
from autoscaler.loops.observe import Served
from autoscaler.loops.targets import workload_of
from autoscaler.model import PodView, WorkloadKey
from autoscaler.scaling.policy import down_window_s, policy_of, tolerances
from autoscaler.scaling.prediction import carried_by_one_pod
from autoscaler.settings import Settings


@dataclass(slots=True)
class MemberBook:
    """What was seen of the pods, and what they carried when that was known last."""

    settings: Settings
    leads: LeadBook
    _pods: Mapping[WorkloadKey, Sequence[PodView]] = field(default_factory=dict)
    _carried: dict[Series, float] = field(default_factory=dict)

    def look(self, pods: Sequence[PodView]) -> None:
        """Take the pods of this pass."""
        by_workload: dict[WorkloadKey, list[PodView]] = defaultdict(list)
        for pod in pods:
            if pod.workload is not None:
                by_workload[pod.workload].append(pod)
        self._pods = by_workload

    def of(self, owners: Mapping[Series, Served]) -> dict[Series, Member]:
        """Return how each series is to be forecast."""
        self._carried = {series: carried for series, carried in self._carried.items() if series in owners}
        return {series: self._member(series, served) for series, served in owners.items()}

    def _member(self, series: Series, served: Served) -> Member:
        spec, settings = served.autoscaler.spec, self.settings
        ahead_s = lead_s(spec, self.leads.ready_s(workload_of(served.target)), settings)
        policy = policy_of(spec, settings.scaling, settings.prometheus.max_age_s, ahead_s)
        metric = policy.metrics[metric_names(spec.metrics).index(series.metric)]
        carried = carried_by_one_pod(metric, self._pods.get(workload_of(served.target), ()))
        if not isinstance(carried, str):
            self._carried[series] = carried / 1000
        known = self._carried.get(series)
        seasons = spec.forecast.seasons
        return Member(
            lead_s=ahead_s,
            window_s=float(down_window_s(policy)),
            quantile=spec.forecast.risk,
            per_pod=math.nan if known is None else known,
            capacity_ratio=policy.capacity_ratio,
            tolerance=tolerances(policy).up,
            least=policy.min_replicas,
            most=policy.max_replicas,
            earned=policy.earned,
            seasons_s=None if isinstance(seasons, str) else tuple(float(one_s) for one_s in seasons),
            history_s=float(spec.forecast.history_seconds),
            fault=carried if known is None and isinstance(carried, str) else "",
        )
