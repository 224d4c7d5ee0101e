"""How the machine's CPUs, caches and memory are laid out: NUMA nodes, cores, threads.

A cache of level 1 or 2 belongs to a core. A higher one belongs to its node if all CPUs of the node share it, and is then
told once, with an empty core; otherwise it is told for each core that shares it. A machine without NUMA has no nodes
in /sys; there the sockets are taken for nodes, as cAdvisor does. Caches are read again only when another set of CPUs
is online.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from exporters.cgroup.parse import Malformed, number, value
from exporters.cgroup.topology import CPUS, Cpu, Topology, cpu_list
from exporters.collectors.contract import Collector, Family, Kind, Scrape, labelled
from exporters.collectors.machine import identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CACHES = Family(
    "machine_cpu_cache_capacity_bytes",
    Kind.GAUGE,
    "Size of a cache, in bytes, by NUMA node, and by core unless the whole node shares it "
    "(/sys/devices/system/cpu/cpu*/cache/index*/size).",
)
SIBLINGS = Family(
    "machine_thread_siblings_count",
    Kind.GAUGE,
    "Threads of the core that the CPU is a thread of (/sys/devices/system/cpu/cpu*/topology/thread_siblings_list).",
)
NODE_MEMORY = Family(
    "machine_node_memory_capacity_bytes",
    Kind.GAUGE,
    "Memory of the NUMA node, in bytes (/sys/devices/system/node/node*/meminfo MemTotal).",
)
HUGE_PAGES = Family(
    "machine_node_hugepages_count",
    Kind.GAUGE,
    "Huge pages set aside on the NUMA node, by size in KiB (/sys/devices/system/node/node*/hugepages/*/nr_hugepages).",
)
DISTANCE = Family(
    "machine_node_distance",
    Kind.GAUGE,
    "How far the memory of another NUMA node is; the node's own counts 10 (/sys/devices/system/node/node*/distance).",
)

_NODES = "devices/system/node"
_OF_A_CORE = 2  # the highest level that is
_KIB = 1024
_MEMORY = re.compile(rb"MemTotal:\s+([0-9]+) kB\n")

_Sample = tuple[Family, str, int]
_Nodes = list[tuple[str, "Sequence[Cpu]"]]


class _Caches:
    """The caches as they were told for a set of CPUs."""

    def __init__(self) -> None:
        self.nodes: _Nodes = []
        self.samples: Sequence[_Sample] = ()


def collect(scrape: Scrape) -> None:
    """Read everything."""
    labels = identity(scrape)
    for read in (_cpus, _memory):
        try:
            for family, more, amount in read(scrape):
                scrape.samples.add(family, f"{labels},{more}", amount)
        except Malformed as error:
            scrape.tally.fail(f"the machine's layout: {error}")


def _cpus(scrape: Scrape) -> Iterator[_Sample]:
    nodes = _nodes(scrape, scrape.notes.of(Topology).cpus(scrape.host, scrape.tally))
    for node, cpus in nodes:
        threads = Counter(cpu.siblings for cpu in cpus)
        for cpu in cpus:
            if cpu.siblings and cpu.core:
                labels = labelled(node_id=node, core_id=cpu.core, thread_id=str(cpu.number))
                yield SIBLINGS, labels, threads[cpu.siblings]
    known = scrape.notes.of(_Caches)
    if known.nodes != nodes:
        failed_before = scrape.tally.failed
        known.samples = tuple(sample for node, cpus in nodes for sample in _caches(scrape, node, cpus))
        known.nodes = nodes if scrape.tally.failed == failed_before else []
    yield from known.samples


def _nodes(scrape: Scrape, cpus: Sequence[Cpu]) -> _Nodes:
    """Sort CPUs into NUMA nodes, or without any into sockets."""
    found: _Nodes = []
    for node in _numbered(scrape, _NODES, "node"):
        data = scrape.host.sys(f"{_NODES}/node{node}/cpulist", scrape.tally)
        members = frozenset(() if data is None else cpu_list(data))
        found.append((node, [cpu for cpu in cpus if cpu.number in members]))
    if found:
        return found
    sockets: dict[str, list[Cpu]] = {}
    for cpu in cpus:
        if cpu.socket:
            sockets.setdefault(cpu.socket, []).append(cpu)
    return list(sockets.items())


def _numbered(scrape: Scrape, folder: str, name: str) -> Sequence[str]:
    """List the numbers of folders such as node0, in order."""
    found = [re.fullmatch(rf"{name}(\d{{1,9}})", each, re.ASCII) for each in scrape.host.listed(folder)]
    return sorted((one[1] for one in found if one is not None), key=int)


def _caches(scrape: Scrape, node: str, cpus: Sequence[Cpu]) -> Iterator[_Sample]:
    told: set[str] = set()
    everybody = {cpu.number for cpu in cpus}
    for cpu in cpus:
        for index in _numbered(scrape, f"{CPUS}/cpu{cpu.number}/cache", "index"):
            cache = _cache(scrape, f"{CPUS}/cpu{cpu.number}/cache/index{index}")
            if cache is None:
                continue
            is_of_node = int(cache["level"]) > _OF_A_CORE and everybody <= set(cpu_list(cache["shared_cpu_list"]))
            labels = labelled(
                node_id=node,
                core_id="" if is_of_node else cpu.core,
                type=cache["type"].decode("ascii", "replace").strip(),
                level=cache["level"].decode().strip(),
            )
            if labels not in told:
                told.add(labels)
                yield CACHES, labels, number(cache["size"].rstrip(b"K\n")) * _KIB


def _cache(scrape: Scrape, folder: str) -> Mapping[str, bytes] | None:
    """Read what is told of a cache; None unless all of it is (virtual machines may leave its size out)."""
    found: dict[str, bytes] = {}
    for name in ("level", "type", "size", "shared_cpu_list"):
        data = scrape.host.sys(f"{folder}/{name}", scrape.tally)
        if data is None:
            return None
        found[name] = data
    value(found["level"])
    return found


def _memory(scrape: Scrape) -> Iterator[_Sample]:
    for node in _numbered(scrape, _NODES, "node"):
        folder = f"{_NODES}/node{node}"
        data = scrape.host.sys(f"{folder}/meminfo", scrape.tally)
        if data is not None and (total := _MEMORY.search(data)) is not None:
            yield NODE_MEMORY, labelled(node_id=node), number(total[1]) * _KIB
        for pages in scrape.host.listed(f"{folder}/hugepages"):
            size = re.fullmatch(r"hugepages-(\d+)kB", pages, re.ASCII)
            count = scrape.host.sys(f"{folder}/hugepages/{pages}/nr_hugepages", scrape.tally) if size is not None else None
            if size is not None and count is not None:
                yield HUGE_PAGES, labelled(node_id=node, page_size=size[1]), value(count)
        yield from _distances(scrape, node)


def _distances(scrape: Scrape, node: str) -> Iterator[_Sample]:
    """Tell the distances of one node; the kernel writes them in the order of the nodes that are online."""
    data = scrape.host.sys(f"{_NODES}/node{node}/distance", scrape.tally)
    if data is None:
        return
    for target, distance in zip(_numbered(scrape, _NODES, "node"), data.split(), strict=False):
        yield DISTANCE, labelled(node_id=node, target_node_id=target), number(distance)


COLLECTOR = Collector(
    name="cpu_topology",
    help="NUMA nodes, cores, threads, caches and huge pages of the machine",
    families=(CACHES, SIBLINGS, NODE_MEMORY, HUGE_PAGES, DISTANCE),
    collect=collect,
    is_default=False,
)
