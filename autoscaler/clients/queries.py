"""The PromQL that the service asks, as pure functions; dashboards and rules show the same lines.

Every selector pins the job, so that a cluster where the kubelet's cAdvisor is scraped as well never counts a pod twice. Names
and labels are cAdvisor's; `foresail_pod_info` says which workload a pod belongs to.

The kubelet tells of a container at two paths of one job, /metrics/cadvisor and, where that is scraped, /metrics/resource: the
larger of both counts, never their sum. It also gives its samples times of its own, which keeps a container that has ended in
every answer for Prometheus' look-back, five minutes: of memory only the newest counts, or each restart would look like load.

What is read over weeks is also recorded, by rules of dashboards/rules. Recorded series have no job: of two that bear the same
workload, as from two replicas of Prometheus or two installations, the larger counts, never their sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from autoscaler.model import WorkloadKey

CPU_SECONDS = "container_cpu_usage_seconds_total"
WORKING_SET = "container_memory_working_set_bytes"
POD_INFO = "foresail_pod_info"
CPU_SHARES = "container_spec_cpu_shares"
CFS_PERIODS = "container_cpu_cfs_periods_total"
CFS_THROTTLED_PERIODS = "container_cpu_cfs_throttled_periods_total"

RECORDED_WINDOW_S = 120  # of the rates that are recorded
RECORDED_USAGE = {
    "cpu": "workload:container_cpu_usage_seconds:sum_rate2m",
    "memory": "workload:container_memory_working_set_bytes:sum",
}
RECORDED_THROTTLED = "workload:container_cpu_cfs_throttled_periods:ratio_rate2m"

PART = "part"  # label that tells the two halves of `pod_usage_and_time` apart
VALUE, TIME = "value", "time"

_CONTAINER = "namespace, pod, container"
_WORKLOAD = "namespace, workload_kind, workload"
_NO_SHARES, _SHARES_OF_A_CORE = 2, 1024


@dataclass(frozen=True, slots=True)
class Source:
    """Whose series are read, and over which window rates are taken (seconds)."""

    job: str
    window_s: int


def container_usage(resource: str, source: Source) -> str:
    """Return the usage of every container: cpu in cores, memory as working set in bytes."""
    selected = _containers(resource, source)
    if resource == "cpu":
        return _rate(selected, source)
    newest = f"max by ({_CONTAINER}) (timestamp({selected}))"
    return f"max by ({_CONTAINER}) ({selected} and timestamp({selected}) == on ({_CONTAINER}) group_left () {newest})"


def container_sample_time(resource: str, source: Source) -> str:
    """Return when the newest sample of every container was taken, in seconds since the epoch.

    The time that comes with an instant query's answer is that of the question, and says nothing about age.
    """
    return f"max by ({_CONTAINER}) (timestamp({_containers(resource, source)}))"


def container_usage_and_time(resource: str, source: Source) -> str:
    """Return usage and sample time in one answer, told apart by the label `part`, so that both are of one moment."""
    value = _labelled(container_usage(resource, source), VALUE)
    return f"{value} or {_labelled(container_sample_time(resource, source), TIME)}"


def workload_usage(resource: str, source: Source, namespace: str = "") -> str:
    """Return the usage of every workload: all pods that ran at that moment, under the name of their top-level owner.

    With a namespace, only of those in it.

    Of the memory of a container that was restarted the larger counts: to find the newest at each point of a long time costs
    more than history is worth.
    """
    selected = _containers(resource, source, namespace)
    usage = _rate(selected, source) if resource == "cpu" else f"max by ({_CONTAINER}) ({selected})"
    return f"sum by ({_WORKLOAD}) ({_of_workloads(usage, source)})"


def workload_throttled(source: Source, namespace: str = "") -> str:
    """Return the share of CFS periods in which the containers of each workload were throttled, weighted by their usage.

    Not the largest share, as a small sidecar at its limit would then speak for a workload that has room. A container without a
    limit is in no series of periods and counts as never throttled; a workload of which no container has one is left out.
    """
    usage = _rate(_containers("cpu", source, namespace), source)
    throttled, periods = (
        _rate(_selected(metric, source, namespace), source) for metric in (CFS_THROTTLED_PERIODS, CFS_PERIODS)
    )
    cut = f"{usage} * ({throttled} / ({periods} > 0))"
    return f"sum by ({_WORKLOAD}) ({_of_workloads(cut, source)}) / ({workload_usage('cpu', source, namespace)} > 0)"


def recorded(name: str, window_s: int, namespace: str = "") -> str:
    """Return what a rule has recorded of every workload; the mean over a window that is longer than that of its rates."""
    selected = name + (f"{{namespace={quoted(namespace)}}}" if namespace else "")
    values = selected if window_s <= RECORDED_WINDOW_S else f"avg_over_time({selected}[{window_s}s])"
    return f"max by ({_WORKLOAD}) ({values})"


def workload_of(labels: Mapping[str, str]) -> WorkloadKey | None:
    """Return the workload that the labels of an answer name; None for a pod that is nobody's."""
    try:
        return WorkloadKey(labels["namespace"], labels["workload_kind"], labels["workload"])
    except KeyError:
        return None


def workload_cpu_requests(source: Source, namespace: str = "") -> str:
    """Return the cores that a pod of each workload requests, in the mean of those that there are, by kube-state-metrics."""
    requested = f'kube_pod_container_resource_requests{{resource="cpu"{_within(namespace)}}}'
    return f"avg by ({_WORKLOAD}) ({_of_workloads(f'max by ({_CONTAINER}) ({requested})', source)})"


def workload_cpu_shares(source: Source, namespace: str = "") -> str:
    """Return the same by the kernel's shares, of which a core is 1024 and 2 is no request.

    On cgroup v2 runc from 1.3.2 on has weights that look like more shares than were asked for.
    """
    selected = _selected(CPU_SHARES, source, namespace)
    shares = f"max by ({_CONTAINER}) ({selected} > {_NO_SHARES}) / {_SHARES_OF_A_CORE}"
    return f"avg by ({_WORKLOAD}) ({_of_workloads(shares, source)})"


def pod_owner(source: Source) -> str:
    """Return one series a pod that names its workload; `topk` because a second one would make every join fail."""
    return f'topk by (namespace, pod) (1, {POD_INFO}{{job={quoted(source.job)},workload!=""}})'


def quoted(text: str) -> str:
    """Return a PromQL string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _of_workloads(by_container: str, source: Source) -> str:
    """Return the sum of each pod, with its workload."""
    owner = f"on (namespace, pod) group_left (workload_kind, workload) {pod_owner(source)}"
    return f"sum by (namespace, pod) ({by_container}) * {owner}"


def _within(namespace: str) -> str:
    return f",namespace={quoted(namespace)}" if namespace else ""


def _containers(resource: str, source: Source, namespace: str = "") -> str:
    return _selected({"cpu": CPU_SECONDS, "memory": WORKING_SET}[resource], source, namespace)


def _selected(metric: str, source: Source, namespace: str) -> str:
    # cAdvisor has series of whole pods (no container) and, with old runtimes, of the pause container.
    return f'{metric}{{job={quoted(source.job)},pod!="",container!="",container!="POD"{_within(namespace)}}}'


def _rate(selected: str, source: Source) -> str:
    """Return the rate of a counter of every container; what it counted before and after a restart is added up."""
    rate = f"rate({selected}[{source.window_s}s])"
    return f"max by ({_CONTAINER}) (sum by ({_CONTAINER}, metrics_path) ({rate}))"


def _labelled(query: str, part: str) -> str:
    return f'label_replace({query}, "{PART}", "{part}", "namespace", ".*")'
