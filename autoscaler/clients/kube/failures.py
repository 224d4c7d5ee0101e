"""One table from what can go wrong at the API server to what a loop does about it, with the cause and the remedy.

Answers that are part of normal life (404, 409, a disruption budget) are handled where they are expected; all others end here.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.config.config_exception import ConfigException

from autoscaler.errors import ForesailError, Permanent, Temporary

_HIGHEST_STATUS_OF_CLIENT_ERRORS = 499
_IN_CLUSTER = 'User "system:serviceaccount:'


class Expired(Temporary):
    """A resourceVersion or a page of a list is older than what the API server remembers (410): list again."""


class NotServed(Permanent):
    """The API server does not know what was asked for (404): of a list, that nobody has installed this kind."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was being done: `verb` and `resource` as RBAC names them (`update`, `deployments/scale`), and to which object."""

    verb: str
    resource: str
    group: str
    object: str  # "shop/web", or "all namespaces"

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.object}".rstrip()


@dataclass(frozen=True, slots=True)
class _Verdict:
    error: type[Permanent] | type[Temporary]
    remedy: str


_BY_STATUS: Mapping[int, _Verdict] = {
    400: _Verdict(Permanent, "the API server does not understand the request; is it Kubernetes 1.27 or newer?"),
    401: _Verdict(Temporary, "the credentials are not accepted and were read again; check service account or kubeconfig user"),
    403: _Verdict(Permanent, "an admission rule or the object's own state forbids it; see the cause"),
    404: _Verdict(NotServed, "the API server does not know this; are the chart's CRDs installed?"),
    405: _Verdict(Permanent, "the API server does not offer this; see the cause"),
    408: _Verdict(Temporary, "the API server waited too long; it is tried again"),
    409: _Verdict(Temporary, "somebody else changed it at the same moment; it is tried again"),
    410: _Verdict(Expired, "what was read is too old for the API server; it is read again"),
    413: _Verdict(Permanent, "the object is too large for the API server"),
    422: _Verdict(Permanent, "the API server refuses the content; see the cause"),
    429: _Verdict(Temporary, "the API server asks for fewer requests; it is tried again"),
}
_CLIENT_ERROR = _Verdict(Permanent, "the API server refuses the request; see the cause")
_SERVER_ERROR = _Verdict(Temporary, "the API server is not well; it is tried again")

# The first row whose type matches counts, so special ones stand before general ones.
_BY_EXCEPTION: tuple[tuple[type[BaseException], str, _Verdict], ...] = (
    (
        TimeoutError,
        "no answer in time",
        _Verdict(Temporary, "check the API server's load and the way to it; it is tried again"),
    ),
    (
        aiohttp.ClientConnectorCertificateError,
        "the certificate does not match",
        _Verdict(Permanent, "check certificate-authority and host name of the kubeconfig"),
    ),
    (aiohttp.ClientSSLError, "TLS failed", _Verdict(Permanent, "check certificate-authority and client certificate")),
    (aiohttp.ClientConnectionError, "no connection", _Verdict(Temporary, "check address, network policy and proxy settings")),
    (aiohttp.InvalidURL, "not a URL", _Verdict(Permanent, "check `server` in the kubeconfig")),
    (aiohttp.ClientError, "the connection broke", _Verdict(Temporary, "it is tried again")),
    (orjson.JSONDecodeError, "the answer is not JSON", _Verdict(Temporary, "is there a proxy in front of the API server?")),
    (ApiException, "the client refused", _Verdict(Permanent, "check the kubeconfig")),
    (ConfigException, "the configuration cannot be used", _Verdict(Permanent, "check kubeconfig and context")),
    (FileNotFoundError, "a file is missing", _Verdict(Permanent, "check the paths of kubeconfig and certificates")),
    (ssl.SSLError, "TLS cannot be set up", _Verdict(Permanent, "check the certificate files")),
    (OSError, "a file or socket failed", _Verdict(Temporary, "it is tried again")),
)
FOREIGN = tuple(row[0] for row in _BY_EXCEPTION)
# What the library raises when credentials are not as it expects them, besides the errors that are meant for that.
UNUSABLE: tuple[type[BaseException], ...] = (
    *FOREIGN,
    *(ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError),
)


def from_answer(attempt: Attempt, status: int, body: Any, retry_after_s: float | None) -> ForesailError:  # noqa: ANN401 - JSON
    """Return the error for an answer of the API server that nobody expected; `body` is its Status object, if it sent one."""
    verdict = _BY_STATUS.get(status, _CLIENT_ERROR if status <= _HIGHEST_STATUS_OF_CLIENT_ERRORS else _SERVER_ERROR)
    cause = str(body.get("message", "")) if isinstance(body, dict) else ""
    remedy = verdict.remedy
    if status == 403 and " cannot " in cause:  # noqa: PLR2004 - Forbidden; the wording of RBAC
        rule = f'verb "{attempt.verb}" on "{attempt.resource}" in API group "{attempt.group}"'
        # The chart knows the scale of Kubernetes' own kinds only.
        is_foreign = attempt.resource.endswith("/scale") and attempt.group != "apps"
        how = "name the kind in the chart's rbac.extraScaleTargets" if is_foreign else "the chart's ClusterRole does"
        person = 'User "' in cause and _IN_CLUSTER not in cause  # who types a command, with rights that no chart gives
        whose = "the user whom the cause names" if person else f"the service account of foresail ({how})"
        remedy = f"grant {rule} to {whose}"
    message = f"{attempt}: HTTP {status}: {cause or 'no cause given'}; {remedy}"
    if issubclass(verdict.error, Temporary):
        return verdict.error(message, retry_after_s=retry_after_s)
    return verdict.error(message)


def from_exception(attempt: Attempt, exception: BaseException) -> ForesailError:
    """Return the error for an exception of a library, which must be one of `FOREIGN`."""
    for kind, what, verdict in _BY_EXCEPTION:
        if isinstance(exception, kind):
            detail = str(exception)
            return verdict.error(f"{attempt}: {what}{f' ({detail})' if detail else ''}; {verdict.remedy}")
    raise TypeError(f"{type(exception).__name__} is not in the table of failures") from exception


def unusable(what: str, exception: BaseException, *, remedy: str) -> ForesailError:
    """Return the error for credentials (`what`) that the library could not use; `exception` is one of `UNUSABLE`.

    It is Permanent unless the network is to blame (a token that is renewed somewhere): nobody mends a file by waiting.
    """
    if isinstance(exception, aiohttp.ClientError | TimeoutError):
        return from_exception(Attempt("renew", "credentials of", "", what), exception)
    detail = str(exception) or type(exception).__name__
    return Permanent(f"taking credentials from {what}: the client library cannot use them ({detail}); {remedy}")
