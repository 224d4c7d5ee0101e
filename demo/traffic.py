"""The door of the demonstration: sends the same arrivals to both twins, open loop, and counts as a user would count.

Arrivals are a Poisson process with the rate of `demo.season` (seeded). Each arrival is sent to every target at the same moment,
on a connection of its own; an answer that is late does not hold back the next request. It talks only to the addresses it is
given, which the demo takes from Services inside the cluster's own network namespace, and it ends by itself after `--duration`.

It is also what an ingress is elsewhere: `gateway_requests_total{service=...}` on `--metrics-port` counts each request that
came, whatever became of it, so that demand is seen even where pods are saturated.

One JSON line a second and target goes to `--out`:
`{"second": 12, "target": "shop-forecast", "rate": 22.4, "sent": 23, "ok": 22, "slow": 1, "failed": 0, "p95_s": 0.31}`;
a request belongs to the second in which it was sent; a line is written once all its requests have been answered or given up.
"""

import asyncio
import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TextIO

import typer
from aiohttp import web

from demo.constants import PLAN, SEASON
from demo.season import Arrivals, Steps, Traffic


@dataclass(frozen=True, slots=True)
class Target:
    """A Service to send to."""

    name: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read `name=host:port`; raises ValueError that shows the form."""
        try:
            name, address = text.split("=", 1)
            host, port = address.rsplit(":", 1)
            return cls(name, host, int(port))
        except ValueError:
            raise ValueError(f"target {text!r} is not of the form NAME=ADDRESS:PORT") from None


@dataclass(slots=True)
class Tally:
    """What became of the requests that one second sent to one target."""

    rate: float
    sent: int = 0
    slow: int = 0
    failed: int = 0
    latencies_s: list[float] = field(default_factory=list)

    @property
    def pending(self) -> int:
        """Requests that have no outcome yet."""
        return self.sent - self.failed - len(self.latencies_s)

    def line(self, second: int, target: str) -> str:
        """Return the JSON line of this second."""
        ordered = sorted(self.latencies_s)
        p95 = ordered[int(0.95 * (len(ordered) - 1))] if ordered else None
        record = {
            "second": second,
            "target": target,
            "rate": round(self.rate, 2),
            "sent": self.sent,
            "ok": len(ordered) - self.slow,
            "slow": self.slow,
            "failed": self.failed,
            "p95_s": p95 and round(p95, 4),
        }
        return json.dumps(record)


async def get(target: Target, timeout_s: float) -> bool:
    """Send one GET on a new connection; say whether the answer was 200 within the time-out."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(target.host, target.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            return answer.startswith(b"HTTP/1.1 200 ")
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()


def arrivals(traffic: Arrivals, duration_s: float, seed: int, lead_in_s: float = 0.0) -> Iterable[float]:
    """Give the moments of a Poisson process with the traffic's rate, by thinning (Lewis and Shedler, 1979).

    Moments are seconds since the start; those of the lead-in are below zero.
    """
    rng = random.Random(seed)  # noqa: S311 - traffic, not secrets
    ceiling = traffic.highest()
    at = -lead_in_s
    while (at := at + rng.expovariate(ceiling)) < duration_s:
        if rng.random() * ceiling < traffic.rate(at):
            yield at


@dataclass(slots=True)
class Generator:
    """Sends the arrivals and writes the tallies."""

    traffic: Arrivals
    targets: tuple[Target, ...]
    out: TextIO
    came: Counter[str] = field(default_factory=Counter)  # requests by target, since the start
    tallies: dict[tuple[int, str], Tally] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, start_s: float, duration_s: float, lead_in_s: float) -> None:
        """Send for so many seconds before and after `start_s` (epoch), then wait for the last answers."""
        writing = asyncio.create_task(self._write(start_s, duration_s))
        for at in arrivals(self.traffic, duration_s, SEASON.seed, lead_in_s):
            wait_s = start_s + at - time.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            for target in self.targets:
                task = asyncio.create_task(self._one(target, at))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
        await asyncio.gather(*self.tasks)
        await writing

    async def _one(self, target: Target, at: float) -> None:
        tally = self.tallies.setdefault((math.floor(at), target.name), Tally(self.traffic.rate(math.floor(at))))
        tally.sent += 1
        self.came[target.name] += 1
        begin = time.monotonic()
        if await get(target, PLAN.timeout_s):
            took = time.monotonic() - begin
            tally.latencies_s.append(took)
            tally.slow += took > PLAN.slow_s
        else:
            tally.failed += 1

    async def _write(self, start_s: float, duration_s: float) -> None:
        for second in range(int(duration_s)):
            await asyncio.sleep(max(0.0, start_s + second + 1 + PLAN.timeout_s + 0.5 - time.time()))
            for target in self.targets:
                tally = self.tallies.pop((second, target.name), Tally(self.traffic.rate(second)))
                tally.failed += tally.pending  # what has no outcome by now has failed
                self.out.write(tally.line(second, target.name) + "\n")
            self.out.flush()

    def metrics(self) -> str:
        """Return the counters in Prometheus' text format."""
        lines = [f'gateway_requests_total{{service="{target.name}"}} {self.came[target.name]}' for target in self.targets]
        head = "# HELP gateway_requests_total Requests that came for a service.\n# TYPE gateway_requests_total counter\n"
        return head + "\n".join(lines) + "\n"


async def serve(generator: Generator, address: tuple[str, int], start_s: float, duration_s: float, lead_in_s: float) -> None:
    """Send all arrivals, with the counters served meanwhile."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=generator.metrics(), headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, *address).start()
        await generator.run(start_s, duration_s, lead_in_s)
    finally:
        await runner.cleanup()


def main(  # noqa: PLR0913 - the options of the command
    *,
    target: Annotated[list[str], typer.Option(help="NAME=ADDRESS:PORT, once per twin")],
    out: Annotated[Path, typer.Option(help="File for the counts, JSON lines")],
    start: Annotated[float, typer.Option(help="Epoch second at which the first day begins")],
    duration: Annotated[float, typer.Option(help="Seconds; then it ends by itself")],
    host: Annotated[str, typer.Option(help="Address of the counters, inside the cluster's network namespace")],
    metrics_port: Annotated[int, typer.Option(help="Port of the counters")],
    lead_in: Annotated[float, typer.Option(help="Seconds of the first rate before the start, not counted")] = 0.0,
    step: Annotated[list[str] | None, typer.Option(help="SECONDS:RATE, in turn, instead of the season")] = None,
) -> None:
    """Send the demonstration's traffic."""
    traffic: Arrivals = Steps.parse(step) if step else Traffic(SEASON)
    with out.open("a", encoding="utf-8") as lines:
        generator = Generator(traffic, tuple(map(Target.parse, target)), lines)
        asyncio.run(serve(generator, (host, metrics_port), start, duration, lead_in))


if __name__ == "__main__":
    typer.run(main)
