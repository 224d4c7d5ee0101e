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
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from exporters.cgroup.layout import Layout, NoCgroupsError, detect
from exporters.collectors import REGISTERED, volumes
from exporters.log import configure
from exporters.names.account import Account, NotInClusterError, in_cluster
from exporters.program import Surroundings, run, version
from exporters.roots import Roots
from exporters.server import CannotListenError
from exporters.settings import Kubelet, Kubernetes, Log, Settings, Web
from exporters.web.gate import Gate, make_gate
from exporters.web.section import BadWebConfigError
from exporters.web_flags import Once, listen_address, reuse_seconds, telemetry_path

if TYPE_CHECKING:
    from collections.abc import Sequence

_LAST_PORT = 65_535

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
        surroundings = Surroundings(_layout(settings.roots), _account(settings.kubernetes), _gate(settings.web))
        _check_procfs(settings.roots)
        _check_kubelet(settings, surroundings)
    except BadFlagError as error:
        parser.error(str(error))
    configure(settings.log)
    log.info("starting", version=version(), **_told(settings, surroundings))
    for why in surroundings.layout.passed_over:
        log.warning("cgroup_folder_passed_over", cause=why, consequence="if it is a tree of cgroups, its figures are missing")
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
        action=Once,
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
    web.add_argument(
        "--web.reuse-seconds",
        type=reuse_seconds,
        default=defaults.web.reuse_s,
        metavar="SECONDS",
        help="a whole reading that is no older is given to the next request too; 0: each request reads anew",
    )
    _add_web_security(web)
    paths = parser.add_argument_group("paths, where the host's folders are mounted")
    for name, default, what in (
        ("procfs", defaults.roots.procfs, "the host's /proc"),
        ("cgroupfs", defaults.roots.cgroupfs, "the host's /sys/fs/cgroup"),
        ("sysfs", defaults.roots.sysfs, "the host's /sys; may be missing"),
        ("containers-log", defaults.roots.containers_log, "the kubelet's links to container logs; may be missing"),
        ("machine-id", defaults.roots.machine_id, "the host's /etc/machine-id; may be missing"),
    ):
        paths.add_argument(f"--path.{name}", type=Path, default=default, metavar="PATH", help=what)
    parser.add_argument(
        "--cgroup.include",
        type=_pattern,
        default=defaults.cgroup_include,
        metavar="REGEX",
        help="cgroups that get series too, though neither pod nor container: those whose whole path it matches, "
        "such as /system.slice/.*",
    )
    _add_kubernetes(parser)
    _add_kubelet(parser, defaults.kubelet)
    _add_log(parser, defaults.log)
    _add_collectors(parser)
    return parser


def _add_collectors(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each; one that is not given is left out of what is parsed, because its default is decided later."""
    collectors = parser.add_argument_group("collectors")
    collectors.add_argument(
        "--collector.disable-defaults",
        action="store_true",
        help="switch off all collectors but those that a flag switches on",
    )
    for collector in REGISTERED:
        collectors.add_argument(
            f"--collector.{collector.name}",
            action=argparse.BooleanOptionalAction,
            default=argparse.SUPPRESS,
            help=f"{collector.help} (default: {'on' if collector.is_default else 'off'})",
        )


def _add_web_security(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--web.config.file",
        default="",
        metavar="FILE",
        help="encryption, passwords, client certificates: the format of Prometheus' exporter-toolkit",
    )
    group.add_argument(
        "--web.token-review",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="let in whose bearer token the Kubernetes API knows and allows to get the path",
    )


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


def _add_kubelet(parser: argparse.ArgumentParser, defaults: Kubelet) -> None:
    kubelet = parser.add_argument_group("kubelet, which only the collector volumes asks")
    kubelet.add_argument(
        "--kubelet.address",
        default=os.environ.get("NODE_IP", defaults.address),
        metavar="ADDRESS",
        help="address of this node; env NODE_IP (now %(default)r)",
    )
    kubelet.add_argument("--kubelet.port", type=_port, default=defaults.port, metavar="PORT", help="TCP port of the kubelet")
    kubelet.add_argument(
        "--kubelet.ca-file", default=defaults.ca_file, metavar="FILE", help="vouches for the kubelet; empty: the cluster's"
    )
    kubelet.add_argument(
        "--kubelet.insecure-skip-verify",
        action=argparse.BooleanOptionalAction,
        default=defaults.insecure_skip_verify,
        help="show the token to whoever answers at that address",
    )


def _add_log(parser: argparse.ArgumentParser, defaults: Log) -> None:
    group = parser.add_argument_group("log")
    levels, formats = ("debug", "info", "warning", "error"), ("auto", "json", "console")
    group.add_argument(
        "--log.level",
        type=lambda word: "warning" if word == "warn" else word,  # as node_exporter spells it
        choices=levels,
        default=defaults.level,
        help="least severity that is written; warn is warning",
    )
    group.add_argument("--log.format", choices=formats, default=defaults.format, help="auto: console on a terminal")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= _LAST_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number from 1 to {_LAST_PORT}")
    return int(text)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no regular expression: {error}; write one such as /system.slice/.*"
        ) from error
    return text


def _settings(flags: argparse.Namespace) -> Settings:
    chosen = vars(flags)
    host, port = chosen["web.listen_address"]
    return Settings(
        web=Web(
            host,
            port,
            chosen["web.telemetry_path"],
            chosen["web.config.file"],
            chosen["web.token_review"],
            chosen["web.reuse_seconds"],
        ),
        roots=Roots(**{name: chosen[key] for one in fields(Roots) if (key := f"path.{(name := one.name)}") in chosen}),
        kubernetes=Kubernetes(chosen["kubernetes"], chosen["node_name"]),
        kubelet=Kubelet(**{field.name: chosen[f"kubelet.{field.name}"] for field in fields(Kubelet)}),
        cgroup_include=chosen["cgroup.include"],
        log=Log(chosen["log.level"], chosen["log.format"]),
        collectors=tuple(
            one.name
            for one in REGISTERED
            if chosen.get(f"collector.{one.name}", one.is_default and not chosen["collector.disable_defaults"])
        ),
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


def _gate(web: Web) -> Gate:
    try:
        account = in_cluster(os.environ) if web.token_review else None
    except NotInClusterError as error:
        raise BadFlagError("--web.token-review", f"{error}; or leave the flag out") from error
    try:
        return make_gate(web.config_file, account)
    except BadWebConfigError as error:
        raise BadFlagError("--web.config.file", f"{web.config_file}: {error}") from error


def _check_kubelet(settings: Settings, surroundings: Surroundings) -> None:
    if volumes.COLLECTOR.name not in settings.collectors:
        return
    if not settings.kubelet.address:
        raise BadFlagError(
            "--collector.volumes",
            "the address of this node is needed to ask its kubelet; name it with --kubelet.address, in a pod spec set env "
            "NODE_IP from the field status.hostIP, or leave the collector out",
        )
    if surroundings.account is None:
        raise BadFlagError(
            "--collector.volumes", "the kubelet is shown the pod's token; run it in a pod with --kubernetes, or leave it out"
        )


def _told(settings: Settings, surroundings: Surroundings) -> dict[str, object]:
    """Write the settings out for the first line of the log; there is no secret among them."""
    walked = surroundings.layout.walked
    return {
        "web": asdict(settings.web),
        "paths": {name: str(path) for name, path in asdict(settings.roots).items()},
        "kubernetes": asdict(settings.kubernetes),
        "kubelet": asdict(settings.kubelet),
        "cgroup_include": settings.cgroup_include,
        "collectors": settings.collectors,
        "cgroup_version": walked.version,
        "walked": walked.root,
    }
