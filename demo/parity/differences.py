"""What the exporter and the kubelet do not say alike, on purpose: one row each, with its reason.

Whatever no row covers is a fault of one of them. The same is told to people, metric by metric, in `docs/exporter-parity.md`; a
test holds the two together.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from demo.parity.exposition import Series

_ANY = frozenset({1, 2})
_V1 = frozenset({1})
_V2 = frozenset({2})


class Side(Enum):
    """Who says it."""

    KUBELET = "only the kubelet has it"
    OURS = "only the exporter has it"
    VALUE = "the values differ"
    LABEL = "the labels differ"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row of the list."""

    side: Side
    families: str
    """A regular expression for the whole name."""
    reason: str
    applies: Callable[[Series, float], bool] = lambda _series, _value: True
    """Asked with the series and its value (the kubelet's where both have one)."""
    versions: frozenset[int] = _ANY
    """Of the cgroups."""
    before_kernel: tuple[int, int] | None = None
    is_everywhere: bool = True
    """False: only some machines show it, and others cannot say whether the row is needed."""

    def covers(self, side: Side, series: Series, value: float) -> bool:
        """Say whether this row is the reason."""
        return self.side is side and re.fullmatch(self.families, series.name) is not None and self.applies(series, value)


def in_force(version: int, kernel: tuple[int, int], rows: Sequence[Difference] | None = None) -> list[Difference]:
    """Return the rows for a version of cgroups and a kernel."""
    return [
        row
        for row in (DIFFERENCES if rows is None else rows)
        if version in row.versions and (row.before_kernel is None or kernel < row.before_kernel)
    ]


def _is_zero(_: Series, value: float) -> bool:
    return value == 0


def _is_root(series: Series, _: float = 0) -> bool:
    return series["id"] == "/"


def _is_zero_of_root(series: Series, value: float) -> bool:
    return _is_root(series) and value == 0


def _is_sandbox(series: Series, _: float) -> bool:
    return bool(series["name"]) and not series["container"]


def _is_no_container(series: Series, _: float = 0) -> bool:
    return not series["name"]


def _is_interface_of_host(series: Series, _: float) -> bool:
    return bool(series["name"]) and not series["interface"].startswith("eth")


def _is_in_memory(series: Series, _: float) -> bool:
    """Recognise a file system without a block device: the kubelet names it by where it is mounted."""
    return _is_root(series) and (not series["device"].startswith("/dev/") or series["device"] == "/dev/shm")  # noqa: S108


def _is_partition(series: Series, _: float) -> bool:
    """Recognise a part of a disk among those that the kubelet knows."""
    return _is_root(series) and re.fullmatch(r"/dev/(s|v|xv)d[a-z]+\d+", series["device"]) is not None


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        Side.KUBELET,
        "container_cpu_load_average_10s|container_cpu_load_d_average_10s|container_tasks_state",
        "no kubelet reads the load of a cgroup: it writes a constant 0",
        _is_zero,
    ),
    Difference(
        Side.KUBELET, "container_health_state", "only Docker tells it: a constant -1", lambda _series, value: value == -1
    ),
    Difference(
        Side.OURS,
        "container_cpu_usage_seconds_total",
        "the kubelet leaves out what has used no CPU time yet; on version 2 nothing was as idle in any comparison",
        _is_zero,
        _V1,
    ),
    Difference(Side.KUBELET, "cadvisor_version_info", "this is not cAdvisor"),
    Difference(
        Side.KUBELET,
        "machine_nvm_.*|machine_cpu_books|machine_cpu_drawers",
        "a constant 0 for hardware that is not there, or that the kubelet is built without the library for",
        _is_zero,
    ),
    Difference(Side.KUBELET, "container_memory_failcnt", "version 2 does not count it: a constant 0", _is_zero, _V2),
    Difference(
        Side.KUBELET,
        "container_spec_memory_limit_bytes|container_spec_memory_swap_limit_bytes|container_threads_max",
        "the kubelet writes 0 for no limit",
        _is_zero,
    ),
    Difference(
        Side.KUBELET,
        "container_spec_cpu_period|container_spec_cpu_shares|container_spec_memory_.*|container_memory_kernel_usage"
        "|container_memory_max_usage_bytes",
        "the root has no such file: the kubelet writes 0",
        _is_zero_of_root,
    ),
    Difference(
        Side.KUBELET,
        "container_threads|container_processes|container_ulimits_soft|container_file_descriptors|container_sockets",
        "the kubelet looks at the processes in the root cgroup itself, which belong to no container",
        _is_root,
    ),
    Difference(
        Side.KUBELET,
        "container_processes|container_ulimits_soft|container_file_descriptors|container_sockets",
        "of containers only: the kubelet writes 0 for a cgroup that only holds others, and counts services",
        _is_no_container,
    ),
    Difference(
        Side.KUBELET,
        "container_file_descriptors",
        "the kernel tells it without a right to look into processes from 6.2 on",
        before_kernel=(6, 2),
    ),
    Difference(
        Side.KUBELET,
        "container_.*",
        "services of the host are told only if they are asked for",
        lambda series, _: series["id"].startswith("/system.slice/"),
    ),
    Difference(Side.KUBELET, "container_sockets", "takes a capability: the collector is off unless it is wanted"),
    Difference(
        Side.KUBELET,
        "container_network_.*",
        "a pod on the host's network repeats the host's interfaces, which stand for the root already",
        _is_interface_of_host,
    ),
    Difference(
        Side.KUBELET,
        "container_memory_failcnt|container_memory_kernel_usage|container_memory_max_usage_bytes|container_memory_failures_total"
        "|container_spec_cpu_period|container_spec_cpu_shares",
        "version 1 has figures of the root alone, and limits that it cannot have; what the machine uses is told from /proc",
        _is_root,
        _V1,
    ),
    Difference(Side.KUBELET, "container_spec_memory_reservation_limit_bytes", "the kubelet writes 0 for none", _is_zero, _V1),
    Difference(
        Side.KUBELET,
        "container_blkio_device_usage_total",
        "of the root's disks the kernel sums up reads and writes and nothing else",
        _is_zero_of_root,
        _V1,
    ),
    Difference(Side.KUBELET, "container_fs_.*", "a file system in memory is no disk", _is_in_memory),
    Difference(
        Side.KUBELET,
        "container_fs_(io|reads?|writes?|sector)_.*",
        "the kubelet tells the partition that carries a file system, here it is the whole disk",
        _is_partition,
        is_everywhere=False,
    ),
    Difference(
        Side.OURS,
        "container_fs_.*",
        "every disk of the host is told, the kubelet knows those with a file system that it found at its start",
        _is_root,
    ),
    Difference(Side.VALUE, "container_memory_kernel_usage", "the kubelet writes 0 on version 2", _is_zero, _V2),
    Difference(
        Side.VALUE,
        "container_fs_(read|write|io_time|io_time_weighted)_seconds_total",
        "the kubelet takes the milliseconds of /proc/diskstats for nanoseconds",
        _is_root,
    ),
    Difference(
        Side.VALUE,
        "container_oom_events_total",
        "the kubelet counts for the cgroup whose limit was hit; here those above it count, too, as the kernel does",
        _is_no_container,
        _V2,
    ),
    Difference(
        Side.VALUE,
        "container_oom_events_total",
        "the kubelet counts for the cgroup whose limit was hit, and none for the root",
        _is_zero_of_root,
        _V1,
    ),
    Difference(
        Side.VALUE,
        "container_memory_failures_total",
        "the kubelet writes the faults of the cgroup alone for both scopes",
        lambda series, _: series["scope"] == "hierarchy",
        _V1,
    ),
    Difference(
        Side.VALUE,
        "container_blkio_device_usage_total|container_fs_(reads|writes)(_bytes)?_total",
        "the root of version 1 counts no input and output; that of the disks is told from /proc/diskstats",
        _is_zero_of_root,
        _V1,
    ),
    Difference(Side.VALUE, "container_memory_swap", "the root of version 1 counts only its own", _is_root, _V1),
    Difference(Side.LABEL, "container_.*", "no API tells the image of a pod's sandbox, only the runtime's socket", _is_sandbox),
    Difference(
        Side.LABEL,
        "machine_.*",
        "the machine's id is a file that has to be mounted, its UUID may be read by root only",
    ),
)
