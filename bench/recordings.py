"""Recorded load, cut and scaled as the replay does by default: the last 21 days, half to train, 99.9 % quantile at 40 pods.

The recordings lie beside the checkout and are read where they are.
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoscaler.model import Floats
from autoscaler.replay.csv_file import read as read_csv
from autoscaler.replay.recorded import moment
from autoscaler.replay.stage import STEP_S, Stage, Wanted, staged

FOLDER = Path(__file__).resolve().parents[1].parent / "shared" / "traces"
COARSEST_S = 300
_ENDING = ".csv.gz"


@dataclass(frozen=True, slots=True)
class Recording:
    """One series; its loads are in pods that they keep busy."""

    name: str
    stage: Stage
    sample_s: float

    @property
    def held(self) -> int:
        """For how many steps a sample holds."""
        return round(self.sample_s / STEP_S)

    @property
    def samples(self) -> Floats:
        """The load as it was recorded."""
        return self.stage.load[:: self.held]


def names(folder: Path) -> list[str]:
    """Return the recordings that are fine enough, the finest first; raises FileNotFoundError where there are none."""
    steps = {file.name.removesuffix(_ENDING): _sample_s(file) for file in folder.glob(f"*{_ENDING}")}
    fine = [name for name, step_s in steps.items() if step_s <= COARSEST_S]
    if not fine:
        raise FileNotFoundError(
            f"looking for recorded load in {folder}: there is none with a step of {COARSEST_S} s or less; "
            "the folder `shared` belongs beside the checkout (--recordings names another)"
        )
    return sorted(fine, key=lambda name: (steps[name], name))


def read(name: str, folder: Path) -> Recording:
    """Return one recording; raises Unusable."""
    recorded = read_csv(folder / f"{name}{_ENDING}")
    return Recording(name, staged(recorded, Wanted()), recorded.step_s)


def chosen(known: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return those whose name holds one of the words, all where there is no word; raises LookupError for a word in none."""
    for word in wanted:
        if not any(word in name for name in known):
            raise LookupError(f"--series {word}: no recording is called so; there are {', '.join(known)}")
    return [name for name in known if not wanted or any(word in name for word in wanted)]


def _sample_s(file: Path) -> float:
    with gzip.open(file, "rt") as lines:
        next(lines)
        first_s, second_s = (moment(next(lines).split(",")[0])[0] for _ in range(2))
    return second_s - first_s
