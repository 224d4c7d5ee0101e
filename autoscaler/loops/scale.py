"""The scaling loop: observe -> decide -> act -> report, for all PredictiveAutoscalers in one pass.

A replica that does not lead does nothing here at all: it asks nothing, decides nothing and writes nothing, only its caches
stay warm. In mode Observe, with the setting `acts` off, or where another already scales the target, everything happens but
the write of the scale: decision, status, series and page say what would be done. What fails for one object is reported for
that object, and the pass goes on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from autoscaler import telemetry
from autoscaler.api.restored import is_restored
from autoscaler.api.types import Mode
from autoscaler.clients.ports import Target
from autoscaler.loops import overlaps, scale_past, scale_status, status
from autoscaler.loops.cap import AddedPods, capped, divide
from autoscaler.loops.contest_guard import ContestGuard
from autoscaler.loops.context import AUTOSCALERS, Context
from autoscaler.loops.dates import holidays_of
from autoscaler.loops.floor import FloorPlan, Floors
from autoscaler.loops.forecast_book import ForecastBook
from autoscaler.loops.leads import lead_s
from autoscaler.loops.observe import PARALLEL_REQUESTS, Fleet, Seen, Served, observe, stale_orders, stale_watch
from autoscaler.loops.outage import Outage
from autoscaler.loops.pods import PodIndex
from autoscaler.loops.restore import Restorer
from autoscaler.loops.rivals import Others
from autoscaler.loops.rivals import find as find_rivals
from autoscaler.loops.scale_act import carry_out
from autoscaler.loops.scale_report import Reporter
from autoscaler.loops.scale_status import Outcome, Report, Result
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.decide import after_blindness, changed, decide, initial_state, policy_of, record_scale
from autoscaler.scaling.types import Action, Condition, Decision, Policy, Source, State
from autoscaler.scaling.zero import SCALED_TO_ZERO

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Memory:
    """What one decision hands to the next, for this very object and target."""

    uid: str
    target: Target
    state: State
    blind_since_s: float | None = None  # since when the load has not been known; None: it was, the last time
    replicas: int | None = None  # that were seen last


@dataclass(frozen=True, slots=True)
class _Plan:
    """One object in the middle of a pass: what is to be done, and what may keep it from being done."""

    seen: Seen
    decision: Decision | None  # None: its target cannot be scaled
    brake: Condition  # the condition Acting
    rival: str | None  # who else scales the target
    floor: FloorPlan | None = None  # in mode HPAFloor: what takes the place of scaling


@dataclass(slots=True)
class ScaleLoop:
    """Holds what decisions hand to each other; `once` is one pass."""

    context: Context
    index: PodIndex
    forecasts: ForecastBook
    _memory: dict[ObjectKey, _Memory] = field(default_factory=dict)
    _added: AddedPods = field(default_factory=AddedPods)
    _outage: Outage = field(default_factory=lambda: Outage("scale"))
    _reporter: Reporter = field(init=False)
    _guard: ContestGuard = field(init=False)
    _floors: Floors = field(init=False)
    _restorer: Restorer = field(init=False)

    def __post_init__(self) -> None:
        self._reporter = Reporter(self.context)
        self._guard = ContestGuard(self.context)
        self._floors = Floors(self.context)
        self._restorer = Restorer(self.context, self._reporter.statuses)

    async def once(self) -> None:
        """One pass over all objects."""
        if not self.context.leads():
            self._stand_down()
            return
        fleet = await observe(self.context, self.index, self.forecasts.of)
        self._outage.note(self.context, fleet.outage)
        self._reporter.prometheus(fleet.outage)
        self._forget_gone(fleet)
        bound = asyncio.Semaphore(PARALLEL_REQUESTS)

        async def finish(plan: _Plan) -> Outcome:
            async with bound:
                try:
                    return await self._finish(plan)
                except Exception:  # an error of ours must not stop the pass for the others
                    key = plan.seen.served.key
                    log.exception("object_failed", namespace=key.namespace, name=key.name)
                    return Outcome(Result.FAILED)

        outcomes = await asyncio.gather(*map(finish, self._cap(self._plan(fleet))))
        if self.context.settings.acts and not stale_orders(self.context):
            await self._floors.sweep()
        await self._restorer.let_go()
        for refused in fleet.refused:
            try:
                await self._reporter.refused(refused)
            except Exception:  # likewise
                log.exception("object_failed", namespace=refused.key.namespace, name=refused.key.name)
        self._summarise(fleet, outcomes)

    def _plan(self, fleet: Fleet) -> list[_Plan]:
        """Decide about all objects, and find out for which the decision may be carried out."""
        hpas = self.context.stores.hpas
        stale = stale_orders(self.context)
        keda = self.context.stores.scaled_objects
        others = Others(hpas.items() if hpas else (), keda.items() if keda else ())
        rivals = find_rivals([one.served for one in fleet.seen], others)
        plans = []
        self._floors.begin(fleet)
        for one in _without_ambiguous(fleet.seen, rivals):
            key, mode = one.served.key, one.served.autoscaler.spec.mode
            other = True if key in rivals else None if hpas is None else False
            brake = scale_status.acting(mode, acts=self.context.settings.acts, scaled_by_other=other)
            if brake.status and stale:
                brake = replace(brake, status=False, reason=Reason.REFUSED_STALE, message=stale)
            if rival := rivals.get(key):  # who says more than who contests it
                brake = _left_to(rival, brake) if mode is Mode.SCALE else brake
            else:
                brake = self._guard.brake(one.served, brake)
            plans.append(self._with_floor(_Plan(one, self._decide(one), brake, rival)))
        return plans

    def _with_floor(self, plan: _Plan) -> _Plan:
        """Return the plan of an object of mode HPAFloor with what becomes of the floor; any other as it is."""
        spec = plan.seen.served.autoscaler.spec
        if spec.mode is not Mode.HPA_FLOOR:
            return plan
        brake, stale = plan.brake, stale_watch(self.context)
        if brake.status and stale:
            brake = replace(brake, status=False, reason=Reason.REFUSED_STALE, message=stale)
        policy = self._policy_of(plan.seen.served)
        return replace(plan, floor=self._floors.plan(plan.seen, plan.decision, policy, brake))

    def _decide(self, one: Seen) -> Decision | None:
        """Return the decision about one object and keep its state; None when its target cannot be scaled."""
        observation = one.observation
        if observation is None:
            return None
        now_s, settings = self.context.clock.now_s(), self.context.settings
        uid, spec = one.served.autoscaler.metadata.uid, one.served.autoscaler.spec
        known = self._memory.get(one.served.key)
        if known is None or (known.uid, known.target) != (uid, one.served.target):
            read = known is None and not settings.scaling.exact_hpa  # with another target, they are of the one before
            known = _Memory(uid, one.served.target, first_state(one.served, observation.spec_replicas, now_s, events=read))
        try:
            policy = self._policy_of(one.served)
            holidays = (holidays_of(spec, settings.forecast) or ()) if spec.forecast.enabled else ()
            if policy.schedules or holidays:
                named = [*(day for schedule in policy.schedules for day in schedule.exclude), *holidays]
                policy = replace(policy, holidays=holidays, calendars=self.context.calendars.days(named, now_s))
            if spec.mode is Mode.HPA_FLOOR:
                known = _as_the_hpa_scaled(known, observation.spec_replicas, policy, now_s)
            decision, state = decide(observation, policy, known.state, now_s)
            if not settings.scaling.exact_hpa and _sees_again(known, decision, now_s, settings.prometheus.rate_window_s):
                decision, state = decide(observation, policy, after_blindness(known.state, decision.current, now_s), now_s)
        except Exception:  # likewise
            log.exception("decision_failed", namespace=one.served.key.namespace, name=one.served.key.name)
            return _undecided(observation.spec_replicas)
        since_s = now_s if known.blind_since_s is None else min(now_s, known.blind_since_s)
        blind_since_s = None if Source.REACTIVE in decision.candidates else since_s
        seen_last = observation.spec_replicas
        self._memory[one.served.key] = replace(known, state=state, blind_since_s=blind_since_s, replicas=seen_last)
        return decision

    def _cap(self, plans: list[_Plan]) -> list[_Plan]:
        """Bound the pods that are added in the cluster, where a cap is set."""
        cap = self.context.settings.scaling.max_added_pods_per_minute
        left = self._added.left(cap, self.context.clock.now_s())
        if left is None:
            return plans
        wishes = [(plan.seen.served.key, wish) for plan in plans if (wish := _wish(plan))]
        granted = divide(wishes, left)
        bounded = {key: capped(decision, granted[key], cap) for key, decision in wishes}
        return [_bounded(plan, bounded.get(plan.seen.served.key)) for plan in plans]

    async def _finish(self, plan: _Plan) -> Outcome:
        """Act on one object and report; what fails here is this object's."""
        served, spec = plan.seen.served, plan.seen.served.autoscaler.spec
        restored = is_restored(spec.mode, spec.on_delete)
        if not restored:
            await self._restorer.release(served.obj)
        if plan.floor:
            return await self._finish_floor(plan, plan.floor)
        outcome = _blocked(plan)
        if restored and plan.decision and plan.brake.status and not plan.rival:
            outcome = await self._restorer.prepare(served, plan.decision.current) or outcome
        if outcome is None and plan.decision:
            outcome = await carry_out(self.context, served, plan.decision, self._guard.judge)
            if outcome.result is Result.DONE:
                self._record(served, plan.decision)
                self._guard.wrote(served, plan.decision)
        outcome = outcome or Outcome(Result.HELD)
        if outcome.reason is Reason.NOT_LEADER:
            return outcome  # whoever leads now reports; a word from here would contradict it
        told = plan.brake if plan.rival else self._guard.brake(served, plan.brake)  # a read before the write may say more
        await self._reporter.served(Report(plan.seen, plan.decision, outcome, told, self._lead_s(served)))
        return outcome

    async def _finish_floor(self, plan: _Plan, floor: FloorPlan) -> Outcome:
        """Act on the HPA of one object and report: its target is the HPA's to scale."""
        done = await self._floors.carry_out(floor)
        if done.outcome.reason is Reason.NOT_LEADER:
            return done.outcome
        self._added.record(self.context.clock.now_s(), done.added)
        brake = done.brake
        held = Outcome(Result.HELD) if brake.status else Outcome(Result.BLOCKED, brake.reason, brake.message)
        lead = self._lead_s(plan.seen.served)
        act = done.told(plan.decision) if plan.decision and floor.hpa else None
        await self._reporter.served(Report(plan.seen, plan.decision, held, brake, lead, done.status, act))
        return act.outcome if act else done.outcome

    def _policy_of(self, served: Served) -> Policy:
        settings = self.context.settings
        return policy_of(served.autoscaler.spec, settings.scaling, settings.prometheus.max_age_s, self._lead_s(served))

    def _lead_s(self, served: Served) -> float | None:
        spec = served.autoscaler.spec
        ahead_s = lead_s(spec, self.forecasts.ready_s(served.target), self.context.settings)
        return ahead_s if spec.forecast.enabled else None

    def _record(self, served: Served, decision: Decision) -> None:
        known, now_s = self._memory[served.key], self.context.clock.now_s()
        policy = self._policy_of(served)
        self._memory[served.key] = replace(known, state=changed(known.state, decision, policy, now_s))
        self._added.record(now_s, max(0, decision.desired - decision.current))

    def _forget_gone(self, fleet: Fleet) -> None:
        """Drop state, series and rows of objects that are no longer there."""
        valid = {one.served.key for one in fleet.seen}
        for key in self._memory.keys() - valid:
            del self._memory[key]
        self._guard.keep_only(valid)
        self._reporter.keep_only(valid | {one.key for one in fleet.refused})

    def _stand_down(self) -> None:
        """Forget everything: whoever leads decides, and the state here would be old by the time this replica leads again."""
        self._memory.clear()
        self._floors.forget()
        self._added = AddedPods()
        self._guard.keep_only(())
        self._reporter.keep_only(set())
        telemetry.OBJECTS.remove_by_labels({"kind": AUTOSCALERS})

    def _summarise(self, fleet: Fleet, outcomes: list[Outcome]) -> None:
        telemetry.OBJECTS.labels(AUTOSCALERS, "true").set(len(fleet.seen))
        telemetry.OBJECTS.labels(AUTOSCALERS, "false").set(len(fleet.refused))
        counts = {result.value: sum(one.result is result for one in outcomes) for result in Result}
        log.info("scaling_pass", objects=len(fleet.seen), invalid=len(fleet.refused), **counts)


def _without_ambiguous(seen: Sequence[Seen], rivals: Mapping[ObjectKey, str]) -> list[Seen]:
    """Return what was seen, without the pods of objects that scale by the same ones."""
    scaling = [one for one in seen if one.served.autoscaler.spec.mode is Mode.SCALE and one.served.key not in rivals]
    faults = overlaps.find({one.served.key: one.observation.pods for one in scaling if one.observation})
    return [
        replace(one, observation=replace(one.observation, selector_fault=fault, forecasts=()))
        if one.observation and (fault := faults.get(one.served.key))
        else one
        for one in seen
    ]


def _as_the_hpa_scaled(known: _Memory, replicas: int, policy: Policy, now_s: float) -> _Memory:
    """Return the state with what the HPA has done since, so that the speed that its policies allow is not used twice."""
    if known.replicas is None or known.replicas == replicas:
        return known
    return replace(known, state=record_scale(known.state, known.replicas, replicas, now_s, policy.behavior))


def _wish(plan: _Plan) -> Decision | None:
    """Return what would add pods, if it may be carried out."""
    if plan.floor:
        return plan.floor.wish
    up = plan.decision and plan.decision.action is Action.SCALE_UP and _blocked(plan) is None
    return plan.decision if up else None


def _bounded(plan: _Plan, decision: Decision | None) -> _Plan:
    """Return a plan after the cap; None: it adds nothing."""
    if decision is None:
        return plan
    return replace(plan, floor=plan.floor.bounded(decision)) if plan.floor else replace(plan, decision=decision)


def _left_to(rival: str, brake: Condition) -> Condition:
    """Return the condition Acting of an object in mode Scale whose target somebody else scales."""
    if not brake.status:
        return brake
    text = f"{rival} already scales the target, and two would fight; delete one of them or set mode to Observe"
    return replace(brake, status=False, reason=Reason.TARGET_CONFLICT, message=text)


def _blocked(plan: _Plan) -> Outcome | None:
    """Return why a decision is not carried out; None when it may be."""
    if plan.decision is None:
        return Outcome(Result.BLOCKED)
    if plan.brake.reason is Reason.TARGET_CONFLICT:
        return Outcome(Result.BLOCKED, plan.brake.reason, plan.brake.message)
    if plan.decision.action is Action.HOLD:
        return Outcome(Result.HELD)
    return None if plan.brake.status else Outcome(Result.BLOCKED, plan.brake.reason, plan.brake.message)


def first_state(served: Served, spec_replicas: int, now_s: float, *, events: bool) -> State:
    """Return the state of an object that is seen for the first time, with what its status tells of what was before."""
    at_zero, by_pause = _scaled_to_zero(served)
    behavior, said = served.autoscaler.spec.behavior, served.autoscaler.status
    past = scale_past.read(said, behavior, now_s) if events else ((), ())
    first = initial_state(spec_replicas, now_s, scaled_to_zero=at_zero, paused_to_zero=by_pause, events=past)
    by_schedule = status.find(said, SCALED_TO_ZERO).get("reason") == Reason.SCHEDULE_IN_FORCE.value
    return replace(first, scheduled_to_zero=at_zero is True and by_schedule)


def _scaled_to_zero(served: Served) -> tuple[bool | None, bool]:
    """Return what the object's status says of who went to zero, for one that is seen for the first time.

    Whether it was autoscaling (None: it says nothing), and whether it was so for a pause.
    """
    said = status.find(served.autoscaler.status, SCALED_TO_ZERO)
    if said.get("status") is None:
        return None, False
    at_zero = said["status"] == "True"
    return at_zero, at_zero and said.get("reason") == Reason.PAUSED.value


def _sees_again(known: _Memory, decision: Decision, now_s: float, rate_window_s: float) -> bool:
    """Say whether the load is known again after a time so long that rates begin from nothing and sums may still be partial."""
    if known.blind_since_s is None or Source.REACTIVE not in decision.candidates:
        return False
    return now_s - known.blind_since_s >= rate_window_s


def _undecided(replicas: int) -> Decision:
    """Return what stands for a decision that could not be made: hold."""
    text = "the decision failed by an error in the service, which its log shows; replicas are held"
    condition = Condition(scale_status.ACTIVE, status=False, reason=Reason.FAILED_COMPUTE_METRICS_REPLICAS, message=text)
    return Decision(
        action=Action.HOLD,
        desired=replicas,
        current=replicas,
        reason=Reason.FAILED_COMPUTE_METRICS_REPLICAS,
        message=text,
        candidates={},
        metrics=(),
        conditions=(condition,),
    )
