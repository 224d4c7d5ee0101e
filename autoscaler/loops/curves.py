"""The forecasts of some objects with their curves, as JSON for the status page and its API.

A curve is drawn when somebody asks for it, and serves everybody who asks until the next pass of the forecasting loop: most
series are never looked at, so that what they cost is spent by nobody.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from autoscaler.clients.ports import Json
from autoscaler.forecasting.peaks.curve import Drawn
from autoscaler.loops.forecast_book import ForecastBook, Series
from autoscaler.loops.keeper import Keeper
from autoscaler.loops.status import timestamp
from autoscaler.model import Forecast, GateState, ObjectKey

_UNKNOWN = Drawn(why="no curve: no history of this metric is kept")


@dataclass(slots=True)
class Curves:
    """Forecasts as they are told to people."""

    book: ForecastBook
    keeper: Keeper
    _drawn: dict[Series, Drawn] = field(default_factory=dict)
    _ticked: int | None = None  # the pass that these were drawn after

    async def rows(self, keys: Sequence[ObjectKey]) -> dict[ObjectKey, list[Json]]:
        """Return a row for each metric of these objects that has a forecast; an object without one is left out."""
        asked = frozenset(keys)
        wanted = {series: one for series, one in self.book.forecasts.items() if series.key in asked}
        drawn = await self._draw(wanted)
        rows: dict[ObjectKey, list[Json]] = {}
        for series, forecast in wanted.items():
            rows.setdefault(series.key, []).append(_row(series.metric, forecast, drawn.get(series, _UNKNOWN)))
        return rows

    async def _draw(self, wanted: Iterable[Series]) -> dict[Series, Drawn]:
        """Draw what has not been drawn since the last pass, in a thread, as it takes about a tenth of a second a group."""
        async with self.keeper.lock:
            fleet = self.keeper.fleet
            if self._ticked != fleet.ticked:
                self._drawn, self._ticked = {}, fleet.ticked
            if missing := [series for series in wanted if series not in self._drawn]:
                self._drawn |= await self.keeper.aside(lambda: fleet.curves_of(missing))
            return dict(self._drawn)


def _row(metric: str, forecast: Forecast, drawn: Drawn) -> Json:
    """Return a forecast as JSON; what is not known is left out."""
    told = replace(forecast, curve=drawn.points)
    known = {
        "peak": None if told.gate is GateState.LEARNING else told.peak,
        "lostRatio": told.lost_ratio,
        "podsRatio": told.pods_ratio,
        "coverageRatio": told.coverage_ratio,
        "load": drawn.load,
    }
    return {
        "metric": metric,
        "gate": told.gate.value,
        "reason": told.reason.value,
        "message": told.message,
        "leadSeconds": round(told.lead_s),
        "risk": told.risk,
        "issuedAt": timestamp(told.issued_s),
        "expiresAt": timestamp(told.expires_s),
        **{key: _rounded(value) for key, value in known.items() if value is not None and math.isfinite(value)},
        **({"loadAt": timestamp(drawn.since_s)} if math.isfinite(drawn.since_s) else {}),
        "curve": [
            {"at": timestamp(one.at_s), "median": _rounded(one.median), "upper": _rounded(one.upper)} for one in told.curve
        ],
        **({"curveMessage": drawn.why} if drawn.why else {}),
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")  # more digits say nothing
