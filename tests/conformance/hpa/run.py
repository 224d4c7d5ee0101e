"""Compare our decisions with those of the real Horizontal Pod Autoscaler, or record some of its own for tests without Go.

    python -m tests.conformance.hpa.run SEED CASES    (or: make conformance SEED=n CASES=n)
    python -m tests.conformance.hpa.run --record      writes frozen.jsonl anew

A case is a whole sequence of reconciles, and its seed and number make it again. Prints each difference with the case that it
was found in, and ends with 1 where there was one.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tests.conformance.hpa import oracle
from tests.conformance.hpa.compare import differences, of_oracle
from tests.conformance.hpa.generate import a_case

Json = dict[str, Any]
FROZEN = oracle.HERE / "frozen.jsonl"
FROZEN_SEED, FROZEN_SINGLE, FROZEN_SEQUENCES = 41, 200, 120
BATCH = 250
SHOWN = 10


def some_cases(seed: int, count: int, **sizes: int) -> Iterator[Json]:
    """Yield cases that do not depend on how many are asked for."""
    for number in range(count):
        yield a_case(random.Random(f"{seed}/{number}"), **sizes)  # noqa: S311 - cases, not secrets


def compared(seed: int, count: int) -> int:
    """Compare so many cases, tell what was found, and return the number of cases that differ."""
    program, began, wrong, ticks = oracle.built(), time.monotonic(), 0, 0
    reasons: Counter[str] = Counter()
    cases = some_cases(seed, count)
    while batch := list(islice(cases, BATCH)):
        for case, told in zip(batch, oracle.answers(program, batch), strict=True):
            real = list(map(of_oracle, told))
            ticks += len(real)
            reasons.update(reason for tick in real for _, reason, _ in tick["conditions"].values())
            reasons.update(f"event {event[1]}" for tick in real for event in tick["events"])
            found = list(differences(case, real))
            wrong += bool(found)
            if found and wrong <= SHOWN:
                _say(f"{'; '.join(found)}\n  in {json.dumps(case)}")
    for reason, times in sorted(reasons.items()):
        _say(f"{times:8} {reason}")
    _say(f"seed {seed}: {count} cases, {ticks} reconciles, {wrong} differences, {time.monotonic() - began:.0f} s")
    return wrong


def record() -> None:
    """Write what the real controller does in a few hundred small cases."""
    single = some_cases(FROZEN_SEED, FROZEN_SINGLE, largest=3, most_ticks=1)
    sequences = some_cases(FROZEN_SEED + 1, FROZEN_SEQUENCES, largest=2, most_ticks=5)
    cases = [*single, *sequences]
    answers = oracle.answers(oracle.built(), cases)
    lines = [{"case": case, "real": list(map(of_oracle, told))} for case, told in zip(cases, answers, strict=True)]
    FROZEN.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines), encoding="utf-8")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        record()
    else:
        sys.exit(bool(compared(*map(int, sys.argv[1:]))))
