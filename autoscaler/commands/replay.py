"""The command `replay`: options in, a table and files out. What is replayed and how is in `autoscaler.replay`."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autoscaler.replay import csv_file, figures, report, sample
from autoscaler.replay.play import Progress, Replayed, play
from autoscaler.replay.recorded import Recorded, Unusable, moment
from autoscaler.replay.rows import rows
from autoscaler.replay.stage import Setting, Wanted, staged
from autoscaler.terminal_text import plain

_MOST_PODS = 100_000
_LONGEST_START_S = 86_400.0
_LONGEST_HISTORY_DAYS = 3660.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was given on the command line; None: not given."""

    csv: Path | None = None
    sample: bool = False
    prometheus: str | None = None
    query: str | None = None
    namespace: str | None = None
    workload: str | None = None
    all_namespaces: bool = False
    target: float = 0.7
    pod_capacity: float | None = None
    start_seconds: float = 60.0
    least: int = 1
    most: int = 200
    policy: str = "conservative"
    risk: float = 0.98
    evaluate_from: str | None = None
    history: float | None = None
    capped: bool = False
    out: Path | None = None
    report: tuple[Path, ...] = ()


def run(options: Options, say: Callable[[str], None]) -> None:
    """Replay what the options name, and say what came of it; raises ForesailError when that cannot be done."""
    setting, wanted = checked(options)
    if options.prometheus is not None:
        raise Unusable("--prometheus: not yet")
    recorded = _read(options)
    with progress(f"Replaying {recorded.name}") as tell:
        replayed = play(staged(recorded, wanted), setting, progress=tell)
    for line in figures.text(replayed).split("\n"):
        say(plain(line))
    _write(options, replayed, say)


def checked(options: Options) -> tuple[Setting, Wanted]:
    """Return what is asked for; raises Unusable with the name of an option that is wrong."""
    _one_source(options)
    _within("--target", options.target, 0.01, 10.0, "share of a pod's capacity, such as 0.7")
    _within("--start-seconds", options.start_seconds, 0.0, _LONGEST_START_S, "time until a pod serves")
    _within("--risk", options.risk, 0.5, 0.9999, "quantile of the load, such as 0.98")
    _within("--min", options.least, 1, _MOST_PODS, "at zero pods nothing scales")
    _within("--max", options.most, options.least, _MOST_PODS, "it is at least --min")
    if options.pod_capacity is not None:
        _within("--pod-capacity", options.pod_capacity, 1e-12, 1e15, "what a pod serves, in the unit of the load")
    if options.history is not None:
        _within("--history", options.history, 0.05, _LONGEST_HISTORY_DAYS, "days")
    if options.policy == "earned":
        raise Unusable("--policy earned: this version has the policy conservative only; leave the option out")
    if options.policy != "conservative":
        raise Unusable(f"--policy {options.policy}: must be conservative or earned")
    for one in options.report:
        report.check(one)
    files = [("--report", one) for one in options.report] + ([] if options.out is None else [("--out", options.out)])
    for name, path in files:
        if not path.absolute().parent.is_dir():
            raise Unusable(f"{name} {path}: there is no folder {path.absolute().parent}")
    setting = Setting(
        target=options.target,
        start_s=options.start_seconds,
        min_replicas=options.least,
        max_replicas=options.most,
        risk=options.risk,
        capped=options.capped,
    )
    return setting, Wanted(options.history, _evaluate_from_s(options.evaluate_from), options.pod_capacity)


def _one_source(options: Options) -> None:
    given = {"--csv": options.csv, "--sample": options.sample or None, "--prometheus": options.prometheus}
    named = [name for name, value in given.items() if value is not None]
    if not named:
        raise Unusable("nothing to replay: give --csv FILE or --prometheus URL, or --sample to try it on a generated load")
    if len(named) > 1:
        raise Unusable(f"{' and '.join(named)}: give one of them; a replay is of one load")


def _evaluate_from_s(text: str | None) -> float | None:
    try:
        return None if text is None else moment(text)[0]
    except ValueError as error:
        raise Unusable(f"--evaluate-from: {error}") from error


def _within(name: str, value: float, low: float, high: float, what: str) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise Unusable(f"{name} {value:g}: must be between {low:g} and {high:g} ({what})")


def _read(options: Options) -> Recorded:
    return sample.generated() if options.csv is None else csv_file.read(options.csv)


def _write(options: Options, replayed: Replayed, say: Callable[[str], None]) -> None:
    if options.out is not None:
        write("--out", options.out, "".join(rows(replayed.stage, replayed.foresail)).encode())
        say(f"{options.out}: {replayed.stage.steps} rows")
    for path in options.report:
        write("--report", path, report.made(path, replayed))
        say(f"{path}: written")


def write(option: str, path: Path, content: bytes) -> None:
    """Write a file that an option names."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Unusable(f"{option} {path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Show how far it is, on standard error and only where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console  # noqa: PLC0415 - only for a terminal
    from rich.markup import escape  # noqa: PLC0415 - likewise
    from rich.progress import Progress as Bars  # noqa: PLC0415 - likewise

    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(escape(plain(what)), total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)
