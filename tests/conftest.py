"""What tests of every kind share: the one embedded cluster of the machine, started when the first test asks for it."""

import os
import sys
from collections.abc import Iterator

import pytest

from demo.cluster import Cluster
from demo.cluster.bootstrap import clear_the_place
from demo.cluster.cache import Cache
from demo.cluster.gobuild import bin_folder
from demo.cluster.machine import look, what_is_wrong
from demo.cluster.report import LineReporter, QuietReporter
from demo.cluster.standing import standing_cluster
from demo.cluster.state import machine_lock


def pytest_configure() -> None:
    """Put what was built for the cluster (helm, promtool, Prometheus) at the end of PATH, where tests look for tools."""
    os.environ["PATH"] += os.pathsep + str(bin_folder(Cache.locate()))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # A test that starts clusters of its own cannot run beside the shared one, and a virtual machine would share the processors
    # with it, as would all tests that need neither. A stable sort: the order stays random otherwise.
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """Return in which part of a run a test comes: those with a machine of their own first, those of the cluster last."""
    if any(item.iter_markers("alone")) or any(item.iter_markers("vm")):
        return 0
    return 2 if any(item.iter_markers("cluster")) else 1


def skip_unless_the_machine_is_fit() -> None:
    """Skip, with every reason, where the embedded cluster cannot run."""
    if wrong := what_is_wrong(look(Cache.locate())):
        pytest.skip("the embedded cluster cannot run here: " + "; ".join(wrong))


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """The embedded cluster: one that somebody keeps up is used, and left; otherwise one is started for all tests."""
    if standing_cluster() is not None:
        yield Cluster.attach()
        return
    skip_unless_the_machine_is_fit()
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():  # minutes of work on a first start: say what goes on
        started = Cluster.start(reporter=LineReporter(sys.stderr))
    with started:
        yield started


@pytest.fixture(scope="session")
def no_cluster() -> None:
    """For tests that start clusters of their own: the machine is fit, none runs, and none was left behind."""
    if standing_cluster() is not None:
        pytest.skip("a cluster runs on this machine: `python -m demo.cluster down` ends it")
    skip_unless_the_machine_is_fit()
    with machine_lock() as pointer:
        clear_the_place(Cache.locate(), QuietReporter(), pointer)
