"""What is found of one series at one moment, and the same as a forecast with its gate, its reason and a sentence.

The gate is open while a reading of the forecast has paid on this very series; everything else has a sentence that says why not,
how far that is, and when it is looked at again.
"""

import math
from dataclasses import dataclass

from autoscaler.forecasting.peaks.boldness import Rung
from autoscaler.forecasting.peaks.grid import DAY_S
from autoscaler.forecasting.peaks.kinds import LEARNING_DAYS
from autoscaler.forecasting.peaks.ledger import DAYS
from autoscaler.forecasting.peaks.sources import TOLD
from autoscaler.forecasting.peaks.trials import TRYING_DAYS
from autoscaler.model import Forecast, GateState
from autoscaler.reasons import Reason

MODEL = "peaks"


@dataclass(frozen=True, slots=True)
class Balance:
    """What a reading of the forecast would have lost and spent over the time looked back at, over the reactive formula's."""

    lost_ratio: float  # NaN: neither lost anything
    pods_ratio: float
    lost_share: float = 0.0  # of all load, by that reading


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known and said of one series at one moment; loads in its own unit, NaN where nothing is known."""

    lead_s: float
    day_s: float
    load: float  # the newest one
    age_s: float  # of the newest one; inf: none is known
    known_days: float  # of history
    tried_days: float
    expected: float  # quantile of the highest load ahead
    provided: float  # load to provide for, by the reading in use; NaN: it asks for nothing
    rung: Rung | None  # the reading in use
    balance: Balance | None  # of the reading in use, or of the best one where none is
    coverage_ratio: float = math.nan
    fault: str = ""  # why its pods cannot be tried: what one of them carries is not known
    is_read: bool = True  # all of the history that was asked for


@dataclass(frozen=True, slots=True)
class _Standing:
    gate: GateState
    reason: Reason
    message: str


def told(finding: Finding, risk: float, now_s: float, expiry_s: float) -> Forecast:
    """Return a finding as decisions take it."""
    standing = _standing(finding, expiry_s)
    is_open = standing.gate is GateState.OPEN
    peak = finding.provided if is_open else finding.expected
    balance = finding.balance
    return Forecast(
        issued_s=now_s,
        expires_s=now_s + max(0.0, expiry_s - finding.age_s),  # the load that it is made from grows old, not only the forecast
        lead_s=finding.lead_s,
        risk=risk,
        peak=peak if math.isfinite(peak) else (finding.load if math.isfinite(finding.load) else 0.0),
        model=MODEL,
        gate=standing.gate,
        reason=standing.reason,
        message=standing.message,
        lost_ratio=balance.lost_ratio if balance and math.isfinite(balance.lost_ratio) else None,
        pods_ratio=balance.pods_ratio if balance else None,
        coverage_ratio=finding.coverage_ratio if math.isfinite(finding.coverage_ratio) else None,
        earned=is_open and finding.rung is not None and finding.rung.lean,
    )


def _standing(finding: Finding, expiry_s: float) -> _Standing:
    return _hindered(finding, expiry_s) or _judged(finding)


def _hindered(finding: Finding, expiry_s: float) -> _Standing | None:
    """Return why nothing can be said of a series now, or None."""
    if math.isinf(finding.age_s):
        return _learning("no load was recorded in the history yet")
    if math.isnan(finding.load) or finding.age_s >= expiry_s:
        text = f"the newest point of the history is {finding.age_s:.0f} s old; check that the load is still scraped"
        return _Standing(GateState.SHUT, Reason.STALE_METRICS, text)
    if finding.fault:
        return _Standing(GateState.SHUT, Reason.FORECAST_FAILED, f"the forecast cannot be tried: {finding.fault}")
    if math.isnan(finding.expected):
        return _no_model(finding)
    return None


def _judged(finding: Finding) -> _Standing:
    """Return what the forecast was worth on this series, if that is known yet."""
    if finding.tried_days < TRYING_DAYS:
        return _learning(f"{so_far(finding.tried_days, TRYING_DAYS, finding.day_s)} of being tried beside the HPA's formula")
    if finding.rung is None:
        return _Standing(GateState.SHUT, Reason.FORECAST_DOES_NOT_PAY, f"{_paid(finding)}; it is weighed again every hour")
    if math.isnan(finding.provided):
        return _Standing(GateState.SHUT, Reason.FORECAST_FAILED, "the forecast of this moment is not a number")
    return _Standing(GateState.OPEN, Reason.FORECAST_IN_USE, _paid(finding))


def _no_model(finding: Finding) -> _Standing:
    if finding.known_days < LEARNING_DAYS:
        return _learning(f"{so_far(finding.known_days, LEARNING_DAYS, finding.day_s)} of history before a model is made")
    return _learning("a model is being made from the history" if finding.is_read else "the history is being read")


def _learning(text: str) -> _Standing:
    return _Standing(GateState.LEARNING, Reason.FORECAST_LEARNING, f"learning: {text}")


def so_far(days: float, needed: float, day_s: float) -> str:
    """Return how much of what is needed is there; in seasons where a shorter one counts as a day."""
    unit = "days" if day_s >= DAY_S else f"seasons of {day_s:g} s"
    return f"{math.floor(10 * days) / 10:.1f} of {needed:g} {unit}"


def _paid(finding: Finding) -> str:
    balance, rung = finding.balance, finding.rung
    days = f"over the last {min(finding.tried_days, DAYS):.1f} {'days' if finding.day_s >= DAY_S else 'seasons'}"
    if balance is None:
        return f"{days} no reading of the forecast would have paid"
    cost = f"{_lost(balance)}, with {balance.pods_ratio:.2f}x its pods"
    if rung is None:
        return f"{days} no reading of the forecast would have paid beside the HPA's formula: the best one would have {cost}"
    alone = "deciding alone" if rung.lean else "beside the HPA's formula"
    return f"{days} {_read(rung)}, {alone}, would have {cost}"


def _lost(balance: Balance) -> str:
    if math.isfinite(balance.lost_ratio):
        return f"lost {balance.lost_ratio:.2f}x of what it loses"
    if balance.lost_share > 0:
        return f"lost {100 * balance.lost_share:.1g} % of the load where it loses nothing"
    return "lost nothing, as the HPA's formula"


def _read(rung: Rung) -> str:
    """Return what a rung provides for."""
    share = "" if rung.stretch == 1 else f"{rung.stretch:g} times "
    rise = f"the newest load with {share}{TOLD[rung.source]}" if rung.stretch else "the newest load"
    return f"{rise} and {rung.headroom:.0%} more" if rung.headroom else rise
