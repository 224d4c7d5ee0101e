"""On which NUMA nodes a container's memory lies.

Version 1 counts pages, of the cgroup alone and of all below it; version 2 counts bytes of all below it, which are turned
into pages here so that both give the same series.
"""

from __future__ import annotations

import os

from exporters.cgroup.parse import by_node
from exporters.collectors.contract import Collector, Family, Kind, Samples, Target, each

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TYPES = ("file", "anon", "unevictable")

PAGES = Family(
    "container_memory_numa_pages",
    Kind.GAUGE,
    "Pages on each NUMA node; scope container is the cgroup alone, which v2 does not tell, scope hierarchy all below it too "
    "(memory.numa_stat; on v2 its bytes divided by the size of a page).",
)

_ROWS_V1 = tuple(
    (key, f',type="{type_}",scope="{scope}"', 1)
    for type_ in _TYPES
    for key, scope in ((type_.encode(), "container"), (f"hierarchical_{type_}".encode(), "hierarchy"))
)
_ROWS_V2 = tuple((type_.encode(), f',type="{type_}",scope="hierarchy"', _PAGE_BYTES) for type_ in _TYPES)


def read(target: Target, samples: Samples) -> None:
    """Read one cgroup."""
    data = target.files.read("memory", "memory.numa_stat")
    if data is None:
        return
    found = by_node(data)
    for key, labels, divisor in _ROWS_V1 if target.files.version("memory") == 1 else _ROWS_V2:
        for node, amount in found.get(key, {}).items():
            samples.add(PAGES, f'{target.labels}{labels},node="{node}"', amount // divisor)


COLLECTOR = Collector(
    name="numa",
    help="Memory of each container by NUMA node",
    families=(PAGES,),
    collect=each(read),
    is_default=False,
)
