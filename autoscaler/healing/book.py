"""The book of acts: what was done to which workload, kept in the policy's status so that budgets survive the service.

It is read leniently: an entry that cannot be understood is dropped, as a status that somebody edited must not stop healing.
It is bounded: entries are forgotten once no brake needs them. Who writes it to the API, and when, is left to the loop.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from autoscaler.api.types import HealingBudget
from autoscaler.healing.types import ActRecord, ActState, State
from autoscaler.model import WorkloadKey

HOUR_S = 3600.0
BOOK_LIMIT = 100  # entries; a status is an API object and must stay small
MAX_DOUBLINGS = 5  # of the interval: 5 min become 2 h 40 min

_ROOM = BOOK_LIMIT // 2  # entries that no brake needs right now are kept up to here only
_END_OF_TIME_S = datetime(9000, 1, 1, tzinfo=UTC).timestamp()  # later dates cannot be written in every time zone
_PENDING = (ActState.RESERVED, ActState.DONE)
_UNHELPFUL = (ActState.UNHEALED, ActState.FAILED)


def to_status(state: State) -> dict[str, Any]:
    """Return the state as fields of the policy's status: `acts` and `breakerOpenUntil`; times as RFC 3339 in microseconds."""
    status: dict[str, Any] = {"acts": [_act_to_json(act) for act in state.acts]}
    if state.breaker_open_until_s is not None:
        status["breakerOpenUntil"] = _time_to_text(state.breaker_open_until_s)
    return status


def from_status(status: Mapping[str, Any] | None) -> State:
    """Return the state that a policy's status holds; what cannot be understood is dropped, and nothing raises."""
    if not isinstance(status, Mapping):
        return State()
    entries = status.get("acts")
    acts = [_act_from_json(entry) for entry in entries] if isinstance(entries, list | tuple) else []
    known = sorted((act for act in acts if act is not None), key=lambda act: act.at_s)
    return State(tuple(known[-BOOK_LIMIT:]), _time_from_text(status.get("breakerOpenUntil")))


def of_workload(acts: Iterable[ActRecord], workload: WorkloadKey) -> tuple[ActRecord, ...]:
    """Return the acts on one workload, oldest first."""
    return tuple(sorted((act for act in acts if act.workload == workload), key=lambda act: act.at_s))


def pending(acts: Iterable[ActRecord], workload: WorkloadKey) -> ActRecord | None:
    """Return the newest act on a workload whose outcome is not known, or None."""
    return next((act for act in reversed(of_workload(acts, workload)) if is_pending(act)), None)


def is_pending(act: ActRecord) -> bool:
    """Return whether the outcome is not known; a reservation found after a crash may have been carried out."""
    return act.state in _PENDING


def interval_s(acts: Iterable[ActRecord], workload: WorkloadKey, budget: HealingBudget) -> float:
    """Return the least time between the newest act on a workload and the next: doubled for each act in a row without help."""
    in_a_row = 0
    for act in reversed(of_workload(acts, workload)):
        if act.state not in _UNHELPFUL:
            break
        in_a_row += 1
    return float(budget.interval_seconds * 2 ** min(in_a_row, MAX_DOUBLINGS))


def in_last_hour(acts: Iterable[ActRecord], now_s: float) -> int:
    """Return how many acts count against the hourly budget; failed ones do, as a lost answer may hide an eviction."""
    return sum(act.at_s > now_s - HOUR_S for act in acts)


def prune(acts: Iterable[ActRecord], budget: HealingBudget, now_s: float) -> tuple[ActRecord, ...]:
    """Return the acts that a brake may still need, oldest first.

    A time in the future (a clock was set back) becomes now, which errs on the side of waiting.
    """
    ordered = sorted((replace(act, at_s=min(act.at_s, now_s)) for act in acts), key=lambda act: act.at_s)
    remembered = [act for act in ordered if _remembered(act, of_workload(ordered, act.workload), budget, now_s)]
    spare = len(remembered) - _ROOM
    kept: list[ActRecord] = []
    for act in remembered:
        if spare > 0 and not _needed_now(act, remembered, budget, now_s):
            spare -= 1
        else:
            kept.append(act)
    return tuple(kept)


def _remembered(act: ActRecord, history: tuple[ActRecord, ...], budget: HealingBudget, now_s: float) -> bool:
    """Counted in this hour, or part of the run that sets the back-off while the workload was acted on lately."""
    lately_s = max(HOUR_S, 2.0 * budget.interval_seconds * 2**MAX_DOUBLINGS)
    in_run = act in history[-(MAX_DOUBLINGS + 1) :]
    return act.at_s > now_s - HOUR_S or (in_run and history[-1].at_s > now_s - lately_s)


def _needed_now(act: ActRecord, acts: list[ActRecord], budget: HealingBudget, now_s: float) -> bool:
    if act.at_s > now_s - HOUR_S or is_pending(act):
        return True
    newest = of_workload(acts, act.workload)[-1]
    return act == newest and now_s - act.at_s < interval_s(acts, act.workload, budget)


def _act_to_json(act: ActRecord) -> dict[str, Any]:
    workload = {"namespace": act.workload.namespace, "kind": act.workload.kind, "name": act.workload.name}
    return {"at": _time_to_text(act.at_s), "workload": workload, "pod": act.pod, "uid": act.uid, "state": act.state.value}


def _act_from_json(entry: object) -> ActRecord | None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("workload"), Mapping):
        return None
    owner = entry["workload"]
    texts = [owner.get("namespace"), owner.get("kind"), owner.get("name"), entry.get("pod"), entry.get("uid")]
    at_s = _time_from_text(entry.get("at"))
    state = next((known for known in ActState if known.value == entry.get("state")), None)
    if at_s is None or state is None or not all(isinstance(text, str) for text in texts):
        return None
    namespace, kind, name, pod, uid = map(str, texts)
    return ActRecord(at_s, WorkloadKey(namespace, kind, name), pod, uid, state)


def _time_to_text(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time_from_text(text: object) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    at_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return at_s if 0 <= at_s < _END_OF_TIME_S else None
