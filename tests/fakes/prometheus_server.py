"""A server over real HTTP that answers as Prometheus' API does, with what a test has ordered.

async with FakePrometheusServer() as server:
    server.vector({"pod": "a"}, 1.5)                   # the next answer: an instant vector
    server.fail(503, '{"error": "busy"}', {"Retry-After": "3"})
    server.answers.append(lambda asked: {...})         # or anything, from what was asked
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.loopback import LoopbackServer

Asked = dict[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    url_query: str
    form: Asked
    headers: dict[str, str]


@dataclass(slots=True)
class FakePrometheusServer(LoopbackServer):
    """Gives the answers in order; when none is left, an empty vector."""

    answers: list[Callable[[Asked], web.Response]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def result(self, result: Any) -> None:  # noqa: ANN401 - JSON
        """Answer with this `data.result`."""
        self.answers.append(lambda _: web.json_response({"status": "success", "data": {"result": result}}))

    def vector(self, *series: tuple[dict[str, str], float | str]) -> None:
        """Answer with an instant vector, evaluated at 1,000 s."""
        self.result([{"metric": labels, "value": [1000, str(value)]} for labels, value in series])

    def fail(self, status: int, text: str = "", headers: dict[str, str] | None = None) -> None:
        """Answer with an error."""
        self.answers.append(lambda _: web.Response(status=status, text=text, headers=headers))

    def grid(self, value_at: Callable[[float], float | str | None], labels: dict[str, str] | None = None) -> None:
        """Answer a range query with a value for each point of the grid that was asked for; None leaves it out."""

        def answer(asked: Asked) -> web.Response:
            start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
            times = [start + step * number for number in range(round((end - start) / step) + 1)]
            values = [[at_s, str(value_at(at_s))] for at_s in times if value_at(at_s) is not None]
            series = [{"metric": labels or {}, "values": values}] if values else []
            return web.Response(text=json.dumps({"status": "success", "data": {"result": series}}))

        self.answers.append(answer)

    async def handle(self, request: web.Request) -> web.Response:
        """Give the next answer that was ordered."""
        form = {key: str(value) for key, value in (await request.post()).items()} or dict(request.query)
        self.requests.append(Request(request.method, request.path, request.query_string, form, dict(request.headers)))
        if self.gate:
            await self.gate.wait()
        if not self.answers:
            return web.json_response({"status": "success", "data": {"resultType": "vector", "result": []}})
        return self.answers.pop(0)(form)
