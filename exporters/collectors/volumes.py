"""What containers and volumes hold on disk, as the kubelet says.

The kernel has no such figures: somebody has to count files or ask the file system's quota, and the kubelet already
does. What a container wrote into its own layer and into its log goes under cAdvisor's names, as it did with Docker.
Volumes get names of our own, because the kubelet exposes its ``kubelet_volume_stats_*`` itself, and only of claims.

The kubelet does not say on which device something lies. It is the one whose size and number of inodes are the same, as
long as the collector ``filesystem`` has seen exactly one such; otherwise the series has no device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.collectors.contract import Collector, Family, Kind, Scrape, Target, labelled
from exporters.collectors.filesystem import LIMIT, USAGE, Devices
from exporters.kubelet.summary import Container, FileSystem, PodReference, Stale, Volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def _family(name: str, explained: str) -> Family:
    return Family(f"foresail_volume_{name}", Kind.GAUGE, f"{explained} (the kubelet's /stats/summary).")


USED = _family("used_bytes", "Bytes that the volume of a pod holds")
CAPACITY = _family("capacity_bytes", "Size of the file system that a volume is on, in bytes")
AVAILABLE = _family("available_bytes", "Bytes that can still be written to a volume")
INODES = _family("inodes", "Inodes of the file system that a volume is on")
INODES_USED = _family("inodes_used", "Inodes that a volume holds")
INODES_FREE = _family("inodes_free", "Inodes that are free on the file system that a volume is on")

_FIGURES = (
    (USED, "used_bytes"),
    (CAPACITY, "capacity_bytes"),
    (AVAILABLE, "available_bytes"),
    (INODES, "inodes"),
    (INODES_USED, "inodes_used"),
    (INODES_FREE, "inodes_free"),
)


def collect(scrape: Scrape) -> None:
    """Write out the kubelet's last answer."""
    if scrape.summary is None:
        scrape.tally.absent += 1
        return
    told = scrape.summary.look()
    if isinstance(told, Stale):
        if told.was_heard:
            scrape.tally.fail(told.why)
        else:
            scrape.tally.absent += 1
        return
    by_name = dict(_by_name(scrape.targets))
    names: set[tuple[str, str]] = set()
    for pod in sorted(told, key=lambda pod: (pod.pod_ref.namespace, pod.pod_ref.name)):
        name = pod.pod_ref.namespace, pod.pod_ref.name
        if name not in names:  # a pod that was made again at once may be told together with the one before
            names.add(name)
            for volume in {volume.name: volume for volume in pod.volume or ()}.values():
                _add_volume(scrape, pod.pod_ref, volume)
        for container in pod.containers or ():
            target = by_name.pop((pod.pod_ref.uid, container.name), None)
            if target is not None:
                _add_container(scrape, target, container)


def _by_name(targets: Iterable[Target]) -> Mapping[tuple[str, str], Target]:
    """Find containers by pod and name; of several lives the last, which has the highest inode."""
    named = [one for one in targets if one.cgroup.identity.pod_uid is not None and one.name.container]
    named.sort(key=lambda one: one.cgroup.inode)
    return {(one.cgroup.identity.pod_uid or "", one.name.container): one for one in named}


def _add_volume(scrape: Scrape, pod: PodReference, volume: Volume) -> None:
    claim = "" if volume.pvc_ref is None else volume.pvc_ref.name
    labels = labelled(namespace=pod.namespace, pod=pod.name, volume=volume.name, persistentvolumeclaim=claim)
    for family, field in _FIGURES:
        amount = getattr(volume, field)
        if amount is not None and amount >= 0:
            scrape.samples.add(family, labels, amount)


def _add_container(scrape: Scrape, target: Target, container: Container) -> None:
    devices = scrape.notes.of(Devices)
    for number, (capacity, inodes, used) in enumerate(_file_systems((container.rootfs, container.logs))):
        device = devices.of_size(capacity, inodes)
        if device is None and number:
            continue  # a second series without a device would be the same one again
        labels = target.labels if device is None else f"{target.labels},{labelled(device=device)}"
        scrape.samples.add(USAGE, labels, used)
        scrape.samples.add(LIMIT, labels, capacity)


def _file_systems(parts: Iterable[FileSystem | None]) -> Sequence[tuple[int, int, int]]:
    """Add up what is used, by size and number of inodes of the file system: layer and log are mostly on the same."""
    used: dict[tuple[int, int], int] = {}
    for part in parts:
        if part is not None and part.used_bytes is not None and part.capacity_bytes is not None:
            if min(part.used_bytes, part.capacity_bytes) < 0:
                continue
            key = part.capacity_bytes, part.inodes or 0
            used[key] = used.get(key, 0) + part.used_bytes
    return [(capacity, inodes, amount) for (capacity, inodes), amount in used.items()]


COLLECTOR = Collector(
    name="volumes",
    help="What containers and volumes hold on disk (asks the kubelet, needs get on nodes/stats)",
    families=tuple(family for family, _ in _FIGURES),
    collect=collect,
    is_default=False,
    adds_to=(LIMIT, USAGE),
)
