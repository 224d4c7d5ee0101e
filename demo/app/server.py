"""The sample web app: every request costs real CPU time, so that a pod with 50m saturates like any other app.

Standard library only: at 50m of CPU each import counts into the time to become Ready. Requests are worked on one after the
other; what waits is bounded, and beyond that the answer is 503 at once. `/ready` fails until the warm-up is over, and for good
once the file of `BREAK_FILE` exists; `/live` never fails.
"""

import asyncio
import hashlib
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

REASONS = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}


@dataclass(slots=True)
class App:
    """State of one pod."""

    cost_s: float
    warmup_s: float
    queue_size: int
    break_file: Path
    started_s: float = field(default_factory=time.monotonic)
    arrived: int = 0
    waiting: int = 0
    refused: int = 0
    busy_s: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answer(self, path: str) -> tuple[int, str]:
        """Return status and body for one request."""
        match path:
            case "/":
                return await self._work()
            case "/ready":
                return self._ready()
            case "/live":
                return 200, "alive\n"
            case "/metrics":
                return 200, self._metrics()
            case _:
                return 404, f"no such page: {path}\n"

    async def _work(self) -> tuple[int, str]:
        self.arrived += 1
        if self.waiting >= self.queue_size:
            self.refused += 1
            return 503, "too many requests wait already\n"
        self.waiting += 1
        try:
            async with self.turn:
                self.busy_s += burn(self.cost_s)
                await asyncio.sleep(0)  # probes are answered between two requests
        finally:
            self.waiting -= 1
        return 200, "sold\n"

    def _ready(self) -> tuple[int, str]:
        if self.break_file.exists():
            return 503, f"broken for good: {self.break_file} exists\n"
        left_s = self.warmup_s - (time.monotonic() - self.started_s)
        return (503, f"warming up, {left_s:.0f} s left\n") if left_s > 0 else (200, "ready\n")

    def _metrics(self) -> str:
        return (
            "# HELP app_requests_arrived_total Requests that reached this pod, served or not.\n"
            "# TYPE app_requests_arrived_total counter\n"
            f"app_requests_arrived_total {self.arrived}\n"
            "# HELP app_requests_refused_total Requests answered 503 because too many waited.\n"
            "# TYPE app_requests_refused_total counter\n"
            f"app_requests_refused_total {self.refused}\n"
            "# HELP app_requests_waiting Requests that wait or are worked on.\n"
            "# TYPE app_requests_waiting gauge\n"
            f"app_requests_waiting {self.waiting}\n"
            "# HELP app_work_seconds_total CPU time spent on requests' work.\n"
            "# TYPE app_work_seconds_total counter\n"
            f"app_work_seconds_total {self.busy_s:.6f}\n"
        )


def burn(cost_s: float) -> float:
    """Hash until this thread has used `cost_s` of CPU time; return what it really took."""
    begin = time.thread_time()
    block = b"foresail" * 512
    while (used := time.thread_time() - begin) < cost_s:
        block = hashlib.sha256(block).digest() * 128
    return used


async def serve_one(app: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read one request, answer it, close: each connection is balanced anew by the Service."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=10)
        path = head.split(b" ", 2)[1].decode("ascii", "replace")
        status, body = await app.answer(path)
        data = body.encode()
        writer.write(
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode()
            + data
        )
        await writer.drain()
    except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError, ConnectionError):
        pass  # a client that went away, or that does not speak HTTP, is no error of ours
    finally:
        writer.close()


async def main() -> None:
    """Serve until SIGTERM, then finish what is under way."""
    app = App(
        cost_s=float(os.environ.get("COST_MS", "5")) / 1000,
        warmup_s=float(os.environ.get("WARMUP_S", "0")),
        queue_size=int(os.environ.get("QUEUE", "60")),
        break_file=Path(os.environ.get("BREAK_FILE", "/tmp/broken")),  # noqa: S108 - a container's own /tmp
    )
    port = int(os.environ.get("PORT", "8000"))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    server = await asyncio.start_server(lambda r, w: serve_one(app, r, w), "0.0.0.0", port, backlog=512)  # noqa: S104
    async with server:
        await stop.wait()
        await asyncio.sleep(2)  # the Service still sends requests until every node has heard of it
        deadline = time.monotonic() + 10
        while app.waiting and time.monotonic() < deadline:  # noqa: ASYNC110 - two seconds of polling at the very end
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main())
