"""Asks for the decisions about an object, and prints them; with `watch`, again and again until interrupted.

The service has the last ones. Where it cannot be asked, the status of the object has the last one and the last that changed
replicas: that is said, and good enough for most questions.
"""

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import typer

from autoscaler import logs, settings_file
from autoscaler.clients.decisions import LABELS, Unreachable, Where, autoscaler, decisions
from autoscaler.clients.kube.connection import Connection, connect
from autoscaler.clients.ports import Json
from autoscaler.clock import Clock, SystemClock
from autoscaler.commands.explain_text import explanation, heading, without_decision
from autoscaler.errors import Permanent, Temporary
from autoscaler.model import ObjectKey
from autoscaler.terminal_text import plain

EVERY_S = 5.0
_LONGEST_RAW = 1000  # characters
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NOTHING_YET = (
    "nothing has been decided about it yet; does the service run, and serve this namespace? Look by: "
    f"kubectl get pods --all-namespaces --selector {LABELS}"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked on the command line."""

    key: ObjectKey
    count: int
    where: Where = field(default_factory=Where)
    watch: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """Where is written to: what was asked for, and notes beside it."""

    out: Callable[[str], None]
    note: Callable[[str], None]


def key_of(text: str) -> ObjectKey:
    """Return the object that a text names; raises Permanent when it cannot name one."""
    namespace, slash, name = text.partition("/")
    if not slash or not all(_NAME.fullmatch(one) for one in (namespace, name)):
        raise Permanent(f"{text!r} names no object; write NAMESPACE/NAME, both in lower case, such as default/shop")
    return ObjectKey(namespace, name)


def run(wanted: Wanted, kubeconfig: str | None, context: str | None) -> None:
    """Explain until all is said, or, with `watch`, until interrupted; raises ForesailError when there is nothing to say."""
    logs.configure("warning", "console")
    paper = Paper(typer.echo, lambda text: typer.echo(f"foresail: {plain(text)}", err=True))

    async def all_of_it() -> None:
        connection = await connect(settings_file.of_kubernetes(os.environ, kubeconfig, context))
        try:
            await explain(connection, wanted, paper, SystemClock())
        finally:
            await connection.close()

    try:
        asyncio.run(all_of_it())
    except KeyboardInterrupt:
        if not wanted.watch:
            raise


async def _wait() -> bool:
    await asyncio.sleep(EVERY_S)
    return True


async def explain(
    connection: Connection, wanted: Wanted, paper: Paper, clock: Clock, again: Callable[[], Awaitable[bool]] = _wait
) -> None:
    """Print what is asked for; with `watch`, what is new as long as `again` says so."""
    teller = _Teller(connection, wanted, paper, clock)
    await teller.tell()
    while wanted.watch and await again():
        try:
            await teller.tell()
        except Temporary as error:  # the API server may be back the next time
            teller.remark(str(error))


@dataclass(slots=True)
class _Teller:
    """Remembers what was printed already."""

    connection: Connection
    wanted: Wanted
    paper: Paper
    clock: Clock
    _told: set[tuple[str, ...]] = field(default_factory=set)
    _remark: str = ""

    async def tell(self) -> None:
        """Ask once, and print what was not printed before."""
        obj = await autoscaler(self.connection, self.wanted.key)
        rows, source = await self._rows(obj)
        if not rows and not self.wanted.watch:
            raise Permanent(f"{heading(obj)}: {'; '.join(without_decision(obj)) or _NOTHING_YET}")
        if not rows:
            self.remark("; ".join(without_decision(obj)) or _NOTHING_YET)
        fresh = [row for row in rows if _identity(row) not in self._told]
        if self.wanted.as_json:
            self._json(source, fresh)
        else:
            self._text(obj, fresh)
        self._told.update(map(_identity, rows))

    def remark(self, text: str) -> None:
        """Print a note, unless it is the one that was printed last."""
        if text != self._remark:
            self.paper.note(text)
        self._remark = text

    async def _rows(self, obj: Json) -> tuple[list[Json], str]:
        """Return the last decisions and who told them."""
        if any(one.startswith("Valid is False") for one in without_decision(obj)):
            return [], "status"
        try:
            rows = await decisions(self.connection, self.wanted.where, self.wanted.key, self.wanted.count)
        except Unreachable as error:
            rows = _of_status(obj, self.wanted.count)
            if rows:
                self.remark(f"this is what the status holds, the service could not be asked: {error}")
            return rows, "status"
        self._remark = ""
        return _with_last_change(rows, obj, self.wanted.count), "service"

    def _json(self, source: str, rows: list[Json]) -> None:
        if rows:
            key = self.wanted.key
            content = {"namespace": key.namespace, "name": key.name, "source": source, "decisions": rows}
            self.paper.out(json.dumps(content, indent=None if self.wanted.watch else 2))

    def _text(self, obj: Json, rows: list[Json]) -> None:
        if not self._told:
            self.paper.out(plain(heading(obj)))
        for row in rows:
            self.paper.out("")
            for line in _readable(row, self.clock.now_s()):
                self.paper.out(plain(line))


def _readable(row: Json, now_s: float) -> list[str]:
    """Return a decision as lines; one whose fields are not what they are here is shown as it came."""
    try:
        return explanation(row, now_s)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raw = json.dumps(row, default=str)[:_LONGEST_RAW]
        return [f"{row.get('at')}: written by another version of the service, as it seems ({error!r}): {raw}"]


def _identity(row: Json) -> tuple[str, ...]:
    return tuple(str(row.get(name)) for name in ("at", "action", "current", "desired", "reason", "result"))


def _of_status(obj: Json, count: int) -> list[Json]:
    """Return the decisions that the status holds, the newest last."""
    status = obj.get("status") or {}
    found = [status[name] for name in ("lastChange", "decision") if isinstance(status.get(name), dict)]
    return found[-1:] if count == 1 or found[:1] == found[1:] else found


def _with_last_change(rows: list[Json], obj: Json, count: int) -> list[Json]:
    """Return decisions with the last that changed replicas, which may be longer ago than the service remembers."""
    change = (obj.get("status") or {}).get("lastChange")
    if count == 1 or not isinstance(change, dict) or any(row.get("result") == "done" for row in rows):
        return rows
    return [change, *rows[-(count - 1) :]]
