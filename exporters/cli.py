"""The command ``foresail-exporter``: turns flags into settings and checks them against this machine.

The flags follow the habits of node_exporter. Whatever can be known to be wrong is said before anything runs, with the
flag and the remedy, and ends with status 2. Running is left to ``program``.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer looks annotations up when it runs
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from exporters.cgroup.layout import Layout, NoCgroupsError, detect
from exporters.collectors import REGISTERED
from exporters.log import configure
from exporters.names.account import Account, NotInClusterError, in_cluster
from exporters.program import Surroundings, run, version
from exporters.roots import Roots
from exporters.server import CannotListenError
from exporters.settings import Kubernetes, Log, Settings, Web

if TYPE_CHECKING:
    from collections.abc import Callable

_LEVELS = ("debug", "info", "warning", "error")
_FORMATS = ("auto", "json", "console")
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.%]+)\]|(?P<host>[^:\[\]]*)):(?P<port>\d{1,5})", re.ASCII)
_HIGHEST_PORT = 65_535
_DEFAULTS = Roots()

log = structlog.get_logger()


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"foresail-exporter {version()}")
        raise typer.Exit


def _address(text: str) -> tuple[str | None, int]:
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > _HIGHEST_PORT:
        raise typer.BadParameter(f"{text!r} is no address; write host:port, or :9109 for every address of the machine")
    return found["v6"] or found["host"] or None, int(found["port"])


def _address_text(text: str) -> str:
    _address(text)
    return text


def _telemetry_path(text: str) -> str:
    if re.fullmatch(r"/[\w./-]*", text, re.ASCII) is None or text in {"/healthz", "/readyz"}:
        raise typer.BadParameter(f"{text!r} cannot be served; write a path such as /metrics")
    return text


def _one_of(*allowed: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in allowed:
            raise typer.BadParameter(f"{text!r} is not known; choose one of {', '.join(allowed)}")
        return text

    return check


def _folder(path: Path, flag: str, holds: str) -> Path:
    """Refuse a folder without the file that it cannot lack."""
    try:
        (path / holds).stat()
    except OSError as error:
        raise typer.BadParameter(
            f"{path / holds} cannot be read ({error.strerror}); name the folder where the host's is mounted",
            param_hint=flag,
        ) from error
    return path


def _layout(cgroupfs: Path) -> Layout:
    try:
        return detect(cgroupfs)
    except (NoCgroupsError, OSError) as error:
        raise typer.BadParameter(
            f"{error}; name the folder where the host's /sys/fs/cgroup is mounted", param_hint="--path.cgroupfs"
        ) from error


def _account(kubernetes: Kubernetes) -> Account | None:
    if not kubernetes.enabled:
        return None
    if not kubernetes.node_name:
        raise typer.BadParameter(
            "the name of this node is needed to watch its pods; set it (in a pod spec: env NODE_NAME from the field "
            "spec.nodeName), or switch the watch off with --no-kubernetes",
            param_hint="--node-name",
        )
    try:
        return in_cluster(os.environ)
    except NotInClusterError as error:
        raise typer.BadParameter(
            f"{error}; run in a pod with a service account, or use --no-kubernetes", param_hint="--kubernetes"
        ) from error


def _with_collector_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command a pair of flags for every registered collector, so that adding one needs no change here."""
    signature = inspect.signature(command, eval_str=True)
    named = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    flags = [
        inspect.Parameter(
            _flag_parameter(collector.name),
            inspect.Parameter.KEYWORD_ONLY,
            default=collector.is_default,
            annotation=Annotated[
                bool,
                typer.Option(
                    f"--collector.{collector.name}/--no-collector.{collector.name}",
                    help=collector.help,
                    show_default="on" if collector.is_default else "off",
                ),
            ],
        )
        for collector in REGISTERED
    ]
    vars(command)["__signature__"] = signature.replace(parameters=[*named, *flags])
    return command


def _flag_parameter(collector_name: str) -> str:
    return f"collector_{collector_name}"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
@_with_collector_flags
def serve(  # noqa: PLR0917 - typer calls it by keyword
    listen_address: Annotated[
        str,
        typer.Option("--web.listen-address", callback=_address_text, help="Address to serve on, as host:port."),
    ] = ":9109",
    telemetry_path: Annotated[
        str, typer.Option("--web.telemetry-path", callback=_telemetry_path, help="Path of the metrics.")
    ] = "/metrics",
    procfs: Annotated[Path, typer.Option("--path.procfs", help="Where the host's /proc is.")] = _DEFAULTS.procfs,
    cgroupfs: Annotated[Path, typer.Option("--path.cgroupfs", help="Where the host's /sys/fs/cgroup is.")] = _DEFAULTS.cgroupfs,
    containers_log: Annotated[
        Path, typer.Option("--path.containers-log", help="Where the kubelet links container logs; may be missing.")
    ] = _DEFAULTS.containers_log,
    kubernetes: Annotated[
        bool | None,
        typer.Option(
            "--kubernetes/--no-kubernetes",
            help="Watch the pods of this node through the Kubernetes API.",
            show_default="on in a pod of a cluster",
        ),
    ] = None,
    node_name: Annotated[str, typer.Option("--node-name", envvar="NODE_NAME", help="Name of this node in Kubernetes.")] = "",
    log_level: Annotated[
        str, typer.Option("--log.level", callback=_one_of(*_LEVELS), help=f"One of {', '.join(_LEVELS)}.")
    ] = "info",
    log_format: Annotated[
        str, typer.Option("--log.format", callback=_one_of(*_FORMATS), help=f"One of {', '.join(_FORMATS)}.")
    ] = "auto",
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=lambda wanted: _show_version(wanted=wanted), is_eager=True, help="Show the version."
        ),
    ] = False,
    **collectors: bool,
) -> None:
    """Expose what every container on this node uses, as the kernel counts it, to Prometheus."""
    host, port = _address(listen_address)
    is_in_pod = bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
    settings = Settings(
        web=Web(host, port, telemetry_path),
        roots=Roots(_folder(procfs, "--path.procfs", "stat"), cgroupfs, containers_log),
        kubernetes=Kubernetes(is_in_pod if kubernetes is None else kubernetes, node_name),
        log=Log(log_level, log_format),
        collectors=tuple(one.name for one in REGISTERED if collectors[_flag_parameter(one.name)]),
    )
    surroundings = Surroundings(_layout(cgroupfs), _account(settings.kubernetes))
    configure(settings.log)
    log.info("starting", version=version(), **_told(settings, surroundings))
    try:
        asyncio.run(run(settings, surroundings))
    except CannotListenError as error:
        log.critical("cannot_listen", cause=str(error), remedy="end what uses it, or choose with --web.listen-address")
        raise typer.Exit(1) from error


def _told(settings: Settings, surroundings: Surroundings) -> dict[str, object]:
    """Write the settings out for the first line of the log; there is no secret among them."""
    told = {key: str(value) for key, value in asdict(settings.roots).items()}
    walked = surroundings.layout.walked
    return {
        "listen": settings.web.host or "",
        "port": settings.web.port,
        **told,
        "cgroup_version": walked.version,
        "walked": walked.root,
        "kubernetes": settings.kubernetes.enabled,
        "node_name": settings.kubernetes.node_name,
        "collectors": list(settings.collectors),
    }


def main() -> None:
    """Run the command line; it ends with status 2 when a flag is wrong and 1 when the address cannot be served."""
    app()
