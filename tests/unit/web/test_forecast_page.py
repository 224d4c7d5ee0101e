"""The curve of the next hours on the status page and in the API."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

import pytest
from aiohttp.test_utils import TestClient, TestServer

from autoscaler.board import Board, Row
from autoscaler.clock import ManualClock
from autoscaler.model import ObjectKey
from autoscaler.web.app import SHOWN_CURVES, Sources, build
from autoscaler.web.chart import HEIGHT, WIDTH, curve_chart

SHOP = ObjectKey("default", "shop")
EVIL = '"><script>alert("x")</script>'


def a_forecast(**fields: object) -> Row:
    curve = [
        {"at": "2027-01-15T08:04:00Z", "median": 4.0, "upper": 5.0},
        {"at": "2027-01-15T09:00:00Z", "median": 6.0, "upper": 8.0},
        {"at": "2027-01-15T20:00:00Z", "median": 2.0, "upper": 10.0},
    ]
    plain = {
        "metric": "cpu",
        "gate": "Open",
        "message": "good",
        "risk": 0.95,
        "load": 4.2,
        "loadAt": "2027-01-15T08:00:00Z",
        "curve": curve,
    }
    return {**plain, **fields}


@dataclass(slots=True)
class Site:
    """The application with forecasts that a test fills; `asked` holds what was asked for."""

    board: Board = field(default_factory=Board)
    leads: bool = True
    rows: dict[ObjectKey, list[Row]] = field(default_factory=dict)
    asked: list[Sequence[ObjectKey]] = field(default_factory=list)
    client: TestClient = field(init=False)  # type: ignore[type-arg]

    async def forecasts(self, keys: Sequence[ObjectKey]) -> Mapping[ObjectKey, Sequence[Row]]:
        self.asked.append(keys)
        return {key: self.rows[key] for key in keys if key in self.rows}

    def put(self, key: ObjectKey = SHOP, metric: str = "cpu") -> None:
        status = {"forecast": {"gate": "Open", "message": "good", "metric": metric}, "conditions": []}
        self.board.autoscalers[key] = {"mode": "Scale", "target": "Deployment/shop", "message": "", "status": status}

    async def page(self) -> str:
        async with self.client.get("/") as response:
            assert response.status == 200
            return await response.text()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    sources = Sources(made.board, ManualClock(4700.0), lambda: made.leads, lambda: True, list, made.forecasts)
    async with TestClient(TestServer(build(sources))) as client:
        made.client = client
        yield made


def corners(svg: str, name: str) -> list[tuple[float, float]]:
    shape = next(one for one in ET.fromstring(svg).iter() if one.get("class") == name)  # noqa: S314 - of our own
    return [(float(x), float(y)) for x, _, y in (one.partition(",") for one in (shape.get("points") or "").split())]


async def test_the_api_tells_all_metrics_of_an_object(site: Site) -> None:
    site.rows[SHOP] = [a_forecast(), a_forecast(metric="rps", curve=[], curveMessage="no curve yet")]
    async with site.client.get("/api/v1/forecast/default/shop") as response:
        content = await response.json()
    assert content == {"namespace": "default", "name": "shop", "leader": True, "metrics": site.rows[SHOP]}


async def test_an_object_without_a_forecast_is_not_found(site: Site) -> None:
    async with site.client.get("/api/v1/forecast/default/nobody") as response:
        content = await response.json()
    assert (response.status, content["leader"]) == (404, True)
    assert "default/nobody" in content["error"]
    assert "spec.forecast.enabled" in content["error"]


async def test_a_replica_that_stands_by_says_that_it_has_none_and_draws_none(site: Site) -> None:
    site.put()
    site.rows[SHOP] = [a_forecast()]
    site.leads = False
    async with site.client.get("/api/v1/forecast/default/shop") as response:
        content = await response.json()
    assert (response.status, content["leader"]) == (503, False)
    assert "ask the one that leads" in content["error"]
    assert 'class="band"' not in await site.page()
    assert site.asked == []


async def test_the_page_shows_the_curve_of_the_metric_that_it_tells_of(site: Site) -> None:
    site.put(metric="rps")
    site.rows[SHOP] = [a_forecast(), a_forecast(metric="rps", load=70.0)]
    text = await site.page()
    assert "rps over the next 12 h: 70 now, median up to 6, 95% quantile up to 10" in text
    assert text.count('class="band"') == 1
    assert 'href="api/v1/forecast/default/shop"' in text


async def test_the_page_shows_none_where_there_is_none(site: Site) -> None:
    site.put()
    assert 'class="band"' not in await site.page()
    site.rows[SHOP] = [a_forecast(curve=[], curveMessage="no curve yet")]
    assert 'class="band"' not in await site.page()
    site.rows[SHOP].append(a_forecast(metric="rps"))
    assert "rps over the next 12 h" in await site.page()  # cpu, which is told of, has none


async def test_a_page_of_many_objects_draws_only_the_first_ones(site: Site) -> None:
    for number in range(SHOWN_CURVES + 3):
        site.put(ObjectKey("default", f"shop-{number:03}"))
    await site.page()
    assert site.asked == [sorted(site.board.autoscalers)[:SHOWN_CURVES]]


async def test_a_name_from_the_cluster_becomes_no_markup(site: Site) -> None:
    site.put(metric=EVIL)
    site.rows[SHOP] = [a_forecast(metric=EVIL)]
    text = await site.page()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_the_curve_begins_now_is_level_over_each_stretch_and_lies_in_its_band() -> None:
    svg = curve_chart(a_forecast())
    median, band = corners(svg, "median"), corners(svg, "band")
    upper = band[: len(median)]
    assert band[len(median) :] == median[::-1]
    assert [x for x, _ in upper] == [x for x, _ in median]
    assert median[0][0] == 3.0
    assert median[-1][0] == WIDTH - 3.0
    assert all(one[1] == other[1] for one, other in zip(median[::2], median[1::2], strict=True))
    assert all(high[1] <= middle[1] <= HEIGHT for high, middle in zip(upper, median, strict=True))
    assert min(y for _, y in upper) == 3.0  # the highest of all touches the top


def test_a_load_of_nothing_is_a_line_at_the_bottom() -> None:
    curve = [
        {"at": "2027-01-15T08:04:00Z", "median": 0.0, "upper": 0.0},
        {"at": "2027-01-15T08:30:00Z", "median": 0.0, "upper": 0.0},
    ]
    svg = curve_chart(a_forecast(load=0.0, curve=curve))
    assert {y for _, y in corners(svg, "median")} == {HEIGHT - 3.0}
    assert "over the next 30 min" in svg
