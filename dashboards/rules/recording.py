"""Usage and requests of every workload, recorded, as they are read often and over long times.

The names say by what the series are divided, what is measured and how: `workload:container_cpu_usage_seconds:sum_rate2m` has
the labels namespace, workload_kind and workload. The service reads those of usage and throttling back over weeks, so their
names and expressions are its own.
"""

from autoscaler.clients import queries
from dashboards import names
from dashboards.rules.alert import Json
from exporters.collectors import network

_WORKLOAD = "namespace, workload_kind, workload"
_SOURCE = queries.Source(names.EXPORTER_JOB, queries.RECORDED_WINDOW_S)
_NAMED = 'workload!=""'


def rules() -> list[Json]:
    """Return the recording rules."""
    received = f"rate({names.exporter(network.RECEIVE_BYTES.name)}[2m])"
    sent = f"rate({names.exporter(network.TRANSMIT_BYTES.name)}[2m])"
    requested = {unit: names.exporter(names.REQUESTS, f'resource="{unit}"') for unit in ("cpu", "memory")}
    return [
        *({"record": name, "expr": queries.workload_usage(one, _SOURCE)} for one, name in queries.RECORDED_USAGE.items()),
        {"record": queries.RECORDED_THROTTLED, "expr": queries.workload_throttled(_SOURCE)},
        _record("container_network_receive_bytes:sum_rate2m", _summed(received)),
        _record("container_network_transmit_bytes:sum_rate2m", _summed(sent)),
        _record("pod_resource_requests_cpu_cores:sum", _summed(requested["cpu"])),
        _record("pod_resource_requests_memory_bytes:sum", _summed(requested["memory"])),
    ]


def _record(name: str, expression: str) -> Json:
    return {"record": f"workload:{name}", "expr": expression}


def _summed(expression: str) -> str:
    return f"sum by ({_WORKLOAD}) ({names.with_workload(expression, _NAMED)})"
