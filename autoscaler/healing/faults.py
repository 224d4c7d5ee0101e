"""What counts as a fault of a pod, and since when it lasts.

A fault is only ever read from what the API says for certain: an unknown time, a missing condition or a clock in the future
is not a fault. What to do about one is left to `decide`.
"""

from dataclasses import dataclass

from autoscaler.api.types import Faults
from autoscaler.model import PodPhase, PodView
from autoscaler.reasons import Reason

# The kubelet writes startTime and the first Ready=False within a second or two of each other; a Ready condition that
# changed later than this had been True in between.
_SAME_MOMENT_S = 5.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that was found: `lasts_s` so far, while `tolerated_s` of it are waited out."""

    reason: Reason
    lasts_s: float
    tolerated_s: float

    @property
    def tolerated(self) -> bool:
        """Whether it may still go away by itself."""
        return self.lasts_s <= self.tolerated_s


def healthy(pod: PodView) -> bool:
    """Return whether the pod runs and is Ready."""
    return pod.phase is PodPhase.RUNNING and pod.ready is True and not pod.deleting


def find(pod: PodView, faults: Faults, now_s: float) -> Fault | None:
    """Return the fault of a pod that the policy looks for, tolerated or not; None when it has none."""
    lasts_s = _unready_s(pod, now_s)
    if faults.not_ready is None or lasts_s is None:
        return None
    return Fault(Reason.NOT_READY_TOO_LONG, lasts_s, float(faults.not_ready.for_seconds))


def sign_of_storm(pod: PodView, fault: Fault) -> bool:
    """Return whether the pod counts as failing for the breaker.

    Pods that fail of one cause do not reach the end of their toleration in the same pass. So a pod that was Ready counts
    from half of the toleration on, and the first of a storm is not restarted before the others show. A pod that has not
    been Ready yet may still be starting and counts only after the whole toleration.
    """
    if not fault.tolerated:
        return True
    was_ready = pod.start_s is not None and (pod.ready_changed_s or 0.0) > pod.start_s + _SAME_MOMENT_S
    return was_ready and fault.lasts_s >= fault.tolerated_s / 2


def _unready_s(pod: PodView, now_s: float) -> float | None:
    if pod.phase is not PodPhase.RUNNING or pod.ready is not False or pod.deleting or pod.ready_changed_s is None:
        return None
    # Two of the times are by the clock of the pod's node, which may be late; a pod was never unready before it was made.
    return now_s - max(pod.ready_changed_s, pod.start_s or pod.ready_changed_s, pod.created_s)
