"""CPU time by CPU, which only version 1 tells.

cAdvisor, when told to, gives these in the place of the whole, under the same name. Here they have a name of their own:
parts and whole under one name would count twice in every sum of a dashboard that does not know about them.
"""

from __future__ import annotations

from exporters.cgroup.parse import numbers
from exporters.collectors.contract import Collector, Family, Kind, Samples, Target, each

_NS_PER_S = 1_000_000_000

USAGE = Family(
    "container_cpu_usage_percpu_seconds_total",
    Kind.COUNTER,
    "CPU time used on each CPU, in seconds, from the first use of that CPU on; nothing on v2 (v1 cpuacct.usage_percpu).",
)


def read(target: Target, samples: Samples) -> None:
    """Read one cgroup. The kernel lists CPUs that the machine could have, so those at zero are left out."""
    if target.files.version("cpuacct") != 1:
        return
    data = target.files.read("cpuacct", "cpuacct.usage_percpu")
    if data is None:
        return
    for cpu, usage_ns in enumerate(numbers(data)):
        if usage_ns:
            samples.add(USAGE, f'{target.labels},cpu="cpu{cpu:02}"', usage_ns / _NS_PER_S)


COLLECTOR = Collector(
    name="percpu",
    help="CPU usage by CPU (cgroup v1)",
    families=(USAGE,),
    collect=each(read),
    is_default=False,
)
