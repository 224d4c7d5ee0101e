import math

import pytest

from autoscaler.clients.ports import Sample
from autoscaler.errors import Temporary
from autoscaler.loops.load import Loads, milli, read, reading
from autoscaler.reasons import Reason
from tests.builders import NOW_S, a_pod, a_query_metric, a_resource_metric
from tests.fakes.prometheus import FakeMetrics

CPU = a_resource_metric()
QUERY = a_query_metric(query="up")
TWO = {"app": {"cpu": 100}, "sidecar": {"cpu": 50}}


def a_sample(value: float, at_s: float = NOW_S - 5) -> Sample:
    return Sample({}, at_s, value)


def usage(**containers: float) -> Loads:
    samples = {name: a_sample(value) for name, value in containers.items()}
    return Loads({"cpu": {("default", "shop-0"): samples}}, {})


def test_the_containers_of_a_pod_are_summed() -> None:
    found = reading(CPU, [a_pod(requests_milli=TWO)], usage(app=0.1, sidecar=0.02), 60.0)
    assert found.pods_milli == {"shop-0": 120}
    assert found.pods_sampled_at_s == {"shop-0": NOW_S - 5}


def test_a_pod_with_a_container_that_has_no_sample_is_missing_and_not_half_idle() -> None:
    found = reading(CPU, [a_pod(requests_milli=TWO)], usage(app=0.1), 60.0)
    assert found.pods_milli is None
    assert found.error_reason is Reason.FAILED_GET_RESOURCE_METRIC


def test_a_container_metric_reads_that_container_alone() -> None:
    found = reading(a_resource_metric(container="app"), [a_pod(requests_milli=TWO)], usage(app=0.1), 60.0)
    assert found.pods_milli == {"shop-0": 100}


def test_a_value_that_is_not_a_number_makes_the_pod_missing() -> None:
    found = reading(CPU, [a_pod()], usage(app=math.nan), 60.0)
    assert found.error is not None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([], "nothing is not zero"),
        ([a_sample(1), a_sample(2)], "2 series"),
        ([a_sample(math.nan)], "nan"),
        ([a_sample(math.inf)], "inf"),
        ([a_sample(-1)], "-1"),
        (Temporary("connection refused"), "connection refused"),
    ],
)
def test_an_answer_that_is_no_load_says_why(answer: list[Sample] | Temporary, words: str) -> None:
    found = reading(QUERY, [], Loads({}, {"up": answer}), 60.0)
    assert found.total_milli is None
    assert found.error_reason is Reason.FAILED_GET_PROMETHEUS_METRIC
    assert words in (found.error or "")


async def test_each_question_is_asked_once_and_an_error_costs_only_its_own() -> None:
    metrics = FakeMetrics()
    metrics.answers["up"] = [a_sample(3)]
    metrics.fail("pod_usage", Temporary("down"))
    loads = await read(metrics, [CPU, CPU, QUERY, QUERY, a_query_metric(query="up")], within_s=5)
    assert len(metrics.calls) == 2
    assert isinstance(loads.usage["cpu"], Temporary)
    assert reading(QUERY, [], loads, 60.0).total_milli == 3000
    assert loads.failure() is None


async def test_when_nothing_is_answered_it_is_an_outage() -> None:
    metrics = FakeMetrics()
    metrics.fail("pod_usage", Temporary("down"))
    assert str((await read(metrics, [CPU], within_s=5)).failure()) == "down"


async def test_queries_that_hang_leave_what_is_answered_as_it_is_and_say_what_is_not() -> None:
    metrics = FakeMetrics()
    metrics.set_usage("cpu", "default", "shop-0", "app", value=0.1, at_s=NOW_S)
    metrics.gate("query")
    hanging = [a_query_metric(query=f"vector({number})") for number in range(60)]
    loads = await read(metrics, [*hanging, CPU], within_s=0.05)
    assert reading(CPU, [a_pod()], loads, 60.0).pods_milli == {"shop-0": 100}
    for spec in hanging:
        assert "did not answer 60 of 61 questions within the 0.05 s" in (reading(spec, [], loads, 60.0).error or "")
    assert [call[0] for call in metrics.calls].count("query") < 60


async def test_when_there_is_not_time_for_all_queries_others_come_first_the_next_time() -> None:
    metrics = FakeMetrics()
    specs = [a_query_metric(query=f"vector({number})") for number in range(3)]
    for turn in range(3):
        await read(metrics, specs, within_s=5, turn=turn)
    assert {metrics.calls[first][1] for first in (0, 3, 6)} == {"vector(0)", "vector(1)", "vector(2)"}


def test_milli_units_are_rounded_up_but_not_for_an_error_of_the_float() -> None:
    assert [milli(value) for value in (0.007, 0.0071, 0.05, 1.0, 0.0)] == [7, 8, 50, 1000, 0]
