"""What is held to be the same between a kubelet and the exporter, and what is not."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from demo.parity.compare import Terms, Verdict, compare
from demo.parity.differences import DIFFERENCES, Difference, Side, in_force
from demo.parity.exposition import Reader, Scrape
from demo.parity.report import as_json, faults, needed

TERMS = Terms(())
KINDS = {
    "container_cpu_usage_seconds_total": "counter",
    "container_memory_rss": "gauge",
    "container_threads": "gauge",
    "container_oom_events_total": "counter",
    "container_new": "gauge",
}


def scrape(at_s: float, samples: dict[str, float], stamp_s: float | None = None, took_s: float = 0.1) -> Scrape:
    """Make an answer from `name` or `name id` and values."""
    types = "".join(f"# TYPE {name} {kind}\n" for name, kind in KINDS.items() if any(name in key for key in samples))
    lines = ""
    for key, value in samples.items():
        name, _, path = key.partition(" ")
        stamp = "" if stamp_s is None else f" {stamp_s * 1000:.0f}"
        lines += f'{name}{{id="{path or "/kubepods/a"}"}} {value}{stamp}\n'
    return Reader().read(types + lines, at_s, at_s + took_s)


def ours(name: str, values: Sequence[float]) -> list[Scrape]:
    """Make one answer of the exporter for each second."""
    return [scrape(100.0 + second, {name: value}) for second, value in enumerate(values)]


def judged(name: str, values: Sequence[float], theirs: float, stamp_s: float, terms: Terms = TERMS) -> Verdict:
    return compare([scrape(100.2 + len(values) - 2, {name: theirs}, stamp_s)], ours(name, values), 0, terms)


COUNTER = "container_cpu_usage_seconds_total"
GAUGE = "container_memory_rss"


@pytest.mark.parametrize("theirs", [2.0, 2.7, 4.0])
def test_a_counter_lies_between_the_values_around_its_moment(theirs: float) -> None:
    # Read at 103.0 give or take half a second: after the answer of 102, before that of 104.
    verdict = judged(COUNTER, [0, 1, 2, 3, 4, 5, 6], theirs, 103.0)
    assert verdict.same == {COUNTER: 1}
    assert not verdict.findings


@pytest.mark.parametrize("theirs", [1.9, 4.1])
def test_a_counter_that_lies_elsewhere_is_a_fault(theirs: float) -> None:
    verdict = judged(COUNTER, [0, 1, 2, 3, 4, 5, 6], theirs, 103.0)
    assert [finding.side for finding in verdict.unexplained()] == [Side.VALUE]
    assert faults([verdict]) == f'{COUNTER}{{id="/kubepods/a"}}: the values differ: kubelet {theirs:g}, exporter 2 to 4'


def test_a_steady_gauge_may_differ_by_four_mebibytes_or_two_hundredths() -> None:
    mib = 1 << 20
    assert judged(GAUGE, [10 * mib] * 7, 13.9 * mib, 103.0).same
    assert judged(GAUGE, [10 * mib] * 7, 14.1 * mib, 103.0).unexplained()
    assert judged(GAUGE, [1000 * mib] * 7, 1019 * mib, 103.0).same
    assert judged(GAUGE, [1000 * mib] * 7, 1021 * mib, 103.0).unexplained()


def test_a_restless_gauge_may_be_anything_that_it_has_been() -> None:
    values = [900e6, 10e6, 10e6, 10e6, 10e6, 10e6, 10e6]
    assert judged(GAUGE, values, 500e6, 103.0).unexplained()
    assert judged(GAUGE, values, 500e6, 103.0, replace(TERMS, is_steady=lambda _: False)).same


@pytest.mark.parametrize("name", [f"container_{what}" for what in ("file_descriptors", "processes", "sockets", "threads")])
def test_what_a_request_opens_has_a_little_room_in_a_pod_under_traffic(name: str) -> None:
    busy = replace(TERMS, opened=4.0)

    def faults_of(labels: str, theirs: float, terms: Terms) -> str:
        def told(at_s: float, value: float, stamp: str = "") -> Scrape:
            text = f"# TYPE {name} gauge\n{name}{{{labels}}} {value}{stamp}\n"
            return Reader().read(text, at_s, at_s + 0.1)

        kubelet = told(105.2, theirs, " 103000")
        return faults([compare([kubelet], [told(100.0 + second, 7) for second in range(7)], 0, terms)])

    container, folder = 'id="/kubepods/a/c",container="app",pod="web"', 'id="/kubepods"'
    assert not faults_of(container, 11, busy)
    assert "kubelet 12, exporter 7 to 7" in faults_of(container, 12, busy)
    assert faults_of(container, 8, TERMS)
    assert faults_of(folder, 8, busy)


def test_a_restless_memory_may_have_been_what_only_its_peak_tells_of() -> None:
    peak = "container_memory_max_usage_bytes"
    mine = [scrape(100.0 + second, {GAUGE: 10e6, peak: 60e6}) for second in range(7)]
    terms = replace(TERMS, is_steady=lambda _: False)
    for value, is_fault in ((54e6, False), (70e6, True)):
        theirs = scrape(105.2, {GAUGE: value, peak: 60e6}, 103.0)
        assert bool(compare([theirs], mine, 0, terms).unexplained()) == is_fault


def test_the_kills_of_a_container_that_has_ended_are_beyond_what_the_kubelet_tells() -> None:
    kills = "container_oom_events_total"
    there = {f"{GAUGE} /kubepods/a": 1.0, f"{kills} /kubepods/a": 0.0}
    theirs = scrape(132.2, there, 132.2)
    mine = [scrape(100.0 + second, {**there, f"{kills} /kubepods/a/ended": 1.0}) for second in range(40)]
    verdict = compare([theirs], mine, 0, TERMS)
    assert not verdict.findings
    assert verdict.beyond == {kills: 1}


@pytest.mark.parametrize(("theirs", "is_same"), [(5.0, True), (4.0, True), (3.0, False), (6.0, False)])
def test_the_kubelet_may_lack_the_kills_of_before_it_found_the_container(theirs: float, is_same: bool) -> None:  # noqa: FBT001
    def both(kills: float) -> dict[str, float]:
        return {"container_oom_events_total": kills, GAUGE: 1e6}

    exporter = [scrape(100.0 + second, both(kills)) for second, kills in enumerate([1, 1, 1, 3, 4, 5, 5, 5])]
    kubelet = [scrape(101.2, both(0), 100.6), scrape(106.2, both(theirs), 106.0)]  # one kill had been when it looked first
    verdict = compare(kubelet, exporter, 1, TERMS)
    assert bool(verdict.unexplained()) is not is_same
    assert ("container_oom_events_total" in verdict.same) is is_same


def test_what_the_kubelet_read_before_anybody_asked_the_exporter_is_not_judged() -> None:
    verdict = judged(COUNTER, [0, 1, 2, 3], 0, 90.0)
    assert [series.name for series in verdict.unjudged] == [COUNTER]
    assert not verdict.same


def test_the_exporter_has_to_be_asked_before_and_after() -> None:
    with pytest.raises(ValueError, match="both before and after"):
        compare([scrape(99.0, {COUNTER: 1})], ours(COUNTER, [1, 2]), 0, TERMS)


def test_a_series_of_one_side_is_a_fault_and_a_family_of_ours_is_not() -> None:
    theirs = scrape(101.2, {COUNTER: 1, "container_threads": 2}, 101.2)
    mine = [scrape(100.0 + second, {COUNTER: 1, "container_new": 5}) for second in range(4)]
    verdict = compare([theirs], mine, 0, TERMS)
    assert [(one.side, one.series.name) for one in verdict.findings] == [(Side.KUBELET, "container_threads")]
    assert verdict.beyond == {"container_new": 1}


def test_a_series_that_only_the_exporter_has_is_a_fault_once_it_is_no_longer_new() -> None:
    theirs = scrape(104.2, {f"{COUNTER} /kubepods/a": 1, f"{GAUGE} /kubepods/a": 1}, 102.2)
    first = {f"{COUNTER} /kubepods/a": 1.0, f"{GAUGE} /kubepods/a": 1.0, "container_threads /kubepods/a": 1.0}
    theirs = replace(theirs, kinds={**theirs.kinds, "container_threads": "gauge"})
    without = {name: value for name, value in first.items() if "threads" not in name}
    for new_at, sides in ((101, [Side.OURS]), (102, [])):
        mine = [scrape(float(at), first if at >= new_at else without) for at in range(100, 107)]
        assert [one.side for one in compare([theirs], mine, 0, TERMS).findings] == sides


def test_what_only_the_exporter_has_is_judged_by_what_it_had_when_the_kubelet_last_looked() -> None:
    usage = "container_cpu_usage_seconds_total"
    theirs = scrape(104.2, {f"{GAUGE} /kubepods/a": 1}, 102.2)
    theirs = replace(theirs, kinds={**theirs.kinds, usage: "counter"})
    terms = replace(TERMS, differences=in_force(1, (6, 18)))
    for began_at, is_fault in ((103, False), (101, True)):
        values = {at: {f"{usage} /kubepods/a": float(at >= began_at), f"{GAUGE} /kubepods/a": 1.0} for at in range(100, 107)}
        mine = [scrape(float(at), value) for at, value in values.items()]
        assert bool(compare([theirs], mine, 0, terms).unexplained()) == is_fault


def test_a_cgroup_that_comes_or_goes_is_left_out() -> None:
    theirs = [scrape(102.2, {f"{COUNTER} /kubepods/a": 1, f"{COUNTER} /kubepods/gone": 9}, 102.2)]
    theirs.append(scrape(104.2, {f"{COUNTER} /kubepods/a": 1}, 104.2))
    mine = [scrape(100.0 + second, {f"{COUNTER} /kubepods/a": 1}) for second in range(7)]
    verdict = compare(theirs, mine, 0, TERMS)
    assert verdict.unsettled == {"/kubepods/gone"}
    assert not verdict.findings


def test_a_cgroup_that_the_kubelet_shows_for_good_is_not_left_out() -> None:
    theirs = [scrape(at_s, {f"{COUNTER} /kubepods/a": 1, f"{COUNTER} /other": 9}, at_s) for at_s in (102.2, 104.2)]
    mine = [scrape(100.0 + second, {f"{COUNTER} /kubepods/a": 1}) for second in range(7)]
    assert [str(one.series) for one in compare(theirs, mine, 0, TERMS).unexplained()] == [f'{COUNTER}{{id="/other"}}']


def test_another_type_is_a_fault() -> None:
    theirs = scrape(101.2, {COUNTER: 1}, 101.2)
    verdict = compare([replace(theirs, kinds={COUNTER: "gauge"})], ours(COUNTER, [1, 1, 1]), 0, TERMS)
    assert [one.words for one in verdict.unexplained()] == ["the kubelet says gauge, the exporter counter"]


def test_a_row_of_the_list_explains_what_it_covers_and_no_more() -> None:
    row = Difference(Side.VALUE, "container_memory_r.*", "on purpose", lambda series, _: series["id"] == "/kubepods/a")
    verdict = judged(GAUGE, [1e9] * 7, 5, 103.0, Terms((row,)))
    assert not verdict.unexplained()
    assert needed([verdict]) == {row}
    assert judged(COUNTER, [1e9] * 7, 5, 103.0, Terms((row,))).unexplained()
    family = as_json([verdict])["families"][GAUGE]
    assert family == {"same": 0, "on purpose": {"the values differ: on purpose": 1}, "faults": []}


def test_rows_hold_for_their_version_and_kernel() -> None:
    old = set(in_force(2, (6, 1))) - set(in_force(2, (6, 2)))
    assert {row.families for row in old} == {"container_file_descriptors"}
    assert {row.families for row in set(in_force(2, (6, 1))) - set(in_force(1, (6, 1)))} >= {"container_memory_failcnt"}
    assert all(row.reason for row in DIFFERENCES)
