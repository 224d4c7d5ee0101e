"""How long before load arrives its pods must be asked for, learnt per workload from what its pods really took.

    lead = 0.9 quantile of (creation to Ready) + half the rate window + one sync period + one refresh period

The first term is what a pod takes, and at least as long as one waits for a node right now: a cluster that is out of room is
looked ahead for longer at once, not when the first node has come. A rate over a window shows half of a sudden change after half
the window, so load that is measured is that old (the window of history is at least one step of its grid). A decision may wait
one sync period, and the forecast that it uses may be one refresh period old.
"""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np

from autoscaler.api.types import PredictiveAutoscalerSpec
from autoscaler.clients.kube.views import lead_samples
from autoscaler.model import PodView, WorkloadKey
from autoscaler.settings import Settings

KEPT = 50  # newest samples per workload
QUANTILE = 0.9
OUTLIER = 5.0  # times the median: of a start that nobody watched, so long is a readiness that came and went before we looked
LONGEST_S = 3600.0  # more was not the pod's start: a fault, or a Ready condition that came and went
_AT_ONCE_S = 5.0  # so soon after a pod has a node the kubelet says that it is not Ready, which is no change


@dataclass(frozen=True, slots=True)
class _Sample:
    """What one pod took from creation to Ready; `watched` says that we have seen it before it was Ready."""

    took_s: float
    watched: bool


@dataclass(slots=True)
class LeadBook:
    """What the pods of each workload took from creation to Ready."""

    _samples: dict[WorkloadKey, deque[_Sample]] = field(default_factory=dict)
    _took_s: dict[WorkloadKey, float] = field(default_factory=dict)  # what the samples come to; asked for several times a pass
    _waiting_s: dict[WorkloadKey, float] = field(default_factory=dict)  # the longest that a pod without a node waits
    _counted: set[str] = field(default_factory=set)  # UIDs
    _young: set[str] = field(default_factory=set)  # UIDs of pods that have never been Ready
    _looked_s: float | None = None

    def learn(self, pods: Iterable[PodView], now_s: float) -> None:
        """Count each pod once, when it is first seen Ready and none of its containers was ever restarted."""
        there: set[str] = set()
        self._waiting_s = {}
        for pod in pods:
            there.add(pod.uid)
            if _never_ready(pod):
                self._young.add(pod.uid)
            if pod.workload and pod.unschedulable_since_s is not None and not pod.deleting:
                self._waits(pod.workload, now_s - pod.created_s)
            samples = () if pod.uid in self._counted or pod.deleting else lead_samples(pod)
            if pod.workload and samples:
                self._counted.add(pod.uid)
                plausible = [_Sample(took_s, self._watched(pod)) for took_s in samples if took_s <= LONGEST_S]
                self._samples.setdefault(pod.workload, deque(maxlen=KEPT)).extend(plausible)
                self._took_s.pop(pod.workload, None)
        self._counted &= there
        self._young &= there
        self._looked_s = now_s

    def ready_s(self, workload: WorkloadKey) -> float | None:
        """Return the time from creation to Ready that nine of ten pods keep, doubtful outliers left out.

        It is at least what a pod has been waiting for a node by now; None before the first is known. Pods that have a node and
        do not become Ready do not count: that may be a fault, which no looking ahead mends.
        """
        waiting_s = self._waiting_s.get(workload)
        if workload not in self._took_s:
            samples = self._samples.get(workload)
            if not samples:
                return waiting_s
            self._took_s[workload] = _usual_s(samples)
        return max(waiting_s or 0.0, self._took_s[workload])

    def keep_only(self, workloads: Iterable[WorkloadKey]) -> None:
        """Forget workloads that nobody scales."""
        for workload in self._samples.keys() - set(workloads):
            del self._samples[workload]
            self._took_s.pop(workload, None)

    def _waits(self, workload: WorkloadKey, waits_s: float) -> None:
        self._waiting_s[workload] = max(self._waiting_s.get(workload, 0.0), min(waits_s, LONGEST_S))

    def _watched(self, pod: PodView) -> bool:
        """Say whether a pod that is Ready was there before it was, or was not there at all when we looked last."""
        return pod.uid in self._young or (self._looked_s is not None and pod.created_s > self._looked_s)


def lead_s(spec: PredictiveAutoscalerSpec, ready_s: float | None, settings: Settings) -> float:
    """Return the time ahead that is forecast for an object: what its spec says, else the formula above."""
    if isinstance(spec.forecast.lead_seconds, int):
        return float(spec.forecast.lead_seconds)
    took_s = settings.forecast.default_lead_s if ready_s is None else ready_s
    window_s = max(settings.prometheus.rate_window_s, settings.forecast.step_s)
    return took_s + window_s / 2 + settings.scaling.sync_period_s + settings.forecast.refresh_s


def _usual_s(samples: Collection[_Sample]) -> float:
    longest_s = OUTLIER * float(np.quantile([one.took_s for one in samples], 0.5, method="lower"))
    kept = [one.took_s for one in samples if one.watched or one.took_s <= longest_s]
    return float(np.quantile(kept, QUANTILE, method="higher"))


def _never_ready(pod: PodView) -> bool:
    """Say whether a pod has not been Ready yet: it has no such condition, or the one that it got with its node."""
    if pod.ready or pod.restarts:
        return False
    return pod.ready_changed_s is None or pod.start_s is None or pod.ready_changed_s - pod.start_s <= _AT_ONCE_S
