"""What was stated of a group's series is calibrated by what came, and the share of moments at which it held is counted."""

from dataclasses import dataclass, replace

import numpy as np

from autoscaler.forecasting.peaks.calibration import Calibration
from autoscaler.forecasting.peaks.kinds import Kind
from autoscaler.forecasting.types import Ints
from autoscaler.model import Floats

_CHECKED_DAYS = 7.0  # older checks fade


@dataclass(slots=True)
class Checked:
    """Calibration of some series, and how it went."""

    kind: Kind
    calibration: Calibration
    levels: Floats  # (series, delay): at the moments of which something was stated, in a ring
    count: Floats  # (series,): moments that were checked, no more than of some days
    held: Floats  # (series,): share of them at which no more came than was stated

    @classmethod
    def begun(cls, kind: Kind, series: int) -> "Checked":
        """Return that of series of which nothing has been stated yet."""
        delay = kind.start + 1
        calibration = Calibration.begun(kind.quantile, delay, series)
        return cls(kind, calibration, np.full((series, delay), np.nan), np.zeros(series), np.zeros(series))

    @property
    def coverage(self) -> Floats:
        """Share of moments at which what was stated held; NaN before any was checked."""
        return np.where(self.count > 0, self.held, np.nan)

    def joined(self, count: int) -> "Checked":
        """Return it with so many new series after these."""
        new = Checked.begun(self.kind, count)
        calibration = replace(
            self.calibration,
            offset=np.concatenate([self.calibration.offset, new.calibration.offset]),
            said=np.concatenate([self.calibration.said, new.calibration.said]),
        )
        names = ("levels", "count", "held")
        return Checked(self.kind, calibration, *(np.concatenate([getattr(self, one), getattr(new, one)]) for one in names))

    def take_over(self, first: int, other: "Checked") -> None:
        """Put how calibration went for other series in place of those from a row on; what was just stated is not known."""
        self.calibration.offset[first:] = other.calibration.offset
        self.count[first:], self.held[first:] = other.count, other.held

    def kept(self, rows: Ints) -> "Checked":
        """Return that of some of the series, in this order."""
        one = self.calibration
        calibration = replace(one, offset=one.offset[rows], said=one.said[rows])
        return Checked(self.kind, calibration, self.levels[rows], self.count[rows], self.held[rows])

    def stated(self, rises: Floats) -> Floats:
        """Return the rises to state, shape (series,), for those that were learnt."""
        return np.asarray(rises + self.calibration.offset)

    def step(self, rises: Floats, level: Floats, highest: Floats, steps: int) -> None:
        """Take what is stated at this moment, `steps` points after the last one, and learn of what was stated a lead time ago.

        All have shape (series,): `rises` as they were learnt, the `level` of now, and the `highest` level of the points that
        counted then; logarithms, NaN where not known. After more than one point nothing is learnt of what was stated between.
        """
        if steps != 1:
            self.calibration.said[:] = np.nan
        slot = self.calibration.steps % self.levels.shape[1]
        came, said = highest - self.levels[:, slot], self.calibration.said[:, slot].copy()
        checked = np.isfinite(came) & np.isfinite(said)
        self.count = np.where(checked, np.minimum(self.count + 1, _CHECKED_DAYS * self.kind.day_points), self.count)
        self.held = np.where(checked, self.held + ((came <= said) - self.held) / np.maximum(self.count, 1), self.held)
        self.levels[:, slot] = level
        self.calibration.step(rises, came)
