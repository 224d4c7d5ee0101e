"""The command line of the service, and its only composition root (`compose` is its larger half).

It starts with the two packages that every installation has, so that `--help` and a clear word about what is missing never fail.
"""

import asyncio
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from autoscaler import __version__, logs
from autoscaler.errors import ForesailError
from autoscaler.handover import cli as handover
from autoscaler.terminal_text import plain

EXTRA = "service"
_WRONG, _FAILED = 2, 1  # exit codes: the user's input, anything else


class ConvertMode(StrEnum):
    """What a converted object may do; the third mode is for HPAs that stay."""

    OBSERVE = "Observe"
    SCALE = "Scale"


app = typer.Typer(
    name="foresail",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the program `foresail`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a terminal's encoding lacks must not end the program
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"foresail {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Scale workloads ahead of their load and heal their pods, in a Kubernetes cluster."""


@app.command()
def run(
    config: Annotated[Path | None, typer.Option(help="YAML file with settings; docs/settings.md has them all.")] = None,
    prometheus_url: Annotated[str | None, typer.Option(help="Where load is read.")] = None,
    kubeconfig: Annotated[str | None, typer.Option(help="In a pod: its service account.")] = None,
    context: Annotated[str | None, typer.Option(help="Context of the kubeconfig.")] = None,
    acts: Annotated[bool | None, typer.Option("--acts/--no-acts", help="Decide only, or act as well.")] = None,
    namespace: Annotated[list[str] | None, typer.Option(help="Serve this namespace; may be repeated. None: all.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    log_format: Annotated[str | None, typer.Option(help="json, console or auto.")] = None,
    web_port: Annotated[str | None, typer.Option(help="Port of status page, metrics and probes.")] = None,
) -> None:
    """Run the service until it is told to stop.

    A flag counts more than the environment (FORESAIL_PROMETHEUS__URL), that more than the file.
    """
    given = {
        "--prometheus-url": (("prometheus", "url"), prometheus_url),
        "--kubeconfig": (("kubernetes", "kubeconfig"), kubeconfig),
        "--context": (("kubernetes", "context"), context),
        "--acts": (("acts",), acts),
        "--namespace": (("kubernetes", "namespaces"), namespace or None),
        "--log-level": (("log", "level"), log_level),
        "--log-format": (("log", "format"), log_format),
        "--web-port": (("web", "port"), web_port),
    }
    with _packages("run"):
        from autoscaler import compose, settings_file  # noqa: PLC0415 - the extra may be missing

    try:
        flags = [
            settings_file.Given(key, value, f"flag {flag}", text=isinstance(value, str))
            for flag, (key, value) in given.items()
            if value is not None
        ]
        settings = settings_file.load(config, os.environ, flags)
        logs.configure(settings.log.level, settings.log.format)
        logs.first_line(__version__, settings_file.masked(settings))
        asyncio.run(compose.serve(settings))
    except (ForesailError, ExceptionGroup) as error:
        _end(error)


@app.command()
def validate(
    files: Annotated[list[str], typer.Argument(help="YAML files with PredictiveAutoscalers and HealingPolicies; - is stdin.")],
) -> None:
    """Check manifests without a cluster: print every wrong field.

    Ends with 1 if there is one, and if no file holds an object of ours; objects of other kinds are named and skipped.
    """
    with _packages("validate"):
        from autoscaler.manifests import LARGEST_BYTES, Outcome, check  # noqa: PLC0415 - the extra may be missing

    outcomes: set[Outcome] = set()
    for file in files:
        try:
            content = _read(file, LARGEST_BYTES + 1)
        except (OSError, ValueError) as error:
            _say(file, f"cannot be read: {getattr(error, 'strerror', None) or error}", err=True)
            outcomes.add(Outcome.WRONG)
            continue
        found = {Outcome.SKIPPED}
        with _packages("validate"):
            verdicts = list(check(content))
        for verdict in verdicts:
            found.add(verdict.outcome)
            for line in verdict.lines:
                _say(file, line, err=verdict.outcome is Outcome.WRONG)
        if found == {Outcome.SKIPPED}:
            _say(file, "holds no PredictiveAutoscaler and no HealingPolicy", err=True)
        outcomes |= found
    raise typer.Exit(0 if Outcome.VALID in outcomes and Outcome.WRONG not in outcomes else _FAILED)


@app.command()
def convert(
    files: Annotated[list[str], typer.Argument(help="YAML files with HorizontalPodAutoscalers and ScaledObjects; - is stdin.")],
    mode: Annotated[ConvertMode, typer.Option(help="Mode of what is printed; Observe changes nothing.")] = ConvertMode.OBSERVE,
) -> None:
    """Print the PredictiveAutoscalers that stand for HPAs and KEDA's ScaledObjects; no cluster is asked.

    What cannot be carried over is told on standard error. Ends with 1 if an object could not be converted, or none was there.
    """
    with _packages("convert"):
        from autoscaler.commands.convert import Conversion  # noqa: PLC0415 - the extra may be missing
        from autoscaler.manifests import LARGEST_BYTES  # noqa: PLC0415

    conversion, unread = Conversion(mode.value), False
    for file in files:
        try:
            content = _read(file, LARGEST_BYTES + 1)
        except (OSError, ValueError) as error:
            _say(file, f"cannot be read: {getattr(error, 'strerror', None) or error}", err=True)
            unread = True
            continue
        for line in conversion.add(content):
            _say(file, line, err=True)
    typer.echo(conversion.summary(), err=True)
    typer.echo(conversion.yaml(), nl=False)
    raise typer.Exit(0 if conversion.objects and not conversion.failed and not unread else _FAILED)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="The PredictiveAutoscaler.")],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many of the last decisions.")] = 3,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, and print each new decision.")] = False,
    output: Annotated[str, typer.Option("-o", "--output", help="text or json.")] = "text",
    service_url: Annotated[str, typer.Option(help="Where the leader's web page is. None: through the API server.")] = "",
    service_namespace: Annotated[str, typer.Option(help="Namespace of the Service of Foresail. None: it is looked for.")] = "",
    service_name: Annotated[str, typer.Option(help="Its name. None: by the labels of the chart.")] = "",
    kubeconfig: Annotated[str | None, typer.Option(help="As for kubectl.")] = None,
    context: Annotated[str | None, typer.Option(help="Context of the kubeconfig.")] = None,
) -> None:
    """Say why an object has the replicas that it has: what was seen, asked for, limited, decided and done."""
    with _packages("explain"):
        from autoscaler.clients.decisions import Where  # noqa: PLC0415 - the extra may be missing
        from autoscaler.commands import explain as command  # noqa: PLC0415 - likewise

    if output not in {"text", "json"}:
        raise typer.BadParameter(f"must be text or json, not {output}", param_hint="--output")
    try:
        where = Where(service_url, service_namespace, service_name)
        wanted = command.Wanted(command.key_of(name), number, where, watch, output == "json")
        command.run(wanted, kubeconfig, context)
    except ForesailError as error:
        typer.echo(f"foresail: {plain(str(error))}", err=True)
        raise typer.Exit(_FAILED) from error


@app.command()
def replay(
    csv: Annotated[Path | None, typer.Option(help="Recorded load: timestamp,value at any regular step; may be gzip.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Replay a generated load, to see what this is.")] = False,
    prometheus: Annotated[str | None, typer.Option(help="URL of Prometheus, to replay load that it has recorded.")] = None,
    query: Annotated[str | None, typer.Option(help="With --prometheus: PromQL that gives one series.")] = None,
    namespace: Annotated[str | None, typer.Option(help="With --prometheus and --workload.")] = None,
    workload: Annotated[str | None, typer.Option(help="With --prometheus: its CPU; NAME or KIND/NAME.")] = None,
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", help="With --prometheus: rank every workload by what it would gain.")
    ] = False,
    job: Annotated[str | None, typer.Option(help="With --prometheus: the exporter's job. (default: foresail-exporter)")] = None,
    target: Annotated[float, typer.Option(help="Share of a pod's capacity that the HPA aims at.")] = 0.7,
    pod_capacity: Annotated[
        float | None,
        typer.Option(help="What a pod serves within its SLO. (default: the 99.9 % quantile of the load is 40 pods)"),
    ] = None,
    start_seconds: Annotated[float, typer.Option(help="From asking for a pod to its serving.")] = 60.0,
    least: Annotated[int, typer.Option("--min", help="minReplicas.")] = 1,
    most: Annotated[int, typer.Option("--max", help="maxReplicas.")] = 200,
    policy: Annotated[str, typer.Option(help="conservative or earned.")] = "conservative",
    risk: Annotated[float, typer.Option(help="Quantile of the load that forecasts are for.")] = 0.95,
    evaluate_from: Annotated[
        str | None, typer.Option(help="ISO time; what is before it only trains. (default: the middle)", metavar="TIME")
    ] = None,
    history: Annotated[
        float | None, typer.Option(help="Days that are used; with --evaluate-from, before it. (default: 21)", metavar="DAYS")
    ] = None,
    capped: Annotated[bool, typer.Option("--capped", help="Nobody sees more load than pods could serve, as with CPU.")] = False,
    time_zone: Annotated[str, typer.Option(help="Whose clocks the load goes by, such as Europe/Berlin.")] = "UTC",
    holidays: Annotated[
        list[str] | None,
        typer.Option(help="Days like Sundays: DE, DE-BY, 2026-12-24, FILE.ics or FILE.txt; may be repeated.", metavar="DAYS"),
    ] = None,
    schedule: Annotated[
        list[str] | None,
        typer.Option(help="Known beforehand: a cron line and its seconds, '0 9 1 * * 3600'; may be repeated.", metavar="CRON"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write each step of 15 s as a row of CSV.")] = None,
    report: Annotated[list[Path] | None, typer.Option(help="Write FILE.html, .png or .json; may be repeated.")] = None,
) -> None:
    """Play Foresail and the HPA over recorded load, and compare them; no cluster is needed.

    docs/replay.md says what exactly is played, and how to read what comes of it.
    """
    with _packages("replay", "replay"):
        from autoscaler.commands import replay as command  # noqa: PLC0415 - the extra may be missing
        from autoscaler.commands.replay_options import Options  # noqa: PLC0415 - likewise
        from autoscaler.replay.recorded import Unusable  # noqa: PLC0415 - likewise

        options = Options(
            csv=csv,
            sample=sample,
            prometheus=prometheus,
            query=query,
            namespace=namespace,
            workload=workload,
            all_namespaces=all_namespaces,
            job=job,
            target=target,
            pod_capacity=pod_capacity,
            start_seconds=start_seconds,
            least=least,
            most=most,
            policy=policy,
            risk=risk,
            evaluate_from=evaluate_from,
            history=history,
            capped=capped,
            time_zone=time_zone,
            holidays=tuple(holidays or ()),
            schedules=tuple(schedule or ()),
            out=out,
            report=tuple(report or ()),
        )
        try:
            command.run(options, typer.echo)
        except ForesailError as error:
            typer.echo(f"foresail: {plain(str(error))}", err=True)
            raise typer.Exit(_WRONG if isinstance(error, Unusable) else _FAILED) from error
        except KeyboardInterrupt:
            typer.echo("foresail: interrupted", err=True)
            raise typer.Exit(130) from None


def _read(file: str, most_bytes: int) -> bytes:
    """Return the first bytes of a file; raises OSError, or ValueError for a name that no file can have."""
    if file != "-":
        with Path(file).open("rb") as stream:
            return stream.read(most_bytes)
    if sys.stdin is None:  # closed by who started us
        raise OSError(errno.EBADF, "there is no standard input")
    return sys.stdin.buffer.read(most_bytes)


def _say(file: str, line: str, *, err: bool) -> None:
    """Print a line about a file, without what would be a command to the terminal."""
    text = f"{'standard input' if file == '-' else file}: {line}"
    typer.echo(plain(text), err=err)


@app.command()
def settings() -> None:
    """Print all settings with default, allowed values, environment variable and meaning, as a Markdown table."""
    with _packages("settings"):
        from autoscaler.settings_table import markdown  # noqa: PLC0415 - the extra may be missing

    typer.echo(markdown(), nl=False)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"foresail {__version__}")


@contextmanager
def _packages(command: str, extra: str = EXTRA) -> Iterator[None]:
    """Say what to install when a package of the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "autoscaler":
            raise  # a fault of ours, not of the installation
        typer.echo(
            f"foresail {command} needs the Python package {error.name}, which is not installed: it comes with the extra "
            f"`{extra}`; in the folder of Foresail's source, type: pip install '.[{extra}]'",
            err=True,
        )
        raise typer.Exit(_FAILED) from error


def _end(error: ForesailError | ExceptionGroup[Exception]) -> NoReturn:
    """Print why the service cannot go on, once, and end; an error of ours keeps its traceback."""
    causes: list[BaseException] = [error]
    while isinstance(causes[0], BaseExceptionGroup):
        causes = [inner for cause in causes if isinstance(cause, BaseExceptionGroup) for inner in cause.exceptions]
    if not all(isinstance(cause, ForesailError) for cause in causes):
        raise error
    for cause in causes:
        typer.echo(f"foresail: {cause}", err=True)
    raise typer.Exit(_WRONG)


handover.add_to(app, _packages)
