"""How long before load arrives its pods must be asked for, learnt per workload from what its pods really took.

    lead = 0.9 quantile of (creation to Ready) + half the rate window + one sync period + one refresh period

The first term is what a pod takes. A rate over a window shows half of a sudden change after half the window, so load that is
measured is that old (the window of history is at least one step of its grid). A decision may wait one sync period, and the
forecast that it uses may be one refresh period old.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from autoscaler.api.types import PredictiveAutoscalerSpec
from autoscaler.clients.kube.views import lead_samples
from autoscaler.model import PodView, WorkloadKey
from autoscaler.settings import Settings

KEPT = 50  # newest samples per workload
QUANTILE = 0.9
OUTLIER = 5.0  # times the median: so long does no start take, but a readiness that came and went before we looked does
LONGEST_S = 3600.0  # more was not the pod's start: a fault, or a Ready condition that came and went


@dataclass(slots=True)
class LeadBook:
    """What the pods of each workload took from creation to Ready."""

    _samples: dict[WorkloadKey, deque[float]] = field(default_factory=dict)
    _counted: set[str] = field(default_factory=set)  # UIDs

    def learn(self, pods: Iterable[PodView]) -> None:
        """Count each pod once, when it is first seen Ready and none of its containers was ever restarted."""
        there: set[str] = set()
        for pod in pods:
            there.add(pod.uid)
            samples = () if pod.uid in self._counted or pod.deleting else lead_samples(pod)
            if pod.workload and samples:
                self._counted.add(pod.uid)
                plausible = [took_s for took_s in samples if took_s <= LONGEST_S]
                self._samples.setdefault(pod.workload, deque(maxlen=KEPT)).extend(plausible)
        self._counted &= there

    def ready_s(self, workload: WorkloadKey) -> float | None:
        """Return the time from creation to Ready that nine of ten pods keep, outliers left out; None before the first."""
        samples = self._samples.get(workload)
        if not samples:
            return None
        longest_s = OUTLIER * float(np.quantile(samples, 0.5, method="lower"))
        return float(np.quantile([one for one in samples if one <= longest_s], QUANTILE, method="higher"))

    def keep_only(self, workloads: Iterable[WorkloadKey]) -> None:
        """Forget workloads that nobody scales."""
        for workload in self._samples.keys() - set(workloads):
            del self._samples[workload]


def lead_s(spec: PredictiveAutoscalerSpec, ready_s: float | None, settings: Settings) -> float:
    """Return the time ahead that is forecast for an object: what its spec says, else the formula above."""
    if isinstance(spec.forecast.lead_seconds, int):
        return float(spec.forecast.lead_seconds)
    took_s = settings.forecast.default_lead_s if ready_s is None else ready_s
    window_s = max(settings.prometheus.rate_window_s, settings.forecast.step_s)
    return took_s + window_s / 2 + settings.scaling.sync_period_s + settings.forecast.refresh_s
