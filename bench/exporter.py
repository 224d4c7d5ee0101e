"""What the exporter costs: against the bare reading of its files, against cAdvisor, and against the kubelet.

    python -m bench.exporter growth            100 to 1,000 empty cgroups of the real kernel; root, no cluster
    python -m bench.exporter peers --pods 80   on the embedded cluster, all of them scraped every 15 s in the same minutes

cAdvisor takes part where a binary `cadvisor` is on PATH.
"""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.bound import kept_files, reading_s
from bench.cgroups import many
from bench.measure import Answer, Cost, cpu_s, rss_bytes, scrape, watch
from bench.peers import Peer, standing_peers

SCRAPES = 20
EVERY_S = 15.0
MIB = 1 << 20
CGROUPFS = "/sys/fs/cgroup"

app = typer.Typer(add_completion=False, help=__doc__, rich_markup_mode=None)


@app.command()
def growth(
    sizes: Annotated[list[int] | None, typer.Argument(help="Numbers of containers; 100 300 1000 when left out")] = None,
) -> None:
    """Print what a scrape costs at each number of containers."""
    table = Table(title=f"Median of {SCRAPES} scrapes; empty cgroups, two containers a pod")
    for title in (
        "containers",
        "latency ms",
        "CPU ms a scrape",
        "files kept",
        "bare reading ms",
        "ratio",
        "RSS MiB",
        "samples",
        "MB",
    ):
        table.add_column(title, justify="right")
    for size in sizes or (100, 300, 1000):
        with many(size), our_exporter() as (pid, url):
            cost = watch(pid, lambda url=url: scrape(url), [0.0] * SCRAPES)  # type: ignore[misc]
            files = kept_files(pid, CGROUPFS)
            bare_s = reading_s(files)
        each_s = cost.cpu_s / SCRAPES
        table.add_row(
            str(size),
            f"{cost.latency_s * 1e3:.1f}",
            f"{each_s * 1e3:.1f}",
            str(len(files)),
            f"{bare_s * 1e3:.1f}",
            f"{each_s / bare_s:.1f}x",
            f"{cost.rss_bytes / MIB:.1f}",
            str(cost.answer.samples),
            f"{len(cost.answer.body) / 1e6:.2f}",
        )
    Console(width=120).print(table)


@app.command()
def peers(
    pods: Annotated[int, typer.Option(help="Pods", min=1, max=100)] = 80,
    wake_s: Annotated[float, typer.Option(help="Seconds between what each pod does; 0: pods that do nothing", min=0)] = 1.0,
    rounds: Annotated[int, typer.Option(help="Scrapes of each", min=1)] = 8,
) -> None:
    """Print what each costs when all are scraped every 15 s."""
    with standing_peers(pods, wake_s) as found:
        costs = _measured(found, rounds)
    activity = f"that start a process every {wake_s:g} s" if wake_s else "that do nothing"
    table = Table(title=f"{pods} pods {activity}; {rounds} scrapes, one every {EVERY_S:.0f} s")
    for title in ("", "CPU ms in 15 s", "against the first", "latency ms", "RSS MiB", "samples", "MB"):
        table.add_column(title, justify="right" if title else "left")
    for peer, cost in zip(found, costs, strict=True):
        table.add_row(
            peer.name,
            f"{cost.cpu_s * 1e3:.0f}",
            f"{cost.cpu_s / costs[0].cpu_s:.1f}x",
            f"{cost.latency_s * 1e3:.0f}",
            f"{cost.rss_bytes / MIB:.0f}",
            str(cost.answer.samples),
            f"{len(cost.answer.body) / 1e6:.2f}",
        )
    Console(width=120).print(table)
    print("The kubelet's CPU and memory are those of the whole process; its metrics are a part of what it does.")


def _measured(found: Sequence[Peer], rounds: int) -> list[Cost]:
    """Scrape everyone once in each 15 s; the CPU time is that of 15 s, what is spent between scrapes included."""
    for peer in found:
        peer.fetch()  # the first look at so many cgroups is no scrape like the others
    before = [cpu_s(peer.pid) for peer in found]
    answers: list[list[Answer]] = [[] for _ in found]
    begin = time.monotonic()
    for number in range(rounds):
        for peer, kept in zip(found, answers, strict=True):
            kept.append(peer.fetch())
        time.sleep(max(0.0, begin + (number + 1) * EVERY_S - time.monotonic()))
    return [
        Cost((cpu_s(peer.pid) - earlier) / rounds, median(one.took_s for one in kept), rss_bytes(peer.pid), kept[-1])
        for peer, earlier, kept in zip(found, before, answers, strict=True)
    ]


@contextlib.contextmanager
def our_exporter() -> Iterator[tuple[int, str]]:
    """Run the exporter on this machine, without Kubernetes; yields its process id and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = [f"--web.listen-address=127.0.0.1:{port}", "--web.reuse-seconds=0", "--no-kubernetes", "--log.level=error"]
    with subprocess.Popen([sys.executable, "-c", "from exporters.entry import main; main()", *flags]) as process:
        url = f"http://127.0.0.1:{port}/metrics"
        try:
            _wait_for(url)
            yield process.pid, url
        finally:
            process.terminate()


def _wait_for(url: str, patience_s: float = 30.0) -> None:
    end_s = time.monotonic() + patience_s
    while True:
        try:
            scrape(url)
        except OSError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    app()
