"""Usage and requests of every workload, recorded, as they are read often and over long times.

The names say by what the series are divided, what is measured and how: `workload:container_cpu_usage_seconds:sum_rate2m` has
the labels namespace, workload_kind and workload.
"""

from dashboards import names
from dashboards.rules.alert import Json
from exporters.collectors import cpu, memory, network

_WORKLOAD = "namespace, workload_kind, workload"
_OF_CONTAINERS = 'container!=""'  # without the pod's own cgroup and its sandbox, which would count all twice


def rules() -> list[Json]:
    """Return the recording rules."""
    used_cores = f"rate({names.exporter(cpu.USAGE.name, _OF_CONTAINERS)}[2m])"
    working_set = names.exporter(memory.WORKING_SET.name, _OF_CONTAINERS)
    received = f"rate({names.exporter(network.RECEIVE_BYTES.name)}[2m])"
    sent = f"rate({names.exporter(network.TRANSMIT_BYTES.name)}[2m])"
    requested = {unit: names.exporter(names.REQUESTS, f'resource="{unit}"') for unit in ("cpu", "memory")}
    return [
        _record("container_cpu_usage_seconds:sum_rate2m", used_cores),
        _record("container_memory_working_set_bytes:sum", working_set),
        _record("container_network_receive_bytes:sum_rate2m", received),
        _record("container_network_transmit_bytes:sum_rate2m", sent),
        _record("pod_resource_requests_cpu_cores:sum", requested["cpu"]),
        _record("pod_resource_requests_memory_bytes:sum", requested["memory"]),
    ]


def _record(name: str, expression: str) -> Json:
    return {"record": f"workload:{name}", "expr": f"sum by ({_WORKLOAD}) ({names.with_workload(expression)})"}
