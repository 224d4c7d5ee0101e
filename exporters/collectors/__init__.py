"""The collectors, one file each; this list is the only place that knows them all.

``docs/add-a-collector.md`` shows how to add one.
"""

from exporters.collectors import cpu, diskio, filesystem, memory, network, pod, pressure, process, spec, start_time
from exporters.collectors.contract import Collector

REGISTERED: tuple[Collector, ...] = (
    cpu.COLLECTOR,
    memory.COLLECTOR,
    network.COLLECTOR,
    spec.COLLECTOR,
    process.COLLECTOR,
    diskio.COLLECTOR,
    filesystem.COLLECTOR,
    pressure.COLLECTOR,
    start_time.COLLECTOR,
    pod.COLLECTOR,
)
