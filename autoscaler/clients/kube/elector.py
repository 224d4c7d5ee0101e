"""Leader election on a Lease, so that only one replica of the service acts.

The semantics are client-go's: a Lease is somebody's until its holder has not renewed it for `leaseDurationSeconds`, measured
by our own clock since we saw it change (clocks of machines differ). Beyond that, `is_leader` turns False by itself once
`renew_deadline_s` has passed since the last renewal was *sent*, which is before anybody else may take over: a replica that
hangs or is cut off stops acting without having to notice it. A Lease is no proof against a process that is stopped between the
question and the act, so every act is safe when doubled (UID preconditions, compare-and-swap).
"""

import asyncio
import math
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

import structlog

from autoscaler.clients.kube.resources import Json
from autoscaler.clients.ports import Conflict, NotFound
from autoscaler.clients.timestamps import micro_time
from autoscaler.clock import Clock, SystemClock
from autoscaler.errors import ForesailError, InvalidSettings, Temporary
from autoscaler.settings import LeaderElectionSettings
from autoscaler.telemetry import LEADER

_log = structlog.get_logger(__name__)
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_JITTER = 1.2  # of the retry period, while waiting for the Lease: client-go's JitterFactor
_REQUEST_SHARE = 0.9  # of the retry period, so that a hanging request does not cost a second try


class Leases(Protocol):
    """What the elector does at the API server."""

    async def get_lease(self, namespace: str, name: str, *, timeout_s: float) -> Json | NotFound:
        """Read a Lease."""
        ...

    async def put_lease(self, lease: Json, *, timeout_s: float) -> Json | NotFound | Conflict:
        """Create a Lease, or replace it if nobody else wrote it."""
        ...


def new_identity() -> str:
    """Return a name for this process: the pod's name, and something random, as a pod's container may restart."""
    return f"{os.uname().nodename}_{secrets.token_hex(4)}"


def own_namespace(settings: LeaderElectionSettings, file: Path = _NAMESPACE_FILE) -> str:
    """Return the namespace of the Lease: the settings', else the pod's own. Raises InvalidSettings when there is neither."""
    if settings.namespace:
        return settings.namespace
    try:
        return file.read_text().strip()
    except OSError as problem:
        raise InvalidSettings(
            f"leader_election.namespace is empty and {file} cannot be read ({problem.strerror}), as outside a pod; "
            "set leader_election.namespace, or leader_election.enabled: false"
        ) from problem


@dataclass(slots=True)
class Elector:
    """Tries to hold the Lease `settings.lease_name` in `namespace`; `run` does it all, `is_leader` tells at any moment."""

    leases: Leases
    settings: LeaderElectionSettings
    namespace: str
    identity: str = field(default_factory=new_identity)
    clock: Clock = field(default_factory=SystemClock)
    random: Random = field(default_factory=Random)
    _lease: Json | None = field(default=None, init=False)  # as last seen or written; None: read it first
    _record: Json | None = field(default=None, init=False)  # the spec that was last seen …
    _changed_s: float = field(default=0.0, init=False)  # … and when we first saw it so, monotonic
    _renewed_s: float | None = field(default=None, init=False)  # when our last renewal that worked was sent, monotonic
    _told: bool = field(default=False, init=False)
    _subscribers: list[asyncio.Event] = field(default_factory=list, init=False)

    def is_leader(self) -> bool:
        """Say whether this process may act now; turns False by itself when renewals fail for `renew_deadline_s`."""
        if not self.settings.enabled:
            return True
        return self._renewed_s is not None and self.clock.monotonic_s() - self._renewed_s < self.settings.renew_deadline_s

    def subscribe(self, event: asyncio.Event) -> None:
        """Set the event when leadership comes or is seen to have gone."""
        self._subscribers.append(event)

    async def run(self) -> None:
        """Acquire and renew until cancelled; then give the Lease back, so that another need not wait for its end."""
        LEADER.set_function(lambda: float(self.is_leader()))
        try:
            if not self.settings.enabled:
                await asyncio.Event().wait()
            while True:
                wait_s = await self.step()
                await asyncio.sleep(wait_s)
        finally:
            await self.release()

    async def step(self) -> float:
        """Try once to acquire or renew; return the seconds until the next try."""
        sent_s = self.clock.monotonic_s()
        try:
            held = await self._acquire_or_renew()
        except ForesailError as problem:
            self._lease = None  # the write may have happened all the same: read before the next one
            _log.warning("lease_failed", lease=self._name, leader=self.is_leader(), problem=str(problem))
        else:
            self._renewed_s = sent_s if held else None
        leader = self.is_leader()
        if leader != self._told:
            self._told = leader
            _log.info("leadership_changed", lease=self._name, leader=leader, identity=self.identity)
            for event in self._subscribers:
                event.set()
        period_s = self.settings.retry_period_s
        return period_s if self._renewed_s is not None else period_s * (1 + _JITTER * self.random.random())

    async def release(self) -> None:
        """Give the Lease back if it is ours; what fails here only costs the next leader some seconds."""
        ours, self._renewed_s = self._renewed_s is not None and self.settings.enabled, None
        if not ours:
            return
        try:
            lease = self._lease or await self._read()
            if lease is None or (lease.get("spec") or {}).get("holderIdentity") != self.identity:
                return
            now = micro_time(self.clock.now_s())
            spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now, "acquireTime": now}
            written = await self.leases.put_lease({**lease, "spec": spec}, timeout_s=self._timeout_s)
            released = not isinstance(written, NotFound | Conflict)
            _log.info("lease_released", lease=self._name, identity=self.identity, released=released)
        except ForesailError as problem:
            _log.warning("lease_not_released", lease=self._name, problem=str(problem))

    @property
    def _name(self) -> str:
        return f"{self.namespace}/{self.settings.lease_name}"

    @property
    def _timeout_s(self) -> float:
        return self.settings.retry_period_s * _REQUEST_SHARE

    async def _acquire_or_renew(self) -> bool:
        """Return whether the Lease is ours after one try."""
        lease = self._lease if self._renewed_s is not None and self._lease else await self._read()
        spec = (lease.get("spec") or {}) if lease else {}
        holder = spec.get("holderIdentity") or ""
        if holder not in {"", self.identity} and not self._run_out(spec):
            return False
        now = micro_time(self.clock.now_s())
        same = holder == self.identity
        wanted = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": math.ceil(self.settings.lease_duration_s),  # a shorter one would end before we stop
            "renewTime": now,
            "acquireTime": spec.get("acquireTime", now) if same else now,
            "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (0 if same or not lease else 1),
        }
        meta = lease["metadata"] if lease else {"namespace": self.namespace, "name": self.settings.lease_name}
        written = await self.leases.put_lease({"metadata": meta, "spec": wanted}, timeout_s=self._timeout_s)
        if isinstance(written, NotFound | Conflict):
            await self._refuse_unless_ours()
            return False
        self._see(written)
        return True

    async def _refuse_unless_ours(self) -> None:
        """After a conflict, look who has the Lease: if somebody only touched it (a label), the next try renews it."""
        lease = await self._read()
        if lease and (lease.get("spec") or {}).get("holderIdentity") == self.identity:
            raise Temporary(f"renewing Lease {self._name}: somebody else wrote it meanwhile; it is tried again")

    async def _read(self) -> Json | None:
        found = await self.leases.get_lease(self.namespace, self.settings.lease_name, timeout_s=self._timeout_s)
        if isinstance(found, NotFound):
            self._lease = None
            return None
        self._see(found)
        return found

    def _see(self, lease: Json) -> None:
        """Note a Lease, and when it changed by our own clock."""
        self._lease = lease
        if self._record != lease.get("spec"):
            self._record, self._changed_s = lease.get("spec"), self.clock.monotonic_s()

    def _run_out(self, spec: Json) -> bool:
        duration_s = float(spec.get("leaseDurationSeconds") or 0)
        return self._changed_s + duration_s < self.clock.monotonic_s()
