"""The healing loop: pods, nodes and workloads from the caches -> decide -> reserve, evict, settle -> report.

A replica that does not lead does nothing here at all. With the setting `acts` off, or mode Observe, the verdicts are reported
and nothing is done. The budget of a policy is the book in its status: whoever cannot write it first does not act.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from autoscaler import telemetry
from autoscaler.api.parse import healing_policy
from autoscaler.api.types import HealingPolicy
from autoscaler.clients.kube.views import node_ready, workload_view
from autoscaler.clients.ports import Json
from autoscaler.errors import ForesailError, InvalidObject
from autoscaler.healing.book import from_status
from autoscaler.healing.decide import decide
from autoscaler.healing.types import Decision, Limits, Observation, PodDecision, State, Verb
from autoscaler.loops import heal_status, status
from autoscaler.loops.context import POLICIES, Context
from autoscaler.loops.heal_act import Acted, evict_all
from autoscaler.loops.heal_report import HealReporter
from autoscaler.loops.pods import PodIndex, Pods
from autoscaler.loops.series import SeriesBook
from autoscaler.loops.status import StatusBook, key_of
from autoscaler.model import ObjectKey, WorkloadKey, WorkloadView
from autoscaler.reasons import Reason

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _World:
    """What is the same for all policies of a pass."""

    pods: Pods
    workloads: Mapping[WorkloadKey, WorkloadView]
    nodes_not_ready: frozenset[str]
    age_s: float


@dataclass(slots=True)
class HealLoop:
    """Holds what was told and written; the book of acts is in the policies' statuses."""

    context: Context
    index: PodIndex
    _statuses: StatusBook = field(init=False)
    _reporter: HealReporter = field(init=False)
    _series: SeriesBook = field(default_factory=SeriesBook)
    _shown: set[ObjectKey] = field(default_factory=set)
    _acted: dict[WorkloadKey, tuple[ObjectKey, float]] = field(default_factory=dict)  # last act: by which policy, when

    def __post_init__(self) -> None:
        self._statuses = StatusBook(self.context.kube, POLICIES)
        self._reporter = HealReporter(self.context)

    async def once(self) -> None:
        """One pass over all policies."""
        if not self.context.leads():
            self._keep_only(set())
            telemetry.OBJECTS.remove_by_labels({"kind": POLICIES})
            return
        objects = sorted(self.context.stores.policies.items(), key=key_of)
        self._keep_only({key_of(obj) for obj in objects})
        world, valid = self._look(), 0
        over_s = self.context.clock.now_s() - self.context.settings.healing.outcome_s
        self._acted = {workload: act for workload, act in self._acted.items() if act[1] > over_s}
        for obj in objects:
            try:
                valid += await self._serve(obj, world)
            except Exception:  # an error of ours must not stop the pass for the others
                log.exception("object_failed", kind="HealingPolicy", policy=str(key_of(obj)))
        telemetry.OBJECTS.labels(POLICIES, "true").set(valid)
        telemetry.OBJECTS.labels(POLICIES, "false").set(len(objects) - valid)

    def _look(self) -> _World:
        stores = self.context.stores
        views = (workload_view({**obj, "kind": kind}) for kind, store in stores.workloads.items() for obj in store.items())
        watched = (stores.pods, stores.replica_sets, stores.nodes, *stores.workloads.values())
        return _World(
            pods=self.index.look(),
            workloads={view.key: view for view in views},
            nodes_not_ready=frozenset(obj["metadata"]["name"] for obj in stores.nodes.items() if not node_ready(obj)),
            age_s=max(store.age_s() for store in watched),
        )

    async def _serve(self, obj: Json, world: _World) -> bool:
        """Serve one policy; return whether it is valid."""
        self._shown.add(key_of(obj))
        try:
            policy = healing_policy(obj)
        except InvalidObject as error:
            await self._refuse(obj, error)
            return False
        now_s = self.context.clock.now_s()
        before = self._statuses.current(obj)
        limits = Limits(outcome_s=self.context.settings.healing.outcome_s)
        observation = _observation(policy, world)
        decision, state = decide(observation, policy.spec, from_status(before), now_s, limits)
        decision = replace(decision, pods=tuple(self._held(key_of(obj), one) for one in decision.pods))
        acted = await self._act(obj, policy, decision, state)
        if acted.leads:
            await self._report(obj, policy, replace(decision, pods=acted.pods), acted)
        return True

    def _held(self, policy: ObjectKey, one: PodDecision) -> PodDecision:
        """Take back an eviction that the service's own switch or an act under another policy forbids."""
        if one.verb is not Verb.EVICT or one.pod.workload is None:
            return one
        if switch := self._switched_off():
            text = f"{one.message} Not done: the setting {switch} is false."
            return replace(one, verb=Verb.NOTIFY, reason=Reason.ACTS_DISABLED, message=text)
        other, at_s = self._acted.get(one.pod.workload, (policy, 0.0))
        left_s = at_s + self.context.settings.healing.outcome_s - self.context.clock.now_s()
        if other != policy and left_s > 0:
            text = f"{one.message} Not done: policy {other} acted on its workload; its outcome is known in {left_s:.0f} s."
            return replace(one, verb=Verb.REFUSE, reason=Reason.PENDING_OUTCOME, message=text)
        return one

    async def _act(self, obj: Json, policy: HealingPolicy, decision: Decision, state: State) -> Acted:
        """Evict what is to be evicted; return all pods' decisions as they ended."""
        chosen = [one for one in decision.pods if one.verb is Verb.EVICT]
        if not chosen:
            return Acted(decision.pods, state, written=False)
        before, moment = self._statuses.current(obj), self._moment()

        def status_of(reserved: State) -> Json:
            return heal_status.of_pass(policy, decision, reserved, before, moment)

        acted = await evict_all(self.context, self._statuses, obj, status_of, (chosen, state))
        ended = {one.pod.uid: one for one in acted.pods}
        for one in acted.pods:
            if one.verb is Verb.EVICT and one.pod.workload:
                self._acted[one.pod.workload] = (key_of(obj), moment.now_s)
        return replace(acted, pods=tuple(ended.get(one.pod.uid, one) for one in decision.pods))

    async def _report(self, obj: Json, policy: HealingPolicy, decision: Decision, acted: Acted) -> None:
        """Write the status, then tell; outcomes only when they are written, or the next pass would tell them again."""
        key = key_of(obj)
        after = heal_status.of_pass(policy, decision, acted.state, self._statuses.current(obj), self._moment())
        self._series.show(key, heal_status.series(key, decision))
        self.context.board.policies[key] = {
            "mode": policy.spec.mode.value,
            "message": decision.message,
            "pods": [{"name": one.pod.name, "verb": one.verb.value, "why": one.message} for one in decision.pods],
            "status": after,
        }
        written = await self._write(obj, after)
        await self._reporter.pods(obj, decision.pods)
        if written:
            await self._reporter.outcomes(obj, decision.outcomes)
        if decision.pods or decision.outcomes:
            log.info("healing_pass", policy=str(key), healthy=decision.healthy, message=decision.message)

    async def _refuse(self, obj: Json, error: InvalidObject) -> None:
        before, now_s = self._statuses.current(obj), self.context.clock.now_s()
        generation = int(obj["metadata"].get("generation", 0))
        after = heal_status.of_refused(error.errors, generation, before, now_s)
        self._series.show(key_of(obj), {})
        self.context.board.policies[key_of(obj)] = {"mode": "", "message": str(error), "pods": [], "status": after}
        known = status.find(before, "Valid")
        new = known.get("status") != "False" or known.get("observedGeneration") != generation
        if await self._write(obj, after) and new:
            await self._reporter.invalid(obj, str(error))

    async def _write(self, obj: Json, after: Json) -> bool:
        """Return whether the status is in the API; a failed write is tried again by the next pass."""
        try:
            problem = await self._statuses.write(obj, after)
        except ForesailError as error:
            log.warning("status_not_written", kind="HealingPolicy", policy=str(key_of(obj)), error=str(error))
            return False
        if problem is not None:
            log.info("status_left_to_next_pass", kind="HealingPolicy", policy=str(key_of(obj)), why=problem.value)
        return problem is None

    def _moment(self) -> heal_status.Moment:
        return heal_status.Moment(self.context.clock.now_s(), self._switched_off())

    def _switched_off(self) -> str | None:
        """Return the setting that forbids all evictions; None when they are allowed."""
        settings = self.context.settings
        return "acts" if not settings.acts else "healing.acts" if not settings.healing.acts else None

    def _keep_only(self, keys: set[ObjectKey]) -> None:
        """Remove the series, rows and memories of policies that are gone."""
        for key in self._shown - keys:
            self._series.forget(key)
            names = {"namespace": key.namespace, "name": key.name}
            telemetry.REFUSALS.remove_by_labels(names)
            for act in ("evict", "outcome"):  # not those of a PredictiveAutoscaler of the same name
                telemetry.ACTS.remove_by_labels({**names, "act": act})
            self._reporter.forget(key)
            self.context.board.forget_policy(key)
        self._shown &= keys
        self._statuses.keep_only(keys)


def _observation(policy: HealingPolicy, world: _World) -> Observation:
    pods = world.pods.select(policy.metadata.namespace, policy.spec.selector)
    owners = {pod.workload for pod in pods if pod.workload}
    workloads = tuple(world.workloads[key] for key in sorted(owners) if key in world.workloads)
    return Observation(pods, workloads, world.nodes_not_ready, world.age_s)
