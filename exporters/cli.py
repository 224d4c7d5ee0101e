"""The command ``foresail-exporter``: turns flags into settings and checks them against this machine.

The flags follow the habits of node_exporter. Whatever can be known to be wrong is said before anything runs, with the
flag and the remedy, and ends with status 2. Running is left to ``program``.

It is written with argparse because every node runs this process all the time: typer and the validation library that
it brings would be a fifth of its memory.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from exporters.cgroup.layout import Layout, NoCgroupsError, detect
from exporters.collectors import REGISTERED
from exporters.log import configure
from exporters.names.account import Account, NotInClusterError, in_cluster
from exporters.program import Surroundings, run, version
from exporters.roots import Roots
from exporters.server import CannotListenError
from exporters.settings import Kubernetes, Log, Settings, Web
from exporters.web_flags import listen_address, telemetry_path

if TYPE_CHECKING:
    from collections.abc import Sequence

log = structlog.get_logger()


class BadFlagError(Exception):
    """A flag does not fit this machine; the message names the flag, the cause and the remedy."""

    def __init__(self, flag: str, cause: str) -> None:
        super().__init__(f"argument {flag}: {cause}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; it ends with status 2 when a flag is wrong and 1 when the address cannot be served."""
    parser = _parser()
    flags = parser.parse_args(arguments)
    settings = _settings(flags)
    try:
        surroundings = Surroundings(_layout(settings.roots), _account(settings.kubernetes))
        _check_procfs(settings.roots)
    except BadFlagError as error:
        parser.error(str(error))
    configure(settings.log)
    log.info("starting", version=version(), **_told(settings, surroundings))
    try:
        asyncio.run(run(settings, surroundings))
    except CannotListenError as error:
        log.critical("cannot_listen", cause=str(error), remedy=f"{error.remedy} (--web.listen-address)")
        raise SystemExit(1) from error


def _parser() -> argparse.ArgumentParser:
    defaults = Settings()
    parser = argparse.ArgumentParser(
        "foresail-exporter",
        usage="foresail-exporter [flags]; --help lists them",
        description="Expose what every container on this node uses, as the kernel counts it, to Prometheus.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"foresail-exporter {version()}")
    web = parser.add_argument_group("web")
    web.add_argument(
        "--web.listen-address",
        type=listen_address,
        default=":9109",
        metavar="HOST:PORT",
        help="where to serve; without a host: on every address",
    )
    web.add_argument(
        "--web.telemetry-path",
        type=telemetry_path,
        default=defaults.web.telemetry_path,
        metavar="PATH",
        help="path of the metrics",
    )
    paths = parser.add_argument_group("paths, where the host's folders are mounted")
    for name, default, what in (
        ("procfs", defaults.roots.procfs, "the host's /proc"),
        ("cgroupfs", defaults.roots.cgroupfs, "the host's /sys/fs/cgroup"),
        ("containers-log", defaults.roots.containers_log, "the kubelet's links to container logs; may be missing"),
    ):
        paths.add_argument(f"--path.{name}", type=Path, default=default, metavar="FOLDER", help=what)
    _add_kubernetes(parser)
    _add_log(parser, defaults.log)
    collectors = parser.add_argument_group("collectors")
    for collector in REGISTERED:
        collectors.add_argument(
            f"--collector.{collector.name}",
            action=argparse.BooleanOptionalAction,
            default=collector.is_default,
            help=collector.help,
        )
    return parser


def _add_kubernetes(parser: argparse.ArgumentParser) -> None:
    kubernetes = parser.add_argument_group("Kubernetes")
    kubernetes.add_argument(
        "--kubernetes",
        action=argparse.BooleanOptionalAction,
        default=bool(os.environ.get("KUBERNETES_SERVICE_HOST")),
        help="watch the pods of this node through the API; on in a pod of a cluster",
    )
    kubernetes.add_argument(
        "--node-name",
        default=os.environ.get("NODE_NAME", ""),
        metavar="NAME",
        help="name of this node in Kubernetes; env NODE_NAME (now %(default)r)",
    )


def _add_log(parser: argparse.ArgumentParser, defaults: Log) -> None:
    group = parser.add_argument_group("log")
    levels, formats = ("debug", "info", "warning", "error"), ("auto", "json", "console")
    group.add_argument("--log.level", choices=levels, default=defaults.level, help="least severity that is written")
    group.add_argument("--log.format", choices=formats, default=defaults.format, help="auto: console on a terminal")


def _settings(flags: argparse.Namespace) -> Settings:
    chosen = vars(flags)
    host, port = chosen["web.listen_address"]
    return Settings(
        web=Web(host, port, chosen["web.telemetry_path"]),
        roots=Roots(chosen["path.procfs"], chosen["path.cgroupfs"], chosen["path.containers_log"]),
        kubernetes=Kubernetes(chosen["kubernetes"], chosen["node_name"]),
        log=Log(chosen["log.level"], chosen["log.format"]),
        collectors=tuple(one.name for one in REGISTERED if chosen[f"collector.{one.name}"]),
    )


def _layout(roots: Roots) -> Layout:
    try:
        return detect(roots.cgroupfs)
    except (NoCgroupsError, OSError) as error:
        raise BadFlagError("--path.cgroupfs", f"{error}; name the folder where the host's /sys/fs/cgroup is mounted") from error


def _check_procfs(roots: Roots) -> None:
    try:
        (roots.procfs / "stat").stat()
    except OSError as error:
        raise BadFlagError(
            "--path.procfs", f"{error.filename}: {error.strerror}; name the folder where the host's /proc is mounted"
        ) from error


def _account(kubernetes: Kubernetes) -> Account | None:
    if not kubernetes.enabled:
        return None
    if not kubernetes.node_name:
        raise BadFlagError(
            "--node-name",
            "the name of this node is needed to watch its pods; in a pod spec set env NODE_NAME from the field "
            "spec.nodeName, or switch the watch off with --no-kubernetes",
        )
    try:
        return in_cluster(os.environ)
    except NotInClusterError as error:
        raise BadFlagError("--kubernetes", f"{error}; or switch the watch off with --no-kubernetes") from error


def _told(settings: Settings, surroundings: Surroundings) -> dict[str, object]:
    """Write the settings out for the first line of the log; there is no secret among them."""
    walked = surroundings.layout.walked
    return {
        "web": asdict(settings.web),
        "paths": {name: str(path) for name, path in asdict(settings.roots).items()},
        "kubernetes": asdict(settings.kubernetes),
        "collectors": settings.collectors,
        "cgroup_version": walked.version,
        "walked": walked.root,
    }
