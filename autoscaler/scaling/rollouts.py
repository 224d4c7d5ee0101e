"""Pods that only a roll-out made, and CPU that only a start costs, do not ask for more pods (k/k 29989, 72775, 98914).

The HPA multiplies what its pods use on average by the pods that count. While a roll-out runs these are more than the replicas
that are wanted, and new ones burn CPU that is no load. What it asks for then is the base of the next surge, and so on: 383
replicas became 479, 589 and 664 with no load behind it. Here, where the exact formula asks for more than there is:

- **Start-up CPU.** A pod within its CPU initialization period counts with at most what the pods use on average, relative to
  their requests, that started well before it. Ready pods share the load, so what it uses beyond them is its start. Where none
  started before it nothing is known, and it counts in full.
- **Surge.** Where more pods count than are wanted, the ratio multiplies the wanted ones; and pods that are not above their
  target ask for none, as in the other half of the HPA's formula (k/k 85027).

Both only ever keep pods from being added, and never remove one: what comes out lies between the present count and the exact
formula's. The price is that of a load which rises during a roll-out and spreads over the surge pods as well: what these carry
is asked for when they are gone, one pass after the roll-out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autoscaler.scaling.numbers import Numbers, ceiling

_APART_S = 60.0  # pods that started within so long of each other are one batch: none says what the others should use


@dataclass(frozen=True, slots=True)
class Started:
    """A pod that counts: when it started, whether its start may still show, and what it requests (or 1 for all)."""

    name: str
    at_s: float
    young: bool
    weight: int


def calm(values: Mapping[str, int], pods: Iterable[Started]) -> Mapping[str, int]:
    """Return the CPU of pods by name without what only their start costs."""
    ordered = sorted(pods, key=lambda pod: (pod.at_s, pod.name))
    counted = dict(values)
    used = weight = older = 0
    for pod in ordered:
        while ordered[older].at_s <= pod.at_s - _APART_S:
            used += counted[ordered[older].name]
            weight += ordered[older].weight
            older += 1
        if pod.young and weight:
            counted[pod.name] = min(counted[pod.name], -(-used * pod.weight // weight))
    return counted


def within_surge(asked: int, ratio: float, wanted: int, numbers: Numbers) -> int:
    """Return what pods ask for of which more may count than are wanted: the ratio multiplies those, and adds none below 1."""
    return asked if asked <= wanted else max(wanted, min(asked, numbers.whole32(ceiling(ratio * wanted))))
