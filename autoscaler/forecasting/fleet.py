"""The one entry: all series in, one forecast each out, whatever their state.

A series that cannot be forecast gets a gate that is not open, a reason and a sentence; bad data never raises. Nothing is kept
between calls: seasons, forecaster, margin and gate follow from the history alone (and the gate's hysteresis from the forecast
before), so that a restart changes nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, repeat

import numpy as np

from autoscaler.forecasting import backtest, gate, seasons, series
from autoscaler.forecasting.choice import Choice, choose
from autoscaler.forecasting.forecasters import YARDSTICK
from autoscaler.forecasting.series import Flaw, Series
from autoscaler.forecasting.types import NotEnoughHistory, Request, Task
from autoscaler.model import Forecast, ForecastPoint, GateState
from autoscaler.reasons import Reason

_BOUND = 1.5  # times the highest load of the history: no forecast asks for more
_NEEDED_SEASONS = 2.0
_CURVE_POINTS = 120
_LONGEST_LEAD_S = 7 * 86_400.0
_SHORTEST_LOOK_S = 2 * 86_400.0  # a season may still show before so much history
_FLAT_RATIO = 1e-6  # a load that varies less than this never changes


def forecast(
    requests: Sequence[Request], previous: Sequence[Forecast | None], now_s: float, expiry_s: float
) -> tuple[Forecast, ...]:
    """Return one forecast per request, in order; `previous` holds the ones before, or None, and may be shorter.

    Times are seconds since the epoch. While the gate is not open the peak is there to look at, not to act on.
    """
    before = chain(previous, repeat(None))
    return tuple(_forecast(request, last, now_s, expiry_s) for request, last in zip(requests, before, strict=False))


def _forecast(request: Request, last: Forecast | None, now_s: float, expiry_s: float) -> Forecast:
    blank = Forecast(
        issued_s=now_s,
        expires_s=now_s + expiry_s,
        lead_s=request.lead_s,
        risk=request.risk,
        peak=0.0,
        model=YARDSTICK.name,
        gate=GateState.SHUT,
        reason=Reason.FORECAST_FAILED,
        message="",
    )
    wrong = _wrong(request)
    cleaned = Flaw(GateState.SHUT, Reason.FORECAST_FAILED, wrong) if wrong else series.clean(request.history, now_s)
    if isinstance(cleaned, Flaw):
        return _flawed(blank, cleaned)
    blank = replace(blank, peak=float(cleaned.values[-1]))
    seasons_s = _seasons_s(request, cleaned)
    if seasons_s:
        blank = replace(blank, season_s=seasons_s[0])
    flaw = _unforeseeable(cleaned, seasons_s)
    return _flawed(blank, flaw) if flaw else _foreseen(blank, cleaned, seasons_s, last)


def _flawed(blank: Forecast, flaw: Flaw) -> Forecast:
    return replace(blank, gate=flaw.gate, reason=flaw.reason, message=flaw.message)


def _wrong(request: Request) -> str:
    """Return what is wrong with the request itself; empty when nothing is."""
    if not 0 < request.lead_s <= _LONGEST_LEAD_S:
        return f"the lead time is {request.lead_s} s; it must be above 0 and at most {_LONGEST_LEAD_S:.0f} s"
    if not 0 < request.risk < 1:
        return f"the risk is {request.risk}; it must lie between 0 and 1"
    return ""


def _seasons_s(request: Request, cleaned: Series) -> tuple[float, ...]:
    """Return the seasons to try, the shortest first; those that are given are not doubted."""
    if request.seasons_s is None:
        return seasons.find(cleaned.values, cleaned.step_s)
    return tuple(sorted({float(season_s) for season_s in request.seasons_s if 2 * cleaned.step_s <= season_s < math.inf}))


def _unforeseeable(cleaned: Series, seasons_s: tuple[float, ...]) -> Flaw | None:
    """Return why there is nothing to forecast by yet, or None."""
    known_s = cleaned.known * cleaned.step_s
    if seasons_s and known_s < _NEEDED_SEASONS * seasons_s[0]:
        message = f"learning, {math.floor(10 * known_s / seasons_s[0]) / 10:.1f} of {_NEEDED_SEASONS:.0f} seasons"
        return Flaw(GateState.LEARNING, Reason.FORECAST_LEARNING, message)
    highest, lowest = float(np.nanmax(cleaned.values)), float(np.nanmin(cleaned.values))
    if highest - lowest <= _FLAT_RATIO * highest:
        message = f"the load never changed from {highest:.6g} in {_span(known_s)}; there is nothing to forecast"
        return Flaw(GateState.SHUT, Reason.FORECAST_INACCURATE, message)
    if seasons_s:
        return None
    message = f"no season was found in {_span(known_s)} of history"
    if known_s < _SHORTEST_LOOK_S:
        return Flaw(GateState.LEARNING, Reason.FORECAST_LEARNING, f"learning: {message} yet; one shows after two cycles")
    return Flaw(GateState.SHUT, Reason.FORECAST_INACCURATE, message)


def _foreseen(blank: Forecast, cleaned: Series, seasons_s: tuple[float, ...], last: Forecast | None) -> Forecast:
    highest = float(np.nanmax(cleaned.values))
    scaled = replace(cleaned, values=cleaned.values / highest)  # near 1, whatever the unit
    lead = max(1, math.ceil((blank.issued_s + blank.lead_s - cleaned.end_s) / cleaned.step_s - 1e-9))
    try:
        choice = choose(scaled.values, tuple(season_s / cleaned.step_s for season_s in seasons_s), lead, blank.risk)
        drawn = _drawn(blank, scaled, choice, lead=lead, unit=highest)
    except NotEnoughHistory as error:
        return _flawed(blank, Flaw(GateState.LEARNING, Reason.FORECAST_LEARNING, f"learning: {error}"))
    verdict = gate.verdict(choice, was_open=last is not None and last.gate is GateState.OPEN)
    return replace(
        drawn,
        gate=verdict.gate,
        reason=verdict.reason,
        message=verdict.message,
        error_ratio=choice.record.error_ratio(),
        naive_error_ratio=choice.yardstick.error_ratio(),
    )


def _drawn(blank: Forecast, scaled: Series, choice: Choice, *, lead: int, unit: float) -> Forecast:
    """Fit the chosen forecaster on everything, and draw peak and curve in the unit of the load."""
    fitted = choice.forecaster.fit(scaled.values, Task(choice.season, lead))
    ahead = backtest.steps_up_to(lead)
    reach = max(lead, round(choice.season))
    curve = np.unique(np.rint(np.linspace(1, reach, min(reach, _CURVE_POINTS))).astype(np.int64))
    steps = np.concatenate([ahead, curve])
    newest = np.array([scaled.values.size - 1])
    expected = np.clip(fitted.paths(scaled.values, newest, steps)[0], 0.0, _BOUND)
    margin = choice.record.margin(blank.risk)
    upper = np.minimum(choice.record.upper(expected, margin), _BOUND) * unit
    points = zip(curve, expected[ahead.size :] * unit, upper[ahead.size :], strict=True)
    return replace(
        blank,
        peak=float(np.minimum(choice.record.upper(expected[: ahead.size].max(), margin), _BOUND) * unit),
        model=choice.forecaster.name,
        season_s=choice.season * scaled.step_s,
        curve=tuple(ForecastPoint(scaled.end_s + scaled.step_s * int(k), float(m), float(u)) for k, m, u in points),
    )


def _span(seconds: float) -> str:
    units = ((86_400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (0.0, "seconds"))
    size, name = next((size, name) for size, name in units if seconds >= 2 * size)
    return f"{seconds / (size or 1.0):.1f} {name}"
