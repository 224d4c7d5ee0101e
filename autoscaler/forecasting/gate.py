"""Whether a forecast may act: only while it beats "the load stays as it is" on this very series, by a margin.

The margin has a hysteresis, so that a forecast of middling worth is not switched on and off all the time.
"""

from dataclasses import dataclass

from autoscaler.forecasting.choice import Choice
from autoscaler.model import GateState
from autoscaler.reasons import Reason

OPENS_BELOW = 0.80  # of the yardstick's loss
SHUTS_ABOVE = 0.95


@dataclass(frozen=True, slots=True)
class Verdict:
    """State of the gate, with the figures that led to it."""

    gate: GateState
    reason: Reason
    message: str


def verdict(choice: Choice, *, was_open: bool) -> Verdict:
    """Return whether the chosen forecaster may act."""
    mine, other = choice.record.error_ratio(), choice.yardstick.error_ratio()
    figures = (
        f"on data it had not seen {choice.forecaster.name} missed the load by {mine:.1%}, "
        f"staying as it is by {other:.1%}; loss ratio {choice.loss_ratio:.2f}"
    )
    if choice.loss_ratio < (SHUTS_ABOVE if was_open else OPENS_BELOW):
        return Verdict(GateState.OPEN, Reason.FORECAST_IN_USE, figures)
    need = f"a forecast is used once this is below {OPENS_BELOW:.2f}, and until it reaches {SHUTS_ABOVE:.2f}"
    return Verdict(GateState.SHUT, Reason.FORECAST_INACCURATE, f"{figures}, and {need}")
