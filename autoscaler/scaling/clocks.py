"""What is remembered stays true when the clock is put back: nothing that happened is later than now.

Times count from the wall clock, because some come from statuses and from Prometheus. After a step back by hours everything
remembered would lie ahead: a burst would last for hours, a stabilization window or a rate limit hold the count for as long.
Taken as of now, each holds for its own length once more and no longer. On a clock that runs forwards nothing changes here.
"""

from dataclasses import replace

from autoscaler.scaling.schedules.types import Padding
from autoscaler.scaling.types import Bursting, Recommendation, ScaleEvent, State


def not_ahead(state: State, now_s: float) -> State:
    """Return the state with every time that is later than now as of now."""
    if max(_times(state), default=now_s) <= now_s:
        return state
    return replace(
        state,
        recommendations=_recommended(state.recommendations, now_s),
        predicted=_recommended(state.predicted, now_s),
        scale_ups=_changed(state.scale_ups, now_s),
        scale_downs=_changed(state.scale_downs, now_s),
        blind_since_s=None if state.blind_since_s is None else min(state.blind_since_s, now_s),
        burst=None if state.burst is None else _burst(state.burst, now_s),
        padding=Padding(state.padding.base, tuple((min(at_s, now_s), count) for at_s, count in state.padding.recent)),
    )


def _times(state: State) -> list[float]:
    """Return every time in a state: at once, as each decision asks for them."""
    times = [one.at_s for one in (*state.recommendations, *state.predicted)]
    times += [one.at_s for one in (*state.scale_ups, *state.scale_downs)]
    times += [at_s for at_s, _ in state.padding.recent]
    if state.blind_since_s is not None:
        times.append(state.blind_since_s)
    if state.burst is not None:
        times += [state.burst.passed_s, state.burst.begun_s]
    return times


def _recommended(known: tuple[Recommendation, ...], now_s: float) -> tuple[Recommendation, ...]:
    return tuple(replace(one, at_s=min(one.at_s, now_s)) for one in known)


def _changed(known: tuple[ScaleEvent, ...], now_s: float) -> tuple[ScaleEvent, ...]:
    return tuple(replace(one, at_s=min(one.at_s, now_s)) for one in known)


def _burst(burst: Bursting, now_s: float) -> Bursting:
    return replace(burst, begun_s=min(burst.begun_s, now_s), passed_s=min(burst.passed_s, now_s))
