"""What other ways to decide would have cost, tried beside the real one all the time, in numbers only.

Each way is a row of pretended replicas that follow the reactive formula (an HPA with an empty, defaulted `behavior`) and, where
it asks for more, a forecast; the lean ones follow the forecast alone. They differ in nothing else, so what they lose and spend
says what the forecast is worth. All rows move together as arrays.
"""

from dataclasses import dataclass

import numpy as np

from autoscaler.forecasting.types import Bools, Ints
from autoscaler.model import Floats

TOLERANCE = 0.1  # of the reactive formula, as the HPA has by default
_BURST = 4  # pods that may be added within a step of 15 s, or as many as there are
_WINDOW_S = 300.0  # the HPA's scale-down stabilization
_ROUND_GUARD = 1e-6  # pods


@dataclass(frozen=True, slots=True)
class Terms:
    """What pods are worth: load, as the series has it, that one serves within its SLO, and how they come and go."""

    capacity: float  # load that a pod serves
    target: float  # share of it that the reactive formula aims at
    start: int  # steps from asking to serving
    step_s: float
    least: int = 1
    most: int = 200


@dataclass(slots=True)
class Shadows:
    """Pretended replicas, one entry a way, and what they have cost so far."""

    terms: Terms
    wanted: Ints  # what was decided last
    ready: Ints
    coming: Ints  # (ways, start): asked for and not yet serving, the oldest first
    proposed: Ints  # (ways, window): what the reactive formula said in the last steps, in a ring
    per_pod: Floats  # (ways,): load of a pod that the reactive formula aims at
    lean: Bools  # these ways go by the forecast alone, where it asks for something
    asked: Ints  # (ways, start): what forecasts asked for in the last steps, in a ring
    lost: Floats  # load that found no pod
    spent: Floats  # pods times steps
    steps: int = 0

    @classmethod
    def begun(cls, terms: Terms, load: float, lean: Bools, targets: Floats | None = None) -> "Shadows":
        """Return shadows, one for each entry of `lean`, with as many pods as the reactive formula wants for a load.

        Each may have a target of its own instead of that of the terms.
        """
        ways = lean.size
        per_pod = terms.capacity * (np.full(ways, terms.target) if targets is None else targets)
        wanted = np.clip(np.ceil(load / per_pod - _ROUND_GUARD), terms.least, terms.most).astype(np.int64)
        window = max(1, round(_WINDOW_S / terms.step_s))
        return cls(
            terms,
            wanted=wanted,
            ready=wanted.copy(),
            coming=np.zeros((ways, terms.start), dtype=np.int64),
            proposed=np.zeros((ways, window), dtype=np.int64),
            per_pod=per_pod,
            lean=lean,
            asked=np.zeros((ways, terms.start), dtype=np.int64),
            lost=np.zeros(ways),
            spent=np.zeros(ways),
        )

    def step(self, load: float, seen: float, asked: Ints) -> None:
        """Let one step pass: pods come, the load is served, then it is decided by what was seen and what a forecast asks for.

        `asked` has shape (ways,), 0 for nothing. Pods that are asked for serve `start` steps later, those that are given up no
        longer serve in the next step, the newest first.
        """
        self.ready += self.coming[:, 0]
        self.coming[:, :-1] = self.coming[:, 1:]
        self.coming[:, -1] = 0
        self.lost += np.maximum(load - self.ready * self.terms.capacity, 0.0)
        reactive = np.where(self.lean & (asked > 0), self.terms.least, self._reactive(seen))
        wanted = np.minimum(np.maximum(reactive, self._held(asked)), self.terms.most)
        self.steps += 1
        self.spent += wanted
        change = wanted - self.wanted
        self.wanted = wanted
        if change.any():
            self._carry_out(change)

    def _reactive(self, seen: float) -> Ints:
        terms, now = self.terms, self.wanted
        load = seen / self.per_pod
        proposal = np.ceil(load - _ROUND_GUARD).astype(np.int64)
        near = np.abs(load - now) <= TOLERANCE * now
        proposal[near] = now[near]
        self.proposed[:, self.steps % self.proposed.shape[1]] = proposal
        stabilised = np.maximum(proposal, np.minimum(now, self.proposed.max(axis=1)))
        fastest = np.maximum(now + _BURST, 2 * now)
        return np.asarray(np.clip(np.minimum(stabilised, fastest), terms.least, terms.most))

    def _held(self, asked: Ints) -> Ints:
        """Return what forecasts ask for, and pods that are there and were asked for no longer ago than a pod takes to start."""
        self.asked[:, self.steps % self.asked.shape[1]] = asked
        return np.asarray(np.maximum(asked, np.minimum(self.asked.max(axis=1), self.wanted)))

    def _carry_out(self, change: Ints) -> None:
        if (change < 0).any():
            surplus = np.maximum(-change, 0)
            newest_first = self.coming[:, ::-1]
            before = np.cumsum(newest_first, axis=1) - newest_first
            dropped = np.clip(surplus[:, None] - before, 0, newest_first)
            self.coming = np.ascontiguousarray((newest_first - dropped)[:, ::-1])
            self.ready -= surplus - dropped.sum(axis=1)
        self.coming[:, -1] += np.maximum(change, 0)
