"""What is told of network namespaces: interfaces, sockets, counters of TCP; each namespace once, in bounded time."""

from __future__ import annotations

import shutil
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from exporters.collectors import advtcp, network, tcp, udp
from tests.unit.exporters.trees import Host, Rig, of_family

if TYPE_CHECKING:
    from pathlib import Path

    from exporters.collectors.contract import Collector
    from exporters.names.book import PodBook

OPT_IN = (tcp.COLLECTOR, udp.COLLECTOR, advtcp.COLLECTOR)
SANDBOX = "5a" * 32
HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "{:4d}: 0100007F:1F90 0100007F:BE92 01 00000000:00000000 00:00000000 00000000     0        0 590152 1 0 20 0 0 10 -1\n"


def shown(host: Host, family: str, *collectors: Collector) -> dict[str, float]:
    return of_family(Rig(host, collectors=collectors or OPT_IN).text(), family)


def by_label(found: dict[str, float], label: str) -> dict[str, float]:
    return {series.partition(f'{label}="')[2].partition('"')[0]: value for series, value in found.items()}


def errors(rig: Rig, collector: str) -> dict[str, float]:
    found = of_family(rig.text(), "foresail_exporter_collector_errors_total")
    return by_label({series: value for series, value in found.items() if f'"{collector}"' in series}, "kind")


def test_the_sockets_of_a_pod_are_counted_by_state_and_shown_as_its_sandbox(v1: Host) -> None:
    found = shown(v1, "container_network_tcp_usage_total")
    assert all(f'name="{SANDBOX}"' in series for series in found)
    assert by_label(found, "tcp_state") == {
        "established": 4, "synsent": 0, "synrecv": 0, "finwait1": 1, "finwait2": 0, "timewait": 1,
        "close": 0, "closewait": 1, "lastack": 0, "listen": 1, "closing": 0,
    }  # fmt: skip
    assert by_label(shown(v1, "container_network_tcp6_usage_total"), "tcp_state")["listen"] == 1


def test_datagrams_that_wait_to_be_read_are_not_taken_for_those_that_wait_to_be_sent(v1: Host) -> None:
    found = by_label(shown(v1, "container_network_udp_usage_total"), "udp_state")
    assert found == {"listen": 2, "dropped": 3, "rxqueued": 0xF00, "txqueued": 0}


def test_figures_of_tcp_have_the_kernels_names_and_no_limit_is_no_series(v1: Host) -> None:
    found = by_label(shown(v1, "container_network_advance_tcp_stats_total"), "tcp_state")
    assert found["delayedacks"] == 1
    assert found["rtomax"] == 120000
    assert found["passiveopens"] == 4
    assert "maxconn" not in found
    assert "inoctets" not in found


def test_the_host_is_told_once_and_without_the_ends_of_pods_interfaces(v2: Host) -> None:
    names = ("eth0", "cali12ab34cd56e", "lxc0a1b2c3d", "vethab12", "eni1a2b3c4d5e6", "flannel.1", "ens5")
    rows = "".join(f"{name}: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n" for name in names)
    v2.write("proc/1/net/dev", f"heading\nheading\n{rows}")
    found = shown(v2, "container_network_receive_bytes_total", network.COLLECTOR)
    of_host = {series: value for series, value in found.items() if 'id="/"' in series}
    assert set(by_label(of_host, "interface")) == {"eth0", "flannel.1", "ens5"}


HOSTS_BYTES = 914380823
ON_HOST_NETWORK = "kube-proxy-node-a"


def told_of_host(host: Host, book: PodBook | None = None) -> dict[str, float]:
    """Return all series with the host's own figure."""
    text = Rig(host, book, collectors=(network.COLLECTOR,)).text()
    found = of_family(text, "container_network_receive_bytes_total")
    assert [series for series in found if 'interface="eth0"' in series and SANDBOX in series], "pods are told"
    return {series: value for series, value in found.items() if value == HOSTS_BYTES}


def test_a_pod_on_the_hosts_network_does_not_repeat_the_host(v2: Host) -> None:
    (series,) = told_of_host(v2)
    assert 'id="/"' in series


def test_where_process_1_is_hidden_the_api_tells_which_pod_sees_the_hosts_network(v2: Host, book: PodBook) -> None:
    shutil.rmtree(v2.procfs / "1")
    (series,) = told_of_host(v2, book)
    assert 'id="/"' in series
    assert ON_HOST_NETWORK not in series


def test_where_process_1_is_hidden_a_service_of_the_host_sees_its_network_itself(v2: Host) -> None:
    v2.write("proc/self/cgroup", "0::/system.slice/foresail-exporter.service\n")
    (v2.procfs / "self" / "net").mkdir()
    (v2.procfs / "self" / "net" / "dev").hardlink_to(v2.procfs / "1" / "net" / "dev")
    shutil.rmtree(v2.procfs / "1")
    (series,) = told_of_host(v2)
    assert 'id="/"' in series


@pytest.mark.parametrize(
    "cgroup", ["0::/\n", f"0::/kubepods.slice/cri-containerd-{'e5' * 32}.scope\n", "0::/../cri-containerd-x.scope\n", ""]
)
def test_the_network_of_an_exporter_in_a_container_is_not_taken_for_the_hosts(cgroup: str, v2: Host) -> None:
    v2.write("proc/self/cgroup", cgroup)
    v2.write("proc/self/net/dev", "heading\nheading\neth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")
    shutil.rmtree(v2.procfs / "1")
    found = shown(v2, "container_network_receive_bytes_total", network.COLLECTOR)
    assert found
    assert not any('id="/"' in series for series in found)


def test_a_pod_without_a_sandbox_is_told_through_another_of_its_containers(v1: Host) -> None:
    """As CRI-O leaves it with drop_infra_ctr: the pod's cgroup stands for it, with no container in its labels."""
    for folder in v1.cgroupfs.rglob(SANDBOX):
        shutil.rmtree(folder)
    shutil.rmtree(v1.procfs / "100")
    found = shown(v1, "container_network_receive_bytes_total", network.COLLECTOR)
    (series,) = [series for series, value in found.items() if value == 81234567]
    assert 'container="",id="/kubepods/burstable/pod8d3f1c52-6a70-4b1e-9c1d-0f5a2b7e4c11"' in series
    assert 'pod="web-6f7c9d8b5-x2v4q"' in series


def test_a_table_that_is_not_there_is_absent_and_garbage_is_failed(v1: Host) -> None:
    rig = Rig(v1, collectors=OPT_IN)
    before = errors(rig, "tcp")
    (v1.procfs / "100" / "net" / "tcp6").unlink()
    v1.write("proc/100/net/tcp", f"{HEADING}no row at all\n")
    after = errors(rig, "tcp")
    assert (after["absent"], after["failed"]) == (2 * before["absent"] + 1, 1)
    assert of_family(rig.text(), "container_network_tcp_usage_total") == {}


@pytest.fixture
def crowded(v1: Host) -> Path:
    return v1.write("proc/100/net/tcp", HEADING + "".join(ROW.format(number) for number in range(100_000)))


def test_a_hundred_thousand_sockets_are_counted_in_little_memory(v1: Host, crowded: Path) -> None:
    rig = Rig(v1, collectors=(tcp.COLLECTOR,))
    rig.collect()
    tracemalloc.start()
    try:
        text = rig.text()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert by_label(of_family(text, "container_network_tcp_usage_total"), "tcp_state")["established"] == 100_000
    assert peak_bytes < crowded.stat().st_size / 4


class Passing:
    """A clock of which each look takes a tenth of a second."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.1
        return self.now_s


@pytest.mark.usefixtures("crowded")
def test_a_table_that_takes_longer_than_the_scrape_is_left_out_and_counted(v1: Host) -> None:
    rig = Rig(v1, collectors=(tcp.COLLECTOR,), clock=Passing())
    text = rig.text()
    assert of_family(text, "container_network_tcp_usage_total") == {}
    assert of_family(text, "foresail_exporter_scrape_partial") == {"foresail_exporter_scrape_partial": 1}
    assert errors(rig, "tcp")["late"] > 0
