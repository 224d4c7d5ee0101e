"""Everything that a first start needs, fetched and built into the cache; a second call finds all of it there."""

import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from demo.cluster import gobuild, packages, rootfs
from demo.cluster.cache import Cache
from demo.cluster.report import Reporter
from demo.cluster.work import Work

_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def prepare(cache: Cache, reporter: Reporter) -> None:
    """Install packages, build the commands and make the images; raises ClusterError with the log's end and the remedy.

    The build takes the processors, packages and base image the network: the two go side by side. An interrupt ends both; what
    was whole by then is kept. Two that prepare the same cache do it one after the other.
    """
    with preparing(cache, reporter) as work:
        _prepare(work)


@contextmanager
def preparing(cache: Cache, reporter: Reporter) -> Iterator[Work]:
    """Give one process at a time the right to put things into the cache, and a folder for what is half done."""
    cache.ensure()
    work = Work(cache, reporter)
    with _lock(cache, reporter), work.scratch():
        yield work


def _prepare(work: Work) -> None:
    if not _CA_BUNDLE.exists():
        packages.install(work)  # Go could not check whom it fetches from

    def system() -> None:
        packages.install(work)
        rootfs.make_base(work)

    def commands() -> None:
        gobuild.build(work)
        rootfs.make_pause(gobuild.bin_folder(work.cache))

    with ThreadPoolExecutor(2) as pool:
        lanes = [pool.submit(commands), pool.submit(system)]
        try:
            for lane in as_completed(lanes):
                lane.result()
        except BaseException:
            work.stop.set()
            raise


@contextmanager
def _lock(cache: Cache, reporter: Reporter) -> Iterator[None]:
    with (cache.root / "prepare.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with reporter.step("wait for another process that prepares the same cache"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield
