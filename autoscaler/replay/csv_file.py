"""A recording from a CSV file: `timestamp,value`, one sample a line, at any regular step.

What is tolerated is noted, and only where nothing is guessed: lines out of order are sorted, of two lines of one time the later
one counts, unless there are many of them, and a few missing samples (or NaN) are bridged by the value before them. All else is
refused with its line.
"""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoscaler.model import Floats
from autoscaler.replay.recorded import Recorded, Unusable, moment
from autoscaler.replay.stage import iso

MOST_HELD = 5  # samples in a row that may be missing
_MOST_SAMPLES = 20_000_000
_HIGHEST = 1e200  # beyond this arithmetic overflows; no load is there
_DOUBLED_RATIO, _DOUBLED = 0.1, 10  # lines of a time that was there: more are two series in one file
_JITTER = 0.25  # of the step, by which a sample may be beside its place
_NO_VALUE = {"", "nan", "null", "none"}
_TIMES = {"timestamp", "time", "date", "datetime", "ts"}  # names of a column that may also stand second
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class _Samples:
    """The samples as they stand in the file; `lines` are their line numbers."""

    times_s: Floats
    values: Floats
    lines: NDArray[np.int64]
    naive: bool  # a time has no zone


class _Columns(NamedTuple):
    """Where time and value stand, and how many columns there are."""

    time: int
    value: int
    width: int


_PLAIN = _Columns(0, 1, 2)


def read(path: Path) -> Recorded:
    """Return the recording in a file; raises Unusable, with the line, when it cannot be used."""
    try:
        with path.open("rb") as stream:  # once: of a pipe nothing comes twice
            packed = stream.peek(len(_GZIP)).startswith(_GZIP)
            raw = gzip.GzipFile(fileobj=stream) if packed else stream
            with io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
                samples = _samples(str(path), text)
    except (OSError, EOFError, zlib.error) as error:
        raise Unusable(f"--csv {path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except UnicodeDecodeError as error:
        raise Unusable(f"--csv {path}: is not text in UTF-8 ({error.reason})") from error
    except csv.Error as error:
        raise Unusable(f"--csv {path}: is not CSV: {error}") from error
    return _regular(path, samples)


def _samples(name: str, text: io.TextIOWrapper) -> _Samples:
    times, values, lines = [], [], []
    naive, columns, begun = False, _PLAIN, False
    reader = csv.reader(text)
    for row in reader:
        if not row or not "".join(row).strip() or row[0].lstrip().startswith("#"):
            continue
        where = f"--csv {name}: line {reader.line_num}"
        if not begun:
            begun = True
            if (named := _header(row, where)) is not None:
                columns = named
                continue
        if len(row) != columns.width:
            raise Unusable(f"{where}: has {_columns(len(row))} where {columns.width} are needed: {_how(len(row), columns)}")
        at_s, has_zone = _time(row[columns.time].strip(), where)
        naive = naive or not has_zone
        times.append(round(at_s, 3))
        values.append(_value(row[columns.value].strip(), where))
        lines.append(reader.line_num)
        if len(times) > _MOST_SAMPLES:
            raise Unusable(f"{where}: that is more than {_MOST_SAMPLES} samples; average them, or cut the file")
    return _Samples(np.array(times), np.array(values), np.array(lines, dtype=np.int64), naive)


def _header(row: Sequence[str], where: str) -> _Columns | None:
    """Return where time and value stand if this is a header; None for a first line of data."""
    try:
        _time(row[0].strip(), where)
    except Unusable:
        names = [one.strip().lower() for one in row]
        if any(one[:1].isdigit() for one in names):
            raise
        if "timestamp" in names and "value" in names:
            return _Columns(names.index("timestamp"), names.index("value"), len(names))
        if len(names) == _PLAIN.width and names[1] in _TIMES:
            return _Columns(1, 0, _PLAIN.width)
        if len(names) > _PLAIN.width:
            raise Unusable(f"{where}: names {len(names)} columns; call the two that count timestamp and value") from None
        return _PLAIN
    return None


def _columns(count: int) -> str:
    return f"{count} column{'' if count == 1 else 's'}"


def _how(count: int, columns: _Columns) -> str:
    if count < columns.width:
        return "a timestamp and a value, with a comma between them"
    if columns == _PLAIN:
        return "a timestamp and a value; write decimals with a point, and name more columns in a first line"
    return "as many as the first line names; write decimals with a point"


def _time(text: str, where: str) -> tuple[float, bool]:
    try:
        return moment(text)
    except ValueError as error:
        raise Unusable(f"{where}: {error}") from error


def _value(text: str, where: str) -> float:
    if text.lower() in _NO_VALUE:
        return math.nan
    try:
        value = float(text)
    except ValueError as error:
        raise Unusable(f"{where}: {text[:60]!r} is no number") from error
    if math.isnan(value):
        return value
    if not 0 <= value <= _HIGHEST:
        raise Unusable(f"{where}: {text[:60]} cannot be a load, which is between 0 and {_HIGHEST:g}")
    return value


def _regular(path: Path, samples: _Samples) -> Recorded:
    """Lay the samples on their grid."""
    name, known = f"--csv {path}", ~np.isnan(samples.values)
    if samples.times_s.size < 2 or not known.any():  # noqa: PLR2004 - a step needs two
        raise Unusable(f"{name}: holds {np.count_nonzero(known)} samples with a value; at least two are needed")
    order = np.argsort(samples.times_s, kind="stable")
    at_s, values, lines = samples.times_s[order], samples.values[order], samples.lines[order]
    step_s = _step(at_s, name)
    place = (at_s - at_s[0]) / step_s
    index = np.rint(place).astype(np.int64)
    beside = np.abs(place - index) > _JITTER
    if beside.any():
        wrong = int(beside.argmax())
        raise Unusable(
            f"{name}: line {lines[wrong]}: {iso(round(at_s[wrong]))} is {(at_s[wrong] - at_s[wrong - 1]):g} s after the sample "
            f"before it, where most are {step_s:g} s apart; samples must be at a regular step: average them onto one"
        )
    if index[-1] >= _MOST_SAMPLES:
        raise Unusable(f"{name}: from the first sample to the last there are {index[-1]} steps of {step_s:g} s; cut the file")
    laid, line_of = np.full(index[-1] + 1, np.nan), np.zeros(index[-1] + 1, dtype=np.int64)
    laid[index], line_of[index] = values, lines  # of one time the later line counts
    doubled = np.flatnonzero(np.diff(index) == 0)
    if doubled.size > max(_DOUBLED, _DOUBLED_RATIO * index.size):
        raise Unusable(
            f"{name}: line {lines[doubled[0] + 1]}: {doubled.size} of {index.size} lines are of a time that was there already: "
            "are there several series in the file? Cut out one of them, or add them up"
        )
    notes = list(_notes(samples, index))
    first, last = np.flatnonzero(~np.isnan(laid))[[0, -1]]
    start_s, laid, line_of = float(at_s[0] + first * step_s), laid[first : last + 1], line_of[first : last + 1]
    for begin, length in _gaps(laid):
        if length > MOST_HELD:
            raise Unusable(
                f"{name}: line {line_of[begin - 1]}: after {iso(start_s + (begin - 1) * step_s)} {length} samples are "
                f"missing, more than the {MOST_HELD} that are bridged; fill or cut them"
                f"{'; if these are local times, a change of the clocks is one: write UTC' if samples.naive else ''}"
            )
    if begins := int(first):
        notes.append(f"{begins} samples without a value at the beginning are left out")
    if missing := int(np.isnan(laid).sum()):
        notes.append(f"{missing} missing samples have the value before them")
    return Recorded(path.name, start_s, step_s, _held(laid), tuple(notes))


def _step(at_s: Floats, name: str) -> float:
    """Return the step of sorted times: the one that is there most often."""
    steps = np.diff(at_s)
    steps = np.round(steps[steps > 0], 3)
    if not steps.size:
        raise Unusable(f"{name}: all samples are of one time; at least two times are needed")
    found, count = np.unique(steps, return_counts=True)
    usual = float(found[count.argmax()])
    apart = steps / usual
    if (np.abs(apart - np.rint(apart)) <= _JITTER).all():  # a step that is a little more or less adds up over the file
        samples = np.rint(apart).sum()
        whole = float(at_s[-1] - at_s[0]) / samples
        simple = usual if count.max() > steps.size / 2 else round(whole, 3)
        return simple if abs(whole - simple) * samples <= _JITTER * usual else whole
    near = steps[np.abs(steps - usual) <= _JITTER * usual]  # with times that are a little off, their mean is the step
    return usual if count.max() > near.size / 2 else float(np.round(near.mean(), 3))


def _notes(samples: _Samples, index: NDArray[np.int64]) -> Iterator[str]:
    if samples.naive:
        yield "times without a zone are taken as UTC"
    if moved := int(np.count_nonzero(np.diff(samples.times_s) < 0)):
        yield f"{moved} lines were older than the one before them, so all were sorted"
    if doubled := int(np.count_nonzero(np.diff(index) == 0)):
        hint = "; if these are local times, a change of the clocks looks like this: write UTC" if samples.naive else ""
        yield f"{doubled} lines were of a time that was there already; the later line counts{hint}"


def _gaps(laid: Floats) -> Iterator[tuple[int, int]]:
    """Yield where values are missing: first index and how many."""
    gap = np.isnan(laid).astype(np.int8)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], gap, [0]])))
    for begin, end in edges.reshape(-1, 2).tolist():
        yield begin, end - begin


def _held(laid: Floats) -> Floats:
    at = np.maximum.accumulate(np.where(np.isnan(laid), 0, np.arange(laid.size)))
    return np.asarray(laid[at])
