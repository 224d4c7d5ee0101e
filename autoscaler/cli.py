"""The command line of the service, and its only composition root (`compose` is its larger half).

It starts with the two packages that every installation has, so that `--help` and a clear word about what is missing never fail.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from autoscaler import __version__, logs
from autoscaler.errors import ForesailError

EXTRA = "service"
_WRONG, _FAILED = 2, 1  # exit codes: the user's input, anything else

app = typer.Typer(
    name="foresail",
    help="Scale workloads ahead of their load and heal their pods, in a Kubernetes cluster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the program `foresail`."""
    app()


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
    """Check manifests without a cluster: print every wrong field, and end with 1 if there is one."""
    with _packages("validate"):
        from autoscaler.manifests import check  # noqa: PLC0415 - the extra may be missing

    wrong = 0
    for file in files:
        try:
            content = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            typer.echo(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}", err=True)
            wrong += 1
            continue
        for verdict in check(content):
            wrong += not verdict.valid
            for line in verdict.lines:
                typer.echo(f"{file}: {line}", err=not verdict.valid)
    raise typer.Exit(_FAILED if wrong else 0)


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
def _packages(command: str) -> Iterator[None]:
    """Say what to install when a package of the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "autoscaler":
            raise  # a fault of ours, not of the installation
        typer.echo(
            f"foresail {command} needs the Python package {error.name}, which is not installed; "
            f"type: pip install 'foresail[{EXTRA}]'",
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
