"""What the kernel says a process cost, and how long an answer took. Linux only; another user's processes need root."""

import statistics
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_NS_PER_S = 1e9
_KIB = 1024


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process, all threads that live, in seconds (nanoseconds' resolution, unlike /proc/PID/stat)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread has ended since
    return total / _NS_PER_S


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * _KIB
    raise LookupError(f"process {pid} has no VmRSS: it has ended")


@dataclass(frozen=True, slots=True)
class Answer:
    """One scrape."""

    took_s: float
    body: bytes

    @property
    def samples(self) -> int:
        """How many samples it holds."""
        return sum(1 for line in self.body.split(b"\n") if line and not line.startswith(b"#"))


def scrape(url: str) -> Answer:
    """Fetch an exposition as Prometheus would, uncompressed; raises OSError."""
    asked = urllib.request.Request(url, headers={"Accept": "text/plain;version=0.0.4"})  # noqa: S310 - an address of our own
    begin = time.perf_counter()
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
        body: bytes = answer.read()
    return Answer(time.perf_counter() - begin, body)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a number of scrapes cost the one who answered."""

    cpu_s: float
    """Of the process over the whole time, pauses included."""
    latency_s: float
    """Median of one scrape."""
    rss_bytes: int
    answer: Answer


def watch(pid: int, fetch: Callable[[], Answer], pauses_s: Sequence[float]) -> Cost:
    """Scrape once before each pause, and measure the process over all of it."""
    fetch()  # the first look of a process at its cgroups is no scrape like the others
    begin = cpu_s(pid)
    answers = []
    for pause_s in pauses_s:
        answers.append(fetch())
        time.sleep(pause_s)
    spent = cpu_s(pid) - begin
    return Cost(spent, statistics.median(answer.took_s for answer in answers), rss_bytes(pid), answers[-1])
