"""The commands `adopt` and `release`: options in, sentences out."""

import asyncio
import math
import os
import shlex
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from autoscaler.errors import ForesailError
from autoscaler.terminal_text import plain

if TYPE_CHECKING:  # at run time they come with the extra, which may be missing
    from autoscaler.handover.release import Terms
    from autoscaler.handover.session import Session
    from autoscaler.model import ObjectKey

Packages = Callable[[str], AbstractContextManager[None]]  # says what to install when a package is missing
_WRONG, _FAILED = 2, 1


def _finite(value: float) -> float:
    """Refuse NaN, which is within all bounds."""
    if not math.isfinite(value):
        raise typer.BadParameter(f"must be a number, not {value}")
    return value


Kubeconfig = Annotated[str | None, typer.Option(help="In a pod: its service account.")]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say each step, and change nothing.")]
Timeout = Annotated[float, typer.Option(callback=_finite, min=1, max=86_400, help="Seconds to wait for each step.")]


def add_to(app: typer.Typer, packages: Packages) -> None:
    """Add both commands to the program."""

    @app.command()
    def adopt(
        hpa: Annotated[str, typer.Argument(metavar="NAMESPACE/HPA", help="The HorizontalPodAutoscaler.")],
        kubeconfig: Kubeconfig = None,
        context: Context = None,
        name: Annotated[str | None, typer.Option(help="Of the PredictiveAutoscaler. [default: the HPA's]")] = None,
        manifest: Annotated[bool, typer.Option("--manifest", help="Print what belongs in Git, and change nothing.")] = False,
        tolerance: Annotated[
            float, typer.Option(callback=_finite, min=0, max=100, help="Ratio by which both counts may differ.")
        ] = 0.1,
        force: Annotated[bool, typer.Option("--force", help="Take over though they differ more.")] = False,
        timeout: Timeout = 120.0,
        dry_run: DryRun = False,
    ) -> None:
        """Take over a live HPA: at each moment either it drives its target, or its PredictiveAutoscaler does.

        It may be interrupted at any time, and typed again. `foresail release` goes back.
        """
        with packages("adopt"):
            from autoscaler.api.convert.hpa import spec_of_hpa  # noqa: PLC0415 - the extra may be missing
            from autoscaler.handover import adopt as steps  # noqa: PLC0415 - likewise

        _checked("--name", name=[name] if name else [])
        order = steps.Order(_key(hpa), name, tolerance, force)

        async def work(session: "Session") -> int:
            if manifest:
                typer.echo(await steps.manifest(session, order, spec_of_hpa), nl=False)
            else:
                await steps.adopt(session, order, spec_of_hpa)
            return 0

        _run(work, _Where(kubeconfig, context, timeout, dry_run), writes=not (dry_run or manifest))

    @app.command()
    def release(
        autoscaler: Annotated[
            str | None, typer.Argument(metavar="NAMESPACE/NAME", help="The PredictiveAutoscaler; or --all.")
        ] = None,
        everything: Annotated[bool, typer.Option("--all", help="Give back all that Foresail holds in the cluster.")] = False,
        namespace: Annotated[list[str] | None, typer.Option(help="With --all: only of this one; may be repeated.")] = None,
        kubeconfig: Kubeconfig = None,
        context: Context = None,
        keep: Annotated[bool, typer.Option("--keep", help="Keep the object, in mode Observe.")] = False,
        make_hpa: Annotated[bool, typer.Option("--make-hpa", help="Make an HPA also where none was adopted.")] = False,
        as_it_was: Annotated[
            bool, typer.Option("--as-it-was", help="The HPA with its own bounds, though the object has others by now.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="With --all: do not ask.")] = False,
        timeout: Timeout = 45.0,
        dry_run: DryRun = False,
    ) -> None:
        """Give an HPA back that was adopted; with --all everything, as before an uninstall. The service may be dead."""
        with packages("release"):
            from autoscaler.api.convert.to_hpa import hpa_of  # noqa: PLC0415 - the extra may be missing
            from autoscaler.handover import release as steps  # noqa: PLC0415 - likewise

        if everything == (autoscaler is not None):
            _wrong("name one object as NAMESPACE/NAME, or give --all")
        if namespace and not everything:
            _wrong("--namespace narrows --all; an object is named as NAMESPACE/NAME")
        _checked("--namespace", namespace=namespace or [])
        key = None if autoscaler is None else _key(autoscaler)
        terms = steps.Terms(hpa_of if make_hpa else None, as_it_was, keep)

        async def work(session: "Session") -> int:
            if key is None:
                return await _everything(session, namespace or [], terms, yes=yes)
            await steps.release(session, key, terms, steps.Service())
            return 0

        _run(work, _Where(kubeconfig, context, timeout, dry_run), writes=not dry_run)


async def _everything(session: "Session", namespaces: list[str], terms: "Terms", *, yes: bool) -> int:
    from autoscaler.handover import everything  # noqa: PLC0415 - the extra may be missing

    found = await everything.look_around(session, namespaces, terms)
    for line in found.left:
        session.say(f"left: {line}")
    for task in found.tasks:
        session.say(f"{'would do' if session.dry_run else 'to do'}: {task.words}")
    if not found.tasks:
        session.say("Foresail holds nothing here")
    if not found.tasks or session.dry_run:
        return 0
    if not yes:
        if sys.stdin is None or not sys.stdin.isatty():
            _wrong("nobody can be asked here; give --yes")
        typer.confirm("Do all of this?", abort=True)
    failed = await everything.carry_out(session, found)
    session.say(f"{len(found.tasks) - failed} done, {failed} failed")
    return _FAILED if failed else 0


@dataclass(frozen=True, slots=True)
class _Where:
    """Where a command works, and how."""

    kubeconfig: str | None
    context: str | None
    timeout_s: float
    dry_run: bool


def _run(work: Callable[["Session"], Awaitable[int]], where: _Where, *, writes: bool) -> None:
    """Connect, work, and end with the exit code; where it `writes`, an interruption is told with what to type."""
    from autoscaler import settings_file  # noqa: PLC0415 - the extra may be missing
    from autoscaler.clients.kube.connection import connect  # noqa: PLC0415 - likewise
    from autoscaler.handover.session import Session  # noqa: PLC0415 - likewise

    async def connected() -> int:
        connection = await connect(settings_file.of_kubernetes(os.environ, where.kubeconfig, where.context))
        try:
            return await work(Session(connection, _say, where.timeout_s, dry_run=where.dry_run))
        finally:
            await connection.close()

    try:
        code = asyncio.run(connected())
    except ForesailError as error:
        typer.echo("\n".join(map(plain, f"foresail: {error}".split("\n"))), err=True)
        code = _FAILED
    except KeyboardInterrupt:
        again = shlex.join(["foresail", *sys.argv[1:]])  # with all options: another context would be another cluster
        text = f"; the workload has a driver all the time. To go on, type it again: {plain(again)}" if writes else ""
        typer.echo(f"foresail: interrupted{text}", err=True)
        code = _FAILED
    raise typer.Exit(code)


def _key(text: str) -> "ObjectKey":
    from autoscaler.model import ObjectKey  # noqa: PLC0415 - the extra may be missing

    namespace, slash, name = text.partition("/")
    if not slash or not namespace or not name or "/" in name:
        _wrong(f"{text}: name it as NAMESPACE/NAME")
    _checked("NAMESPACE/NAME", namespace=[namespace], name=[name])
    return ObjectKey(namespace, name)


def _say(text: str) -> None:
    """Print a line; when nobody listens any more (a pipe that was closed), the work is done to its end all the same."""
    try:
        typer.echo(plain(text))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _checked(option: str, **names: list[str]) -> None:
    """End with a word about a name that no object can have: as a part of a path it would lead elsewhere."""
    from autoscaler.api.validation import metadata_faults  # noqa: PLC0415 - the extra may be missing

    for kind, given in names.items():
        for fault in (fault for one in given for fault in metadata_faults({kind: one})):
            _wrong(f"{option}: {kind} {fault.message}")


def _wrong(text: str) -> None:
    typer.echo(f"foresail: {plain(text)}", err=True)
    raise typer.Exit(_WRONG)
