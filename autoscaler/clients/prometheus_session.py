"""Requests to anything that speaks Prometheus' HTTP API: through prometheus-api-client, on a session of our own.

The library sends a query in the URL even when it POSTs, tries again by itself, and tells an error as text. The session sends a
form (long queries do not fit into a URL), never tries again, follows no redirect, reads the token afresh for each request,
long answers fast and endless ones not at all, and turns every failure into Permanent or Temporary by one table.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from requests.auth import AuthBase
from urllib3.util.retry import Retry

from autoscaler import __version__
from autoscaler.clients import matrix, whole_body
from autoscaler.errors import ForesailError, Permanent, Temporary
from autoscaler.settings import PrometheusSettings

_CONNECT_S = 5.0
_OK = 200
_METHOD_NOT_ALLOWED = 405
_FAILED = b'{"status":"error"'  # what some that speak this API send with 200
_UNAVAILABLE, _TIMED_OUT = 503, "query timed out"  # how Prometheus says that it gave up
_TOO_LARGE = ("too many samples", "maximum resolution")  # wordings of a query that a smaller range would answer


class TooLarge(Permanent):
    """The range of a query is more than Prometheus is willing to load at once."""


class TooSlow(Temporary):
    """An answer did not come in time; one for a shorter range may."""


class Refused(Exception):
    """An answer that is no success, with what Prometheus said."""

    def __init__(self, response: requests.Response) -> None:
        """Keep status, error text and Retry-After."""
        self.status = response.status_code
        self.retry_after_s = _number(response.headers.get("Retry-After"))
        self.text = _error_text(response)
        super().__init__(f"HTTP {self.status}: {self.text}")


_WRONG_URL = "is prometheus.url the base URL of something that speaks Prometheus' HTTP API?"
_BUSY = "it has too much to do; check its load"
_ITS_LOG = "its own log says why"
_BROKEN = "the answer is of no use; is there anything between, such as a proxy?"
_BY_STATUS: Mapping[int, tuple[type[Permanent] | type[Temporary], str]] = {
    200: (Temporary, _ITS_LOG),
    400: (Permanent, "correct the query"),
    401: (Permanent, "check prometheus.bearer_token_file"),
    403: (Permanent, "check prometheus.bearer_token_file and what its user may read"),
    404: (Permanent, _WRONG_URL),
    408: (Temporary, _BUSY),
    422: (Permanent, "correct the query, or ask for less"),
    429: (Temporary, _BUSY),
}
# The first row whose type matches counts; errors of requests are OSErrors too, so they stand first.
_BY_EXCEPTION: tuple[tuple[type[BaseException], type[Permanent] | type[Temporary], str], ...] = (
    (requests.exceptions.ConnectTimeout, Temporary, "no connection in time; does a network policy allow the way?"),
    (requests.exceptions.Timeout, TooSlow, "no answer in time; check its load, or raise prometheus.timeout_s"),
    (requests.exceptions.SSLError, Permanent, "check prometheus.ca_file and the host name of prometheus.url"),
    (requests.exceptions.InvalidSchema, Permanent, "prometheus.url must begin with http:// or https://"),
    (requests.exceptions.MissingSchema, Permanent, "prometheus.url must begin with http:// or https://"),
    (requests.exceptions.InvalidURL, Permanent, "correct prometheus.url"),
    (requests.exceptions.JSONDecodeError, Temporary, f"the answer is not JSON; {_WRONG_URL}"),
    (requests.exceptions.ConnectionError, Temporary, "no connection; does it run, and does a network policy allow the way?"),
    (requests.exceptions.RequestException, Temporary, _BROKEN),
    (PrometheusApiClientException, Temporary, _BROKEN),
    (TimeoutError, TooSlow, "no answer in time; check its load, or raise prometheus.timeout_s"),
    (OSError, Permanent, "a file cannot be read; check prometheus.bearer_token_file and prometheus.ca_file"),
    (LookupError, Temporary, f"the answer has not the form that is documented; {_WRONG_URL}"),
    (TypeError, Temporary, f"the answer has not the form that is documented; {_WRONG_URL}"),
    (ValueError, Temporary, f"the answer has not the form that is documented; {_WRONG_URL}"),
)
FOREIGN: tuple[type[BaseException], ...] = (Refused, *(row[0] for row in _BY_EXCEPTION))
TIMEOUTS = (TimeoutError, requests.exceptions.Timeout)


def to_error(doing: str, problem: BaseException) -> ForesailError:
    """Return the error for an exception, which must be one of `FOREIGN`; `doing` names server and query."""
    if isinstance(problem, Refused):
        if any(wording in problem.text for wording in _TOO_LARGE):
            return TooLarge(f"{doing}: {problem}; shorten the range, or raise --query.max-samples of Prometheus")
        if 300 <= problem.status < 400:  # noqa: PLR2004 - redirects
            return Permanent(f"{doing}: {problem}; it redirects: give the final address in prometheus.url")
        if problem.status == _UNAVAILABLE and _TIMED_OUT in problem.text:
            return TooSlow(f"{doing}: {problem}; check its load, or raise prometheus.timeout_s")
        default = (Permanent, _WRONG_URL) if problem.status < 500 else (Temporary, _ITS_LOG)  # noqa: PLR2004
        error, remedy = _BY_STATUS.get(problem.status, default)
        message = f"{doing}: {problem}; {remedy}"
        return Temporary(message, retry_after_s=problem.retry_after_s) if error is Temporary else error(message)
    for kind, error, remedy in _BY_EXCEPTION:
        if isinstance(problem, kind):
            detail = f": {problem}" if str(problem) else ""
            return error(f"{doing}: {type(problem).__name__}{detail}; {remedy}")
    raise TypeError(f"{type(problem).__name__} is not in the table of failures") from problem


class _FileToken(AuthBase):
    """A bearer token from a file, read for each request, as tokens of service accounts change."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._path.read_text().strip()}"
        return request


class _Session(requests.Session):
    """Sends queries as a form; by GET where POST is not allowed, which it finds out once."""

    _by_get = False

    def __init__(self, patience_s: float) -> None:
        super().__init__()
        self._patience_s = patience_s  # of a whole answer

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow none, and do not read what would be followed either: it may never end."""

    def request(self, method: str, url: str, *, params: Any = None, **options: Any) -> requests.Response:  # type: ignore[override] # noqa: ANN401 - the library passes these by name
        """Send one request and raise Refused for anything but 200."""
        options |= {"allow_redirects": False, "stream": True}
        until_s = time.monotonic() + self._patience_s
        if method == "POST" and not self._by_get:
            response = super().request("POST", url, data=params, **options)
            if response.status_code != _METHOD_NOT_ALLOWED:
                return _accepted(response, until_s)
            response.close()
            self._by_get = True
        return _accepted(super().request("GET", url, params=params, **options), until_s)


def _accepted(response: requests.Response, until_s: float) -> requests.Response:
    whole_body.read(response, until_s)
    if response.status_code != _OK or response.content.startswith(_FAILED):
        raise Refused(response)
    if response.url.partition("?")[0].endswith("/query_range"):
        response.json = lambda **_: matrix.read(response.content)  # type: ignore[method-assign]
    return response


def open_client(settings: PrometheusSettings) -> PrometheusConnect:
    """Make a client for the settings; nothing is sent yet."""
    session = _Session(settings.timeout_s)
    session.headers["User-Agent"] = f"foresail/{__version__}"
    session.verify = settings.ca_file or True
    return PrometheusConnect(
        url=settings.url.rstrip("/"),
        session=session,
        retry=Retry(total=0, read=False),  # the loop decides what is tried again
        auth=_FileToken(settings.bearer_token_file) if settings.bearer_token_file else None,
        timeout=(min(_CONNECT_S, settings.timeout_s), settings.timeout_s),
        method="POST",
    )


def address(url: str) -> str:
    """Return host and port of a URL, for messages: the rest may hold a password."""
    parts = urlsplit(url)
    return f"{parts.hostname or url}{f':{parts.port}' if parts.port else ''}"


def _error_text(response: requests.Response) -> str:
    try:
        return str(json.loads(response.content)["error"])
    except (ValueError, LookupError, TypeError):
        return response.text[:200].strip() or "no cause given"


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None
