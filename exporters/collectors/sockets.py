"""How many sockets a container holds.

The kernel tells what an open file is only to the owner of the process and to who may trace it (CAP_SYS_PTRACE), and one
link must be read for each open file. So this is for those who run the exporter with that right and need the number.
"""

from __future__ import annotations

import os
from pathlib import Path

from exporters.collectors.contract import Collector, Family, Kind, Scrape

SOCKETS = Family(
    "container_sockets",
    Kind.GAUGE,
    "Open sockets of all processes in the container, counted once for each descriptor (links in /proc/<pid>/fd).",
)


def collect(scrape: Scrape) -> None:
    """Count for each container; one that may not be looked into has no series."""
    for target in scrape.in_time(scrape.targets):
        container_id = target.cgroup.identity.container_id
        if container_id is None or target.is_gone:
            continue
        processes = scrape.processes.of(container_id, target.cgroup.path)
        try:
            counts = [_sockets(f"{scrape.procfs}/{process.pid}/fd") for process in processes]
        except OSError as error:
            scrape.tally.fail(f"cannot list {error.filename}: {error.strerror}; it takes the capability SYS_PTRACE")
            continue
        known = [count for count in counts if count is not None]
        if known:
            scrape.samples.add(SOCKETS, target.labels, sum(known))
        else:
            scrape.tally.absent += 1


def _sockets(folder: str) -> int | None:
    """Count the sockets among the open files of one process; None if it has ended."""
    try:
        with os.scandir(folder) as entries:
            return sum(_is_socket(entry.path) for entry in entries)
    except (FileNotFoundError, ProcessLookupError):
        return None


def _is_socket(link: str) -> bool:
    try:
        return str(Path(link).readlink()).startswith("socket:")
    except FileNotFoundError:
        return False  # it was closed meanwhile


COLLECTOR = Collector(
    name="sockets",
    help="Open sockets of each container (needs the capability SYS_PTRACE)",
    families=(SOCKETS,),
    collect=collect,
    is_default=False,
)
