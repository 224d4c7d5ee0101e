"""The demonstration from beginning to end: bring up, let it run without touching it, compare, take down."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from demo import evidence, manifests, report, view
from demo.cluster import Cluster
from demo.cluster.report import Reporter
from demo.constants import FORECAST_TWIN, NAMESPACE, PATIENT, PLAN, REACTIVE_TWIN, SEASON, SYSTEM_NAMESPACE
from demo.observe import Observer, Places
from demo.stack import APP_IMAGE, RELEASE, Stack, as_list, bring_up
from demo.story import Story

HEAD_START_S = 5.0  # between the decision to begin and the first request
POLICIES_BEFORE_S = 8.0  # the first midnight: a whole rate window of the lead-in has been scraped by then
LEAD_IN_S = 25.0  # of night before the first midnight, so that the first rate that is measured is no ramp from nothing
LINE_EVERY_S = 10.0  # without a terminal
GUARD_EVERY_S = 5.0
SERVICE_PORT = 8080  # of the chart's Service


@dataclass(frozen=True, slots=True)
class Run:
    """One demonstration."""

    cluster: Cluster
    out: Path
    reporter: Reporter
    console: Console
    days: int

    def play(self) -> Stack:
        """Do all of it; the story, the table and the picture are in `out` at the end."""
        stack = bring_up(self.cluster, self.out, self.reporter)
        with self.reporter.step("sample app, its twin and the patient"):
            self.cluster.apply(as_list(manifests.workloads(APP_IMAGE)))
            self._wait_ready()
        story = Story(start_s=time.time() + HEAD_START_S + LEAD_IN_S, day_s=SEASON.day_s)
        stack.start_traffic([FORECAST_TWIN, REACTIVE_TWIN], story.start_s, self.days * SEASON.day_s, lead_in_s=LEAD_IN_S)
        time.sleep(max(0.0, story.start_s - POLICIES_BEFORE_S - time.time()))
        self.cluster.apply(as_list(manifests.policies()))
        self._announce()
        try:
            asyncio.run(self._watch(stack, story))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group  # one task failed, the others were only told to stop
        self._finish(stack, story)
        return stack

    def _wait_ready(self) -> None:
        for name in (FORECAST_TWIN, REACTIVE_TWIN, PATIENT):
            self.cluster.kubectl("rollout", "status", f"deployment/{name}", "-n", NAMESPACE, "--timeout=120s")

    def _announce(self) -> None:
        minutes = self.days * SEASON.day_s / 60
        self.reporter.say(
            f"Traffic begins: {self.days} compressed days of {SEASON.day_s:.0f} s, {minutes:.0f} min in all. The first"
            f" {PLAN.learning_days} are for learning; nobody touches anything from here on, but that one pod of"
            f" `{PATIENT}` is broken on the first afternoon."
        )

    async def _watch(self, stack: Stack, story: Story) -> None:
        places = Places(self.cluster.kubeconfig, stack.prometheus_url, stack.traffic, stack.webhooks)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Observer(places, story).run(over))
            tasks.create_task(self._break_one(story))
            guard = tasks.create_task(self._guard())
            await self._show(story, until_s=story.start_s + self.days * SEASON.day_s + PLAN.timeout_s + 2.0)
            guard.cancel()
            over.set()

    async def _guard(self) -> None:
        """Raise ClusterError as soon as a part of the cluster has ended: what is shown then would be no demonstration."""
        while True:
            await asyncio.to_thread(self.cluster.check_components)
            await asyncio.sleep(GUARD_EVERY_S)

    async def _break_one(self, story: Story) -> None:
        await asyncio.sleep(max(0.0, story.start_s + PLAN.break_pod_at_day * SEASON.day_s - time.time()))
        await asyncio.to_thread(break_pod, self.cluster, PATIENT)

    async def _show(self, story: Story, until_s: float) -> None:
        if self.console.is_terminal:
            with Live(view.render(story), console=self.console, refresh_per_second=2, transient=True) as live:
                await _every(0.5, until_s, lambda: live.update(view.render(story)))
        else:
            await _every(LINE_EVERY_S, until_s, lambda: self.reporter.say(view.line(story)))

    def _finish(self, stack: Stack, story: Story) -> None:
        story.save(self.out / "story.json")
        report.picture(story, self.out / "twins.png")
        for message in story.messages:
            self.console.print(view.describe(message, story.day_s), markup=False, highlight=False, soft_wrap=True)
        for line in evidence.lines(stack, story):
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        table = report.table(story)
        self.console.print(table)
        self.console.print(report.verdict(story), style="bold", markup=False)
        with (self.out / "twins.txt").open("w", encoding="utf-8") as file:
            Console(file=file, width=100).print(table, report.verdict(story))
        self.console.print(f"Picture, table and all figures: {self.out}/twins.png, twins.txt, story.json", markup=False)


async def _every(seconds: float, until_s: float, do: Callable[[], None]) -> None:
    while time.time() < until_s:
        do()
        await asyncio.sleep(min(seconds, max(0.0, until_s - time.time())))


def break_pod(cluster: Cluster, workload: str) -> str:
    """Make one Ready pod of a workload fail its readiness for good, while its liveness passes; return its name."""
    text = cluster.kubectl("get", "pods", "-n", NAMESPACE, "-l", f"app={workload}", "-o", "json")
    for pod in json.loads(text)["items"]:
        conditions = {one["type"]: one["status"] for one in pod.get("status", {}).get("conditions", [])}
        if conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]:
            name = str(pod["metadata"]["name"])
            cluster.kubectl("exec", "-n", NAMESPACE, name, "--", "python3", "-c", "open('/tmp/broken', 'w')")
            return name
    raise LookupError(f"no pod of {NAMESPACE}/{workload} is Ready, so none can be broken")


def look_around(stack: Stack) -> str:
    """Say how to look around in a cluster that stays up."""
    python = sys.executable
    address = stack.cluster.kubectl("get", "service", RELEASE, "-n", SYSTEM_NAMESPACE, "-o", "jsonpath={.spec.clusterIP}")
    page = stack.cluster.forward(address.strip(), SERVICE_PORT)
    return "\n".join(
        [
            "The cluster stays up, without traffic: what needs its rate holds. To look around:",
            f"  export KUBECONFIG={stack.cluster.kubeconfig}",
            f"  {python} -m demo.cluster kubectl get predictiveautoscalers,healingpolicies -n {NAMESPACE}",
            f"  {python} -m demo.cluster kubectl describe pa {FORECAST_TWIN} -n {NAMESPACE}",
            f"  status page: http://127.0.0.1:{page}/    Prometheus' API: {stack.prometheus_url}",
            f"  {python} -m demo.cluster status",
            "To end it: make clean (everything), or only the cluster:",
            f"  {python} -m demo.cluster down",
        ]
    )
