"""The plugin that a user of a kubeconfig may name (`exec`): started, and its answer read.

kubernetes_asyncio can do it, but waits for ever for a plugin that does not answer, or that says much on standard error.
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import asyncio
import base64
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from autoscaler.clients.kube.kubeconfig.files import Entry

TIMEOUT_S = 60.0  # for a log-in, a browser included
_END_S = 2.0
_LONGEST_SAID = 300  # characters of what a plugin says
_BY_HAND = "try by hand what it says with: kubectl get --raw /version"


async def credentials(plugin: Entry, *, timeout_s: float = TIMEOUT_S) -> dict[str, str]:
    """Run a plugin and return what it gave, as fields of a user; raises Permanent that names it when it gave nothing."""
    version, environ = plugin.text("apiVersion"), {**os.environ, **_environment(plugin)}
    command, is_terminal = [_command(plugin, environ), *_arguments(plugin)], sys.stdin is not None and sys.stdin.isatty()
    if plugin.text("interactiveMode") == "Always" and not is_terminal:
        raise plugin.fault("it has to ask a person (interactiveMode: Always), and there is no terminal", "use another user")
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": is_terminal}}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**environ, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdin=None if is_terminal else asyncio.subprocess.DEVNULL,
            start_new_session=not is_terminal,  # so that what it started ends with it
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise plugin.fault(f"{command[0]} cannot be started: {cause}", _hint(plugin)) from error
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise plugin.fault(f"{command[0]} gave no answer within {timeout_s:g} s", _BY_HAND) from error
    finally:
        if process.returncode is None:
            await _end(process, whole_session=not is_terminal)
    if process.returncode:
        raise plugin.fault(
            f"{command[0]} ended with {process.returncode}: {_line(err.decode(errors='replace')) or 'it said nothing'}",
            _BY_HAND,
        )
    return _answer(plugin, version, out)


async def _end(process: asyncio.subprocess.Process, *, whole_session: bool) -> None:
    with suppress(ProcessLookupError, TimeoutError):
        if whole_session:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        async with asyncio.timeout(_END_S):  # a child of it that is left may keep the pipes open
            await process.wait()


def _command(plugin: Entry, environ: Mapping[str, str]) -> str:
    """Return the path of the program: a relative one starts at the kubeconfig's folder, a plain name is looked for on PATH."""
    name = plugin.text("command")
    if not name:
        raise plugin.fault("it has no command", "name the program that gives the credentials")
    if not plugin.has("apiVersion"):
        raise plugin.fault("it has no apiVersion", "write client.authentication.k8s.io/v1")
    path = shutil.which(str(plugin.path("command")) if "/" in name else name, path=environ.get("PATH"))
    if path is None:
        where = "there or may not be run" if "/" in name else "on PATH"
        raise plugin.fault(f"the program {name!r} is not {where}", _hint(plugin))
    return path


def _hint(plugin: Entry) -> str:
    """Return how to get the program: in the words of the kubeconfig, if it has some."""
    return _line(plugin.text("installHint")) or "install it, or name it by its whole path"


def _arguments(plugin: Entry) -> list[str]:
    given = plugin.fields.get("args") or []
    if not isinstance(given, list) or not all(isinstance(one, str) and "\0" not in one for one in given):
        raise plugin.fault("args must be a list of texts", "put each of them in quotes")
    return given


def _environment(plugin: Entry) -> dict[str, str]:
    given = plugin.fields.get("env") or []
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise plugin.fault("env must be a list of objects with name and value", "write each as {name: ..., value: ...}")
    found: dict[str, str] = {}
    for index, one in enumerate(given):
        variable = Entry(plugin.file, f"{plugin.what}, env[{index}]", one)
        name, value = variable.text("name"), variable.text("value")
        if not name or "=" in name or "\0" in name + value:
            raise variable.fault("it is no variable of an environment", "write it as {name: ..., value: ...}")
        found[name] = value
    return found


def _answer(plugin: Entry, version: str, out: bytes) -> dict[str, str]:
    """Return token and certificate of the plugin's answer; nothing of it is shown in a message."""
    try:
        answer: Any = json.loads(out)
    except (ValueError, RecursionError) as error:
        raise plugin.fault(f"the answer of the plugin is not JSON ({_where(error)})", _BY_HAND) from error
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(status, dict):
        raise plugin.fault("the answer of the plugin is no ExecCredential with a status", _BY_HAND)
    if answer.get("apiVersion") != version:
        raise plugin.fault(
            f"the answer of the plugin is not of apiVersion {version}", "write the version that the plugin speaks"
        )
    given = Entry(plugin.file, f"{plugin.what}, answer of the plugin", status)
    found = {"token": given.text("token")} if given.has("token") else {}
    for field, name in (("clientCertificateData", "client-certificate-data"), ("clientKeyData", "client-key-data")):
        if given.has(field):
            found[name] = base64.b64encode(given.text(field).encode()).decode()
    if not found:
        raise given.fault("it holds neither a token nor a certificate", _BY_HAND)
    return found


def _where(error: Exception) -> str:
    return str(error) if isinstance(error, json.JSONDecodeError) else "it is not text, or nested without end"


def _line(text: str) -> str:
    """Return text of somebody else as one line without what a terminal would take for a command."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:_LONGEST_SAID]
