"""The machine: its CPUs, its memory and who it is.

Two of the three labels that the kubelet writes may stay empty, which is the same as not having them: the machine's id is
a file outside the kernel that has to be mounted here, and only root may read the system's UUID. Persistent memory
(machine_nvm_capacity, machine_nvm_avg_power_budget_watts) is not told: it takes a vendor's library and root, and
kubelets are built without the library, so what they say of it is always zero.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporters.cgroup.files import Tally
from exporters.cgroup.parse import Malformed, meminfo, value
from exporters.cgroup.topology import Topology
from exporters.collectors.contract import Collector, Family, Kind, Scrape, labelled

if TYPE_CHECKING:
    from collections.abc import Iterator

CORES = Family("machine_cpu_cores", Kind.GAUGE, "Logical CPUs that are online (/sys/devices/system/cpu/online).")
PHYSICAL_CORES = Family(
    "machine_cpu_physical_cores",
    Kind.GAUGE,
    "Cores with a CPU that is online, over all sockets (/sys/devices/system/cpu/cpu*/topology/thread_siblings_list).",
)
SOCKETS = Family(
    "machine_cpu_sockets",
    Kind.GAUGE,
    "Sockets with a CPU that is online (/sys/devices/system/cpu/cpu*/topology/physical_package_id).",
)
BOOKS = Family(
    "machine_cpu_books",
    Kind.GAUGE,
    "Books with a CPU that is online; absent but on mainframes (/sys/devices/system/cpu/cpu*/topology/book_id).",
)
DRAWERS = Family(
    "machine_cpu_drawers",
    Kind.GAUGE,
    "Drawers with a CPU that is online; absent but on mainframes (/sys/devices/system/cpu/cpu*/topology/drawer_id).",
)
MEMORY = Family("machine_memory_bytes", Kind.GAUGE, "Memory of the machine, in bytes (/proc/meminfo MemTotal).")
SWAP = Family("machine_swap_bytes", Kind.GAUGE, "Swap space of the machine, in bytes (/proc/meminfo SwapTotal).")
DIMMS = Family(
    "machine_dimm_count",
    Kind.GAUGE,
    "Memory modules by type; absent without a driver that tells of them (/sys/devices/system/edac/mc/mc*/dimm*).",
)
DIMM_CAPACITY = Family(
    "machine_dimm_capacity_bytes",
    Kind.GAUGE,
    "Size of all memory modules of a type, in bytes; absent without a driver that tells of them "
    "(/sys/devices/system/edac/mc/mc*/dimm*/size).",
)
SCRAPE_ERROR = Family(
    "machine_scrape_error",
    Kind.GAUGE,
    "1 if something of the machine could not be read although it is there, 0 otherwise (the files of the metrics above).",
)

_UNKNOWN = "-1"
_CONTROLLERS = "devices/system/edac/mc"
_MIB = 1 << 20
_UUID = "class/dmi/id/product_uuid"


def collect(scrape: Scrape) -> None:
    """Read everything."""
    labels = identity(scrape)
    for read in (_cpus, _memory, _modules):
        try:
            for family, more, amount in read(scrape):
                scrape.samples.add(family, labels + more, amount)
        except Malformed as error:
            scrape.tally.fail(f"the machine: {error}")
    scrape.samples.add(SCRAPE_ERROR, "", int(scrape.tally.failed > 0))


def identity(scrape: Scrape) -> str:
    """Write the labels of the machine."""
    roots, tally = scrape.host.roots, scrape.tally
    system_uuid = scrape.host.sys(_UUID, Tally())  # that it is refused is no failure: only root may read it
    if system_uuid is None:
        tally.absent += 1
    return labelled(
        machine_id=_line(scrape.host.read(str(roots.machine_id), tally)),
        system_uuid=_line(system_uuid),
        boot_id=_line(scrape.host.proc("sys/kernel/random/boot_id", tally)),
    )


def _line(data: bytes | None) -> str:
    return "" if data is None else data.decode("utf-8", "replace").strip()


_Sample = tuple[Family, str, int]


def _cpus(scrape: Scrape) -> Iterator[_Sample]:
    cpus = scrape.notes.of(Topology).cpus(scrape.host, scrape.tally)
    if cpus:
        yield CORES, "", len(cpus)
    for family, parts in (
        (PHYSICAL_CORES, {cpu.siblings for cpu in cpus if cpu.siblings}),
        (SOCKETS, {(cpu.drawer, cpu.book, cpu.socket) for cpu in cpus if _is_told(cpu.socket)}),
        (BOOKS, {(cpu.drawer, cpu.book) for cpu in cpus if _is_told(cpu.book)}),
        (DRAWERS, {cpu.drawer for cpu in cpus if _is_told(cpu.drawer)}),
    ):
        if parts:
            yield family, "", len(parts)


def _is_told(part: str) -> bool:
    return part not in {"", _UNKNOWN}


def _memory(scrape: Scrape) -> Iterator[_Sample]:
    data = scrape.host.proc("meminfo", scrape.tally)
    found = {} if data is None else meminfo(data)
    for family, key in ((MEMORY, b"MemTotal"), (SWAP, b"SwapTotal")):
        if key in found:
            yield family, "", found[key]


def _modules(scrape: Scrape) -> Iterator[_Sample]:
    by_type: dict[str, list[int]] = {}
    for folder in _module_folders(scrape):
        kind = scrape.host.sys(f"{folder}/dimm_mem_type", scrape.tally)
        size = scrape.host.sys(f"{folder}/size", scrape.tally)
        if kind is not None and size is not None:
            by_type.setdefault(_line(kind), []).append(value(size) * _MIB)
    for kind_name, sizes in by_type.items():
        more = f",{labelled(type=kind_name)}"
        yield DIMMS, more, len(sizes)
        yield DIMM_CAPACITY, more, sum(sizes)


def _module_folders(scrape: Scrape) -> Iterator[str]:
    for controller in scrape.host.listed(_CONTROLLERS):
        if re.fullmatch(r"mc\d+", controller):
            for module in scrape.host.listed(f"{_CONTROLLERS}/{controller}"):
                if re.fullmatch(r"dimm\d+", module):
                    yield f"{_CONTROLLERS}/{controller}/{module}"


COLLECTOR = Collector(
    name="machine",
    help="CPUs and memory of the machine",
    families=(CORES, PHYSICAL_CORES, SOCKETS, BOOKS, DRAWERS, MEMORY, SWAP, DIMMS, DIMM_CAPACITY, SCRAPE_ERROR),
    collect=collect,
)
