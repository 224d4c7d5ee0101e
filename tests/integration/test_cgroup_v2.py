"""On a kernel with cgroup version 2 alone the exporter says what a real kubelet says, series by series.

One boot of the virtual machine serves all tests; what it brought back is kept with the report of the comparison beside it.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.cluster.cache import Cache
from demo.cluster.errors import UnfitMachineError
from demo.cluster.report import LineReporter
from demo.parity.compare import Verdict
from demo.parity.differences import Side
from demo.parity.exposition import Scrape
from demo.parity.report import as_json, faults, needed
from demo.vm import verdicts as comparison
from demo.vm.fit import what_is_wrong
from demo.vm.pods import RESTLESS, SWAPPED
from demo.vm.run import Options, Result, boot, prepare
from demo.vm.verdicts import Scrapes

pytestmark = [pytest.mark.vm, pytest.mark.slow]

MIB = 1 << 20


@dataclass(frozen=True)
class Proof:
    """One run, and what its scrapes came to."""

    result: Result
    scrapes: Scrapes
    verdicts: list[Verdict]


@pytest.fixture(scope="module")
def proof(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Proof:
    cache = Cache.locate()
    if wrong := what_is_wrong(cache):
        pytest.skip("the virtual machine cannot run here: " + "; ".join(wrong))
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    out = tmp_path_factory.mktemp("vm")
    with capture.global_and_fixture_disabled():  # minutes where there is no hardware virtualization: say what goes on
        reporter = LineReporter(sys.stderr)
        try:
            prepare(cache, reporter)
        except UnfitMachineError as error:
            pytest.skip(str(error))
        result = boot(cache, reporter, out, Options())
    scrapes = comparison.load(out)
    verdicts = comparison.judge(scrapes, result.session["kernel"])
    (out / "report.json").write_text(json.dumps(as_json(verdicts), indent=1), encoding="utf-8")
    return Proof(result, scrapes, verdicts)


def values(scrapes: list[Scrape], family: str, /, **labels: str) -> list[float]:
    """Return the values of the one series with these labels, from the first scrape on that has it."""
    found = [
        (series, sample.value)
        for scrape in scrapes
        for series, sample in scrape.samples.items()
        if series.name == family and all(series[label] == wanted for label, wanted in labels.items())
    ]
    assert len({series for series, _ in found}) == 1, f"{family} with {labels}"
    return [number for _, number in found]


def value(scrape: Scrape, family: str, /, **labels: str) -> float:
    (only,) = values([scrape], family, **labels)
    return only


def growth(scrapes: list[Scrape], family: str, /, **labels: str) -> float:
    """Return by how much a counter grew; the kubelet may have read its cgroup before it counted anything."""
    found = values(scrapes, family, **labels)
    return found[-1] - found[0]


def test_the_kernel_has_cgroup_version_2_alone(proof: Proof) -> None:
    assert proof.result.session["cgroups"] == [["cgroup2", "/sys/fs/cgroup", "cgroup2"]]


def test_the_exporter_runs_without_any_right(proof: Proof) -> None:
    status = proof.result.session["exporter_status"]
    assert set(status["Uid"].split()) == {"65534"}
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_both_tell_the_same_series_but_for_what_differs_on_purpose(proof: Proof) -> None:
    alone = [one for verdict in proof.verdicts for one in verdict.unexplained() if one.side in {Side.KUBELET, Side.OURS}]
    assert not alone, faults(proof.verdicts)


def test_every_value_lies_between_the_exporters_around_the_kubelets_moment(proof: Proof) -> None:
    apart = [one for verdict in proof.verdicts for one in verdict.unexplained() if one.side in {Side.VALUE, Side.LABEL}]
    assert not apart, faults(proof.verdicts)


def test_every_series_that_both_tell_was_judged(proof: Proof) -> None:
    assert not proof.verdicts[-1].unjudged
    assert sum(proof.verdicts[-1].same.values()) > 800
    assert len(proof.verdicts[-1].same) > 55


def test_every_row_of_the_list_of_differences_is_needed(proof: Proof) -> None:
    used = needed(proof.verdicts)
    rows = [row for row in comparison.rows(proof.result.session["kernel"]) if row.is_everywhere]
    assert not [f"{row.families}: {row.reason}" for row in rows if row not in used]


def test_the_container_with_a_small_quota_was_throttled(proof: Proof) -> None:
    for scrapes in (proof.scrapes.kubelet, proof.scrapes.exporter):
        assert growth(scrapes, "container_cpu_cfs_throttled_seconds_total", container="spin") > 1
        assert growth(scrapes, "container_cpu_cfs_throttled_periods_total", container="spin") > 10


def test_kills_were_counted_in_a_container_that_lives_on(proof: Proof) -> None:
    for scrapes in (proof.scrapes.kubelet, proof.scrapes.exporter):
        assert growth(scrapes, "container_oom_events_total", container="survivor") >= 2


def test_the_pod_counts_the_kills_that_the_kubelet_forgets_with_their_container(proof: Proof) -> None:
    pod = {"pod": f"{RESTLESS}-node1", "container": "", "name": ""}
    container = value(proof.scrapes.exporter[-1], "container_oom_events_total", container="survivor")
    assert value(proof.scrapes.exporter[-1], "container_oom_events_total", **pod) > container
    assert value(proof.scrapes.kubelet[-1], "container_oom_events_total", **pod) == 0


def test_memory_that_was_pushed_out_is_told_as_swap(proof: Proof) -> None:
    for scrapes in (proof.scrapes.kubelet, proof.scrapes.exporter):
        assert value(scrapes[-1], "container_memory_swap", container=SWAPPED) > 4 * MIB
        assert value(scrapes[-1], "container_spec_memory_swap_limit_bytes", container=SWAPPED) == 64 * MIB


def test_the_disk_and_the_network_were_used(proof: Proof) -> None:
    for scrapes in (proof.scrapes.kubelet, proof.scrapes.exporter):
        assert growth(scrapes, "container_fs_writes_bytes_total", container="write", device="/dev/vda") > 4 * MIB
        sent = {"pod": "besteffort-node1", "interface": "eth0"}
        assert growth(scrapes, "container_network_transmit_bytes_total", **sent) > MIB
        assert growth(scrapes, "container_network_receive_bytes_total", **sent) > MIB


def test_every_collector_reads_a_real_kernel(proof: Proof) -> None:
    (scrape,) = proof.scrapes.everything
    errors = {series: sample.value for series, sample in scrape.samples.items() if series["kind"] == "failed"}
    failed = {series["collector"] for series, count in errors.items() if count}
    assert errors
    assert failed <= {"sockets"}, "it takes a capability"
    names = {series.name for series in scrape.samples}
    for family in ("container_memory_events_max_total", "container_hugetlb_usage_bytes", "container_network_tcp_usage_total"):
        assert family in names


def test_the_page_on_parity_knows_every_difference_that_was_seen(proof: Proof) -> None:
    page = (Path(__file__).parents[2] / "docs" / "exporter-parity.md").read_text(encoding="utf-8")
    status = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE))
    seen = {
        one.series.name
        for verdict in proof.verdicts
        for one in verdict.findings
        # Told at the head of the page, for all metrics: where labels come from, and that services are not asked for.
        if one.side is not Side.LABEL and not one.series["id"].startswith("/system.slice/")
    }
    assert seen <= set(status)
    assert {name for name in seen if status[name] == "same"} == set()
