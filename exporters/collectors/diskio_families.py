"""The families of block I/O, under the names that cAdvisor gave them."""

from __future__ import annotations

from exporters.collectors.contract import Family, Kind

_V1 = "v1 blkio.bfq, CFQ's blkio or blkio.throttle"
_SCHEDULER_V1 = "v1 blkio.bfq or CFQ's blkio"
_HOST = "the host /proc/diskstats"


def _counter(name: str, explained: str) -> Family:
    return Family(f"container_fs_{name}_total", Kind.COUNTER, explained)


READS_BYTES = _counter("reads_bytes", f"Bytes read from the device ({_V1} io_service_bytes Read, v2 io.stat rbytes, {_HOST}).")
READS = _counter("reads", f"Reads completed ({_V1} io_serviced Read, v2 io.stat rios, {_HOST}).")
SECTOR_READS = _counter("sector_reads", f"Sectors of 512 bytes read ({_HOST}; no cgroup tells reads from writes here).")
READS_MERGED = _counter(
    "reads_merged", f"Reads merged into others before they reached the device ({_SCHEDULER_V1} io_merged Read, {_HOST})."
)
READ_S = _counter(
    "read_seconds", f"Time that reads took, in seconds, summed over them ({_SCHEDULER_V1} io_service_time Read, {_HOST})."
)
WRITES_BYTES = _counter(
    "writes_bytes", f"Bytes written to the device ({_V1} io_service_bytes Write, v2 io.stat wbytes, {_HOST})."
)
WRITES = _counter("writes", f"Writes completed ({_V1} io_serviced Write, v2 io.stat wios, {_HOST}).")
SECTOR_WRITES = _counter("sector_writes", f"Sectors of 512 bytes written ({_HOST}; no cgroup tells reads from writes here).")
WRITES_MERGED = _counter(
    "writes_merged", f"Writes merged into others before they reached the device ({_SCHEDULER_V1} io_merged Write, {_HOST})."
)
WRITE_S = _counter(
    "write_seconds", f"Time that writes took, in seconds, summed over them ({_SCHEDULER_V1} io_service_time Write, {_HOST})."
)
IO_CURRENT = Family(
    "container_fs_io_current",
    Kind.GAUGE,
    f"Reads and writes that are waiting or under way ({_SCHEDULER_V1} io_queued Total, {_HOST}).",
)
IO_TIME = _counter(
    "io_time_seconds",
    "Time spent on I/O, in seconds: of a cgroup summed over its reads and writes, of the host that in which the device "
    f"was busy ({_SCHEDULER_V1} io_service_time Total, {_HOST}).",
)
IO_TIME_WEIGHTED = _counter(
    "io_time_weighted_seconds", f"Time spent on I/O times the reads and writes under way, in seconds ({_HOST})."
)
COST_USAGE = _counter("io_cost_usage_seconds", "Device time charged by the io.cost controller (v2 io.stat cost.usage).")
COST_WAIT = _counter("io_cost_wait_seconds", "Time waited for the io.cost controller (v2 io.stat cost.wait).")
COST_INDEBT = _counter("io_cost_indebt_seconds", "Time in debt to the io.cost controller (v2 io.stat cost.indebt).")
COST_INDELAY = _counter("io_cost_indelay_seconds", "Time delayed by the io.cost controller (v2 io.stat cost.indelay).")
DEVICE_USAGE = Family(
    "container_blkio_device_usage_total",
    Kind.COUNTER,
    f"Bytes moved by operation ({_V1} io_service_bytes, each operation that it tells; v2 io.stat rbytes and wbytes; {_HOST}).",
)

FAMILIES = (
    READS_BYTES,
    READS,
    SECTOR_READS,
    READS_MERGED,
    READ_S,
    WRITES_BYTES,
    WRITES,
    SECTOR_WRITES,
    WRITES_MERGED,
    WRITE_S,
    IO_CURRENT,
    IO_TIME,
    IO_TIME_WEIGHTED,
    COST_USAGE,
    COST_WAIT,
    COST_INDEBT,
    COST_INDELAY,
    DEVICE_USAGE,
)
