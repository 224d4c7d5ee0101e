"""Reading a file of many cgroups at once says of each what reading it alone says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from exporters.cgroup import columns, parse
from exporters.cgroup.parse import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEYS = (b"anon", b"file", b"total_rss", b"oom_kill")
GARBAGE = st.binary(max_size=40)
NUMBER = st.integers(0, 10**21).map(lambda number: b"%d" % number)
WORD = NUMBER | st.sampled_from([b"", b"-1", b"0x1", b"max", b"007"])
SINGLE = WORD.map(lambda word: word + b"\n") | WORD | GARBAGE
KEYED = st.lists(
    st.tuples(st.sampled_from([*KEYS, b"other", b"some"]), WORD.filter(bool)), max_size=6, unique_by=lambda line: line[0]
).map(lambda lines: b"".join(b"%s %s\n" % line for line in lines))
AVERAGE = st.sampled_from([b"0.00", b"12.34", b"100.00", b"1.5", b"x"])
STALL = st.builds(
    lambda name, average, total: b"%s avg10=%s avg60=0.10 avg300=3.00 total=%s\n" % (name, average, total),
    st.sampled_from([b"some", b"full", b"other"]),
    AVERAGE,
    WORD,
)
PRESSURE = st.lists(STALL, max_size=3, unique_by=lambda line: line[:4]).map(b"".join)


def cut(contents: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes | None]:
    """Let a content also be missing, cut short, or something else."""
    shorter = st.tuples(contents, st.integers(0, 80)).map(lambda drawn: drawn[0][: drawn[1]])
    return st.none() | contents | shorter | GARBAGE


def alone(read: Callable[[bytes], Sequence[int | None]], data: bytes | None, width: int) -> Sequence[int | None] | None:
    """Return what a parser of one content says; None if it refuses."""
    try:
        return [None] * width if data is None else read(data)
    except Malformed:
        return None


def together(found: Sequence[columns.Words], place: int) -> list[int | None]:
    return [None if column[place] is None else int(column[place] or b"") for column in found]


@given(st.lists(cut(SINGLE), max_size=6))
def test_single_numbers(contents: list[bytes | None]) -> None:
    refused: dict[int, Malformed] = {}
    found = columns.single(contents, refused.__setitem__)
    for place, data in enumerate(contents):
        expected = alone(lambda data: [parse.value(data)], data, 1)
        assert (place in refused) == (expected is None)
        assert together([found], place) == (expected or [None])


@given(st.lists(cut(KEYED), max_size=8), st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
def test_keyed_numbers(contents: list[bytes | None], keys: list[bytes]) -> None:
    refused: set[int] = set()
    found = columns.keyed(contents, keys, lambda place, _: refused.add(place))
    assert len(found) == len(keys)
    for place, data in enumerate(contents):
        words = {} if data is None else parse.keyed(data)
        for key, column in zip(keys, found, strict=True):
            expected = alone(lambda word: [parse.number(word)], words.get(key), 1)
            assert together([column], place) == (expected or [None])
        assert (place in refused) == any(alone(lambda word: [parse.number(word)], words.get(key), 1) is None for key in keys)


def stalls(data: bytes) -> list[int | None]:
    found = parse.pressure(data)
    words: list[int | None] = []
    for line in (b"some", b"full"):
        stall = found.get(line)
        average = None if stall is None else stall.avg10_ratio
        words += [None if stall is None else stall.total_us, None if average is None else round(average * 10_000)]
    return words


@given(st.lists(cut(PRESSURE), max_size=6))
def test_pressures(contents: list[bytes | None]) -> None:
    refused: set[int] = set()
    found = columns.pressures(contents, lambda place, _: refused.add(place))
    for place, data in enumerate(contents):
        expected = alone(stalls, data, 4)
        assert (place in refused) == (expected is None)
        assert together(found, place) == (expected or [None] * 4)


@given(st.lists(st.none() | NUMBER, max_size=6), st.sampled_from([100, 10_000, 10**6, 10**9]))
def test_scaled_words_are_the_quotients(words: list[bytes | None], divisor: int) -> None:
    found = columns.scaled(words, divisor)
    assert [word and float(word) for word in found] == [word and int(word) / divisor for word in words]
