"""The command `replay`: options in, a table and files out. What is replayed and how is in `autoscaler.replay`."""

import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from autoscaler.commands import replay_cluster, replay_days
from autoscaler.commands.replay_options import Options
from autoscaler.commands.replay_terminal import progress, real, write
from autoscaler.replay import csv_file, figures, report, sample
from autoscaler.replay.play import Replayed, play
from autoscaler.replay.recorded import Recorded, Unusable, moment
from autoscaler.replay.rows import rows
from autoscaler.replay.stage import Setting, Wanted, staged
from autoscaler.terminal_text import plain

_MOST_PODS = 100_000
_LONGEST_START_S = 86_400.0
_LONGEST_HISTORY_DAYS = 3660.0


def run(options: Options, say: Callable[[str], None]) -> None:
    """Replay what the options name, and say what came of it; raises ForesailError when that cannot be done."""
    setting, wanted = checked(options)
    if options.all_namespaces:
        replay_cluster.run(options, setting, wanted, say)
        return
    if options.prometheus is not None:
        recorded, wanted = replay_cluster.read(options, wanted)
    else:
        recorded = _read(options)
    setting = replay_days.told(setting, options, recorded.start_s, recorded.end_s)
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
    _within("--risk", options.risk, 0.5, 0.9999, "quantile of the load, such as 0.95")
    _within("--min", options.least, 1, _MOST_PODS, "at zero pods nothing scales")
    _within("--max", options.most, options.least, _MOST_PODS, "it is at least --min")
    if options.pod_capacity is not None:
        _within("--pod-capacity", options.pod_capacity, 1e-12, 1e15, "what a pod serves, in the unit of the load")
    if options.history is not None:
        _within("--history", options.history, 0.05, _LONGEST_HISTORY_DAYS, "days")
    if options.policy not in {"conservative", "earned"}:
        raise Unusable(f"--policy {options.policy}: must be conservative or earned")
    replay_days.check(options)
    for one in options.report:
        report.check(one, (".html", ".json") if options.all_namespaces else report.SUFFIXES)
    files = [("--report", one) for one in options.report] + ([] if options.out is None else [("--out", options.out)])
    _writable(files, options.csv)
    setting = Setting(
        target=options.target,
        start_s=options.start_seconds,
        min_replicas=options.least,
        max_replicas=options.most,
        risk=options.risk,
        earned=options.policy == "earned",
        capped=options.capped,
    )
    return setting, Wanted(options.history, _evaluate_from_s(options.evaluate_from), options.pod_capacity)


def _writable(files: Sequence[tuple[str, Path]], csv: Path | None) -> None:
    """Raise Unusable where a file cannot be written, or would be written over another: before the replay, not after it."""
    taken = {} if csv is None else {real("--csv", csv): f"--csv {csv}"}
    for name, path in files:
        folder = path.absolute().parent
        if not folder.is_dir():
            raise Unusable(f"{name} {path}: there is no folder {folder}")
        if path.is_dir():
            raise Unusable(f"{name} {path}: is a folder; name a file")
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise Unusable(f"{name} {path}: may not be written")
        other = taken.setdefault(real(name, path), f"{name} {path}")
        if other != f"{name} {path}":
            raise Unusable(f"{name} {path}: is also {other}, and would be written over it")


def _one_source(options: Options) -> None:
    given = {"--csv": options.csv, "--sample": options.sample or None, "--prometheus": options.prometheus}
    named = [name for name, value in given.items() if value is not None]
    if not named:
        raise Unusable("nothing to replay: give --csv FILE or --prometheus URL, or --sample to try it on a generated load")
    if len(named) > 1:
        raise Unusable(f"{' and '.join(named)}: give one of them; a replay is of one load")
    replay_cluster.check(options)


def _evaluate_from_s(text: str | None) -> float | None:
    try:
        return None if text is None else moment(text)[0]
    except ValueError as error:
        raise Unusable(f"--evaluate-from: {error}") from error


def _within(name: str, value: float, low: float, high: float, what: str) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise Unusable(f"{name} {value:.12g}: must be between {low:.12g} and {high:.12g} ({what})")


def _read(options: Options) -> Recorded:
    return sample.generated() if options.csv is None else csv_file.read(options.csv)


def _write(options: Options, replayed: Replayed, say: Callable[[str], None]) -> None:
    """Write all that can be written, and only then raise Unusable for what cannot: it took a while to compute."""
    files: list[tuple[str, Path, Callable[[], bytes], str]] = []
    if options.out is not None:
        content = partial(_rows, replayed)
        files.append(("--out", options.out, content, f"{replayed.stage.steps} rows"))
    files += [("--report", path, partial(report.made, path, replayed), "written") for path in options.report]
    failed: list[str] = []
    for option, path, made, said in files:
        try:
            write(option, path, made())
        except Unusable as error:
            failed.append(str(error))
        else:
            say(f"{path}: {said}")
    if failed:
        raise Unusable("; ".join(failed))


def _rows(replayed: Replayed) -> bytes:
    return "".join(rows(replayed.stage, replayed.foresail)).encode()
