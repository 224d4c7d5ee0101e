"""Watches the demonstration from outside, once a second: the API server, Prometheus, and the files of traffic and receiver.

What cannot be read just now is left out of the story; the next second tries again.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes_asyncio import client, config
from kubernetes_asyncio.client.exceptions import ApiException

from demo.constants import FORECAST_TWIN, NAMESPACE, PATIENT, REACTIVE_TWIN
from demo.story import Expectation, Message, Replicas, Second, Story

WATCHED = (FORECAST_TWIN, REACTIVE_TWIN, PATIENT)
METRIC = "prometheus-0"  # requests per second: the one metric of the object


@dataclass(slots=True)
class Tail:
    """Reads the whole lines that were added to a file since the last look."""

    path: Path
    offset: int = 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """Give each new line as JSON; a line that is not whole yet waits for the next look."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self.offset += len(line)
                yield json.loads(line)


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look."""

    kubeconfig: Path
    prometheus_url: str
    traffic: Path
    webhooks: Path


@dataclass(slots=True)
class Observer:
    """Fills a story."""

    places: Places
    story: Story
    failures: dict[str, int] = field(default_factory=dict)

    async def run(self, until: asyncio.Event) -> None:
        """Look once a second until told to stop, and once more after that."""
        traffic, webhooks = Tail(self.places.traffic), Tail(self.places.webhooks)
        await config.load_kube_config(config_file=str(self.places.kubeconfig))
        async with client.ApiClient() as api, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as web:
            while True:
                last = until.is_set()
                begin = time.monotonic()
                await asyncio.gather(self._replicas(client.AppsV1Api(api)), self._expectation(web))
                self.story.seconds += [Second(**line) for line in traffic.lines()]
                self.story.messages += [message(line, self.story.start_s) for line in webhooks.lines()]
                if last:
                    return
                await _wait(until, 1.0 - (time.monotonic() - begin))

    def _now_s(self) -> float:
        return time.time() - self.story.start_s

    async def _replicas(self, apps: client.AppsV1Api) -> None:
        try:
            answer = await apps.list_namespaced_deployment(NAMESPACE, _request_timeout=5)
        except (ApiException, aiohttp.ClientError, TimeoutError, OSError):
            self._failed("kubernetes")
            return
        at = self._now_s()
        for item in answer.items:
            if item.metadata.name in WATCHED:
                counts = (item.spec.replicas or 0, item.status.replicas or 0, item.status.ready_replicas or 0)
                self.story.replicas.append(Replicas(at, item.metadata.name, *counts))

    async def _expectation(self, web: aiohttp.ClientSession) -> None:
        labels = f'namespace="{NAMESPACE}",name="{FORECAST_TWIN}",metric="{METRIC}"'
        names = ("metric_load", "forecast_peak", "forecast_gate_open", "forecast_lost_ratio")
        query = "{" + f'__name__=~"foresail_({"|".join(names)})",{labels}' + "}"
        try:
            async with web.get(f"{self.places.prometheus_url}/api/v1/query", params={"query": query}) as answer:
                found = (await answer.json())["data"]["result"]
        except (aiohttp.ClientError, TimeoutError, OSError, KeyError, ValueError):
            self._failed("prometheus")
            return
        values = {item["metric"]["__name__"].removeprefix("foresail_"): float(item["value"][1]) for item in found}
        expectation = Expectation(
            self._now_s(),
            load=values.get("metric_load"),
            peak=values.get("forecast_peak"),
            gate_open=values.get("forecast_gate_open", 0.0) > 0,
            lost_ratio=values.get("forecast_lost_ratio"),
        )
        self.story.expectations.append(expectation)

    def _failed(self, what: str) -> None:
        self.failures[what] = self.failures.get(what, 0) + 1


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), timeout=max(0.05, seconds))
    except TimeoutError:
        return


def message(line: dict[str, Any], start_s: float) -> Message:
    """Turn one line of the receiver into a message of the story."""
    body = line["body"]
    second = line["at"] - start_s
    if line["path"] == "/alertmanager":
        names = sorted({alert["labels"].get("alertname", "?") for alert in body.get("alerts", [])})
        return Message(second, "alertmanager", body.get("status", "?"), signed=False, text=", ".join(names), data=body)
    data = body.get("data", {})
    name = next((data[kind]["name"] for kind in ("object", "policy") if kind in data), "")
    text = f"{name}: {data.get('message', '')}" if name else str(data.get("message", ""))
    return Message(second, "foresail", body.get("type", "?"), line["signed"], text, data)
