"""What the kubelet says of disk use, as last heard, for readers in other threads.

A scrape never waits for the kubelet: it takes the last answer, and by looking it has the next one fetched, which the next
scrape will find. So nothing is asked while nobody scrapes. An answer that grew old is no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporters.roots import Clock

LONGEST_AGE_S = 300.0
"""As long as Prometheus itself goes on showing a value that it can no longer get."""
_SHOWN = 200

log = structlog.get_logger()


class _Object(msgspec.Struct, frozen=True, rename="camel"):
    """Fields are spelled in camel case on the wire, and any of them may be missing or null."""


class FileSystem(_Object, frozen=True):
    """Figures of a file system, and what of it one container or volume uses."""

    capacity_bytes: int | None = None
    available_bytes: int | None = None
    used_bytes: int | None = None
    inodes: int | None = None
    inodes_free: int | None = None
    inodes_used: int | None = None


class Claim(_Object, frozen=True):
    """volume[].pvcRef."""

    name: str = ""


class Volume(FileSystem, frozen=True):
    """volume[]."""

    name: str = ""
    pvc_ref: Claim | None = None


class Container(_Object, frozen=True):
    """containers[]: what it wrote into its own layer, and its log."""

    name: str = ""
    rootfs: FileSystem | None = None
    logs: FileSystem | None = None


class PodReference(_Object, frozen=True):
    """podRef."""

    name: str
    namespace: str
    uid: str


class PodSummary(_Object, frozen=True):
    """pods[]."""

    pod_ref: PodReference
    containers: tuple[Container, ...] | None = None
    volume: tuple[Volume, ...] | None = None


class _Summary(_Object, frozen=True):
    pods: tuple[msgspec.Raw, ...] | None = None


class NotASummaryError(Exception):
    """The answer is not what /stats/summary answers."""


def summary_of(body: bytes) -> Sequence[PodSummary]:
    """Read an answer of /stats/summary; a pod that cannot be read is logged and left out.

    Raises NotASummaryError when nothing of it can be read.
    """
    try:
        told = msgspec.json.decode(body, type=_Summary)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotASummaryError(f"the kubelet's summary cannot be read: {error}") from error
    return tuple(_readable(told.pods or ()))


def _readable(pods: Sequence[msgspec.Raw]) -> Iterator[PodSummary]:
    for raw in pods:
        try:
            yield msgspec.json.decode(raw, type=PodSummary)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("pod_summary_unreadable", cause=str(error)[:_SHOWN], consequence="its volumes have no series")


@dataclass(frozen=True, slots=True)
class Stale:
    """There is no answer that could be told."""

    why: str
    was_heard: bool
    """There was an answer before; it is a failure that there is none now."""


class SummaryBook:
    """The last answer of the kubelet."""

    def __init__(self, monotonic: Clock, longest_age_s: float = LONGEST_AGE_S) -> None:
        self._monotonic = monotonic
        self._longest_age_s = longest_age_s
        self._page: tuple[float, Sequence[PodSummary]] | None = None
        self._trouble = ""
        self._ask: Callable[[], None] | None = None

    def when_looked_at(self, ask: Callable[[], None] | None) -> None:
        """Say whom to tell that somebody looks, from whatever thread; None for nobody any more."""
        self._ask = ask

    def put(self, pods: Sequence[PodSummary]) -> None:
        """Take an answer in place of the last one."""
        self._page = self._monotonic(), pods
        self._trouble = ""

    def miss(self, why: str) -> None:
        """Take note that the kubelet was asked in vain."""
        self._trouble = why

    def look(self) -> Sequence[PodSummary] | Stale:
        """Return the last answer unless it is too old, and have the next one fetched."""
        ask, page = self._ask, self._page
        if ask is not None:
            ask()
        if page is None:
            return Stale(self._trouble or "the kubelet has not answered yet", was_heard=bool(self._trouble))
        heard_s, pods = page
        age_s = self._monotonic() - heard_s
        if age_s > self._longest_age_s:
            return Stale(
                f"the kubelet was last heard {age_s:.0f} s ago: {self._trouble or 'it was not asked since'}", was_heard=True
            )
        return pods
