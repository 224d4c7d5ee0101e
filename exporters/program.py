"""Puts the exporter together from its settings and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import signal
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import structlog

from exporters.cgroup.files import Reader, budget_of, read_once
from exporters.cgroup.host import Host
from exporters.cgroup.parse import Malformed, boot_time_s
from exporters.cgroup.processes import Processes
from exporters.collectors import REGISTERED, volumes
from exporters.exposition.exporter import Exporter, Parts
from exporters.exposition.inventory import Inventory
from exporters.exposition.own import OwnMetrics
from exporters.kubelet.client import KubeletClient
from exporters.kubelet.summary import SummaryBook
from exporters.names.account import Account
from exporters.names.book import PodBook
from exporters.names.logs import LogFolder
from exporters.names.names import Names
from exporters.names.watch import PodWatch
from exporters.server import Site, application, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exporters.cgroup.layout import Layout
    from exporters.settings import Settings
    from exporters.web.gate import Gate

_MOST_OPEN_FILES = 65_536
_PAUSE_S = 30.0
"""Before a source that broke begins again: what broke it may be there still."""

log = structlog.get_logger()


class Source(Protocol):
    """What runs beside the server and keeps a book for it."""

    async def run(self) -> None:
        """Keep the book until cancelled."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was found on this machine when the settings were checked."""

    layout: Layout
    account: Account | None
    """How to reach the Kubernetes API; None without it."""
    gate: Gate | None = None
    """Who may ask for metrics, and over what; None: everybody, in the clear."""


def version() -> str:
    """Return the version of the installed package, or ``unknown`` when it runs from a bare tree."""
    try:
        return version_of("foresail")
    except PackageNotFoundError:
        return "unknown"


async def run(settings: Settings, surroundings: Surroundings) -> None:
    """Serve until SIGTERM or SIGINT; raises CannotListenError when the address cannot be bound."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    watch = _watch(settings, surroundings.account)
    kubelet = _kubelet(settings, surroundings.account)
    exporter = _exporter(settings, surroundings, watch, kubelet)
    site = Site(exporter, settings.web, version(), lambda: _missing(watch))
    if surroundings.gate is not None:
        surroundings.gate.tell()
    async with (
        _running(watch, "pod_watch", "names of new pods come from the log folder until it runs again"),
        _running(kubelet, "kubelet", "what containers and volumes hold is shown as last heard, and then not at all"),
        serving(application(site), settings.web, surroundings.gate) as (host, port),
    ):
        log.info("listening", host=host, port=port, path=settings.web.telemetry_path)
        await stop.wait()
    log.info("stopped")


def _watch(settings: Settings, account: Account | None) -> PodWatch | None:
    return None if account is None else PodWatch(account, settings.kubernetes.node_name, PodBook())


def _kubelet(settings: Settings, account: Account | None) -> KubeletClient | None:
    if volumes.COLLECTOR.name not in settings.collectors:
        return None
    chosen = settings.kubelet
    if account is None or not chosen.address:
        log.warning(
            "kubelet_not_asked",
            cause="without the Kubernetes API there is no token"
            if account is None
            else "the address of this node is not known",
            consequence="what containers and volumes hold is not shown",
        )
        return None
    host = f"[{chosen.address}]" if ":" in chosen.address else chosen.address
    authority = Path(chosen.ca_file) if chosen.ca_file else account.authority_file
    return KubeletClient(
        Account(f"https://{host}:{chosen.port}", account.token_file, authority),
        SummaryBook(time.monotonic),
        server_name=settings.kubernetes.node_name,
        is_checked=not chosen.insecure_skip_verify,
    )


def _exporter(
    settings: Settings, surroundings: Surroundings, watch: PodWatch | None, kubelet: KubeletClient | None
) -> Exporter:
    procfs = os.fspath(settings.roots.procfs)
    own = OwnMetrics(version())
    if watch is not None:
        own.watch(watch.age_s, lambda: watch.lists)
    _add_web(own, surroundings.gate)
    reader = Reader(budget_of(_raised_open_files_limit()))
    inventory = Inventory(surroundings.layout, reader, _boot_s(procfs), _include(settings))
    return Exporter(
        Parts(
            inventory=inventory,
            reader=reader,
            names=Names(None if watch is None else watch.book, LogFolder(settings.roots.containers_log)),
            processes=Processes(procfs, time.monotonic, lambda: inventory.container_at(settings.roots.own_cgroupfs)),
            own=own,
            collectors=[collector for collector in REGISTERED if collector.name in settings.collectors],
            procfs=procfs,
            host=Host(settings.roots),
            summary=None if kubelet is None else kubelet.book,
        )
    )


def _include(settings: Settings) -> re.Pattern[str] | None:
    return re.compile(settings.cgroup_include) if settings.cgroup_include else None


def _add_web(own: OwnMetrics, gate: Gate | None) -> None:
    if gate is not None and gate.current.file:
        own.web(lambda: gate.current.is_well)


def _missing(watch: PodWatch | None) -> str | None:
    """An API that is down delays readiness only until it was tried once: values without names beat none."""
    if watch is None or watch.tried.is_set():
        return None
    return "the pods of this node have not been asked for yet"


@contextlib.asynccontextmanager
async def _running(source: Source | None, name: str, consequence: str, pause_s: float = _PAUSE_S) -> AsyncIterator[None]:
    """Run what asks for names or sizes until the block ends; what breaks it is told at once, and it begins again."""
    if source is None:
        yield
        return
    task = asyncio.create_task(_kept_up(source, name, consequence, pause_s))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _kept_up(source: Source, name: str, consequence: str, pause_s: float) -> None:
    while True:
        try:
            await source.run()
        except Exception:
            log.exception(
                "source_broken",
                source=name,
                consequence=consequence,
                begins_again_in_s=pause_s,
                remedy="report this with the lines above",
            )
        await asyncio.sleep(pause_s)


def _raised_open_files_limit() -> int:
    """Raise the soft limit of open files as far as it needs no rights, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return wanted if soft == resource.RLIM_INFINITY else soft


def _boot_s(procfs: str) -> float:
    """Return the moment of boot; 0 where it is not told, which bounds nothing."""
    try:
        return float(boot_time_s(read_once(f"{procfs}/stat")))
    except (OSError, Malformed):
        return 0.0
