"""The flags about HTTP (`--web.listen-address`, `--web.telemetry-path`): text to values, or to a sentence about what is wrong.

They take what node_exporter's take, except names of services in place of a port: small images have no list of those.
"""

from __future__ import annotations

import argparse
import ipaddress
import re

from exporters.server import HEALTH, READINESS

_ADDRESS = re.compile(r"(?:\[(?P<bracketed>[^\[\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>[^:\[\]]*)")
_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\.?", re.ASCII)
_FORMS = "write :9109 for every address, or HOST:PORT such as 127.0.0.1:9109, [::1]:9109 or localhost:9109"
_HIGHEST_PORT = 65_535
_PATH = re.compile(r"/[\w.~/-]*", re.ASCII)
_LONGEST_REUSE_S = 60.0
_LONGEST_PATH = 255


def listen_address(text: str) -> tuple[str | None, int]:
    """Return host and port; None is every address, IPv4 and IPv6, and so is `[::]`, as for node_exporter.

    Raises argparse.ArgumentTypeError.
    """
    found = _ADDRESS.fullmatch(text)
    cause = _shape(text) if found is None else _port(found["port"]) or _host(found["host"], found["bracketed"])
    if found is None or cause:
        raise argparse.ArgumentTypeError(f"{text!r} is no address: {cause}; {_FORMS}")
    host = found["bracketed"] or found["host"]
    return None if host in {"", "::"} else host, int(found["port"])


class Once(argparse.Action):
    """Takes a flag once: to take the last of several would leave who gave the others waiting at a closed door."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Keep the value, or end with a sentence about what is wrong."""
        given = f"{self.dest} was given"
        if getattr(namespace, given, False):
            parser.error(f"argument {option_string}: given twice; this serves at one address, or without a host at all of them")
        setattr(namespace, given, True)
        setattr(namespace, self.dest, values)


def telemetry_path(text: str) -> str:
    """Return the path of the metrics as it is; raises argparse.ArgumentTypeError when nothing could be answered there."""
    parts = text.removeprefix("/").removesuffix("/").split("/")
    if not text.startswith("/"):
        cause = "it must begin with a slash"
    elif set(text) & set("?#"):
        cause = "a query or a fragment is no part of a path"
    elif _PATH.fullmatch(text) is None or len(text) > _LONGEST_PATH:
        cause = f"it may hold letters, digits and . _ ~ - / only, and {_LONGEST_PATH} of them"
    elif {".", ".."} & set(parts) or ("" in parts and text != "/"):
        cause = "clients would shorten it, as there is an empty part or one of dots only"
    elif text.rstrip("/") in {HEALTH, READINESS}:
        cause = "that is where health and readiness are told"
    else:
        return text
    raise argparse.ArgumentTypeError(f"{text!r} cannot be the path of the metrics: {cause}; write one such as /metrics")


def reuse_seconds(text: str) -> float:
    """Return how long a reading may be given again; raises argparse.ArgumentTypeError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds <= _LONGEST_REUSE_S:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of seconds from 0 to {_LONGEST_REUSE_S:g}; write one such as 0.5"
        )
    return seconds


def _shape(text: str) -> str:
    """Say why a text is not of the form HOST:PORT."""
    if "://" in text:
        return "it is a URL"
    if "[" in text or "]" in text:
        return "brackets go around an IPv6 address, and a colon and the port come after them"
    if ":" in text:
        return "an IPv6 address must be in brackets"
    return "the colon before the port is missing" if text.isdigit() else "it has no port"


def _port(text: str) -> str:
    if "/" in text:
        return "a path belongs to --web.telemetry-path"
    if not (text.isascii() and text.isdigit()):
        return f"the port {text!r} is not a number" if text else "the port is missing"
    return f"no port is above {_HIGHEST_PORT}" if len(text) > len(str(_HIGHEST_PORT)) or int(text) > _HIGHEST_PORT else ""


def _host(host: str | None, bracketed: str | None) -> str:
    if bracketed is not None:
        try:
            ipaddress.ip_address(bracketed)
        except ValueError:
            return "there is no IPv6 address in the brackets"
    elif host == "*":
        return "every address is the empty host"
    elif host and _HOST.fullmatch(host) is None:
        return f"{host!r} is neither the name of a host nor an IPv4 address"
    return ""
