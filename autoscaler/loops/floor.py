"""Mode HPAFloor: of each object, how high the floor of its HPA should be, and the act that brings it there or takes it away.

An HPA carries marks of ours only while its floor is up. So what is left behind by an object that was deleted or changed, or by
a service that died, is found by looking at the HPAs alone (`sweep`), and whoever leads then gives it back.
"""

from dataclasses import dataclass, field, replace

import structlog

from autoscaler.api.convert.hpa import made_by_keda
from autoscaler.api.field_owners import remedy
from autoscaler.api.floor_standing import Standing, claimant, standing_of
from autoscaler.api.marks import FLOOR_MANAGER
from autoscaler.api.types import Mode
from autoscaler.clients.ports import Json
from autoscaler.loops.contested import WITHIN_S, ContestBook, Rest
from autoscaler.loops.context import Context
from autoscaler.loops.floor_act import Fresh, give_back, move, named, read
from autoscaler.loops.floor_report import FloorReporter, reason_of
from autoscaler.loops.observe import Fleet, Seen, Served
from autoscaler.loops.scale_status import FloorAct, Outcome, Result
from autoscaler.loops.status import key_of, timestamp
from autoscaler.model import ObjectKey
from autoscaler.reasons import Reason
from autoscaler.scaling.floor import Floor, FloorState, floor_of, initial_floor
from autoscaler.scaling.types import Action, Condition, Decision, Policy

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """One object of mode HPAFloor in the middle of a pass; without a floor and without `gives_back` nothing is done."""

    served: Served
    brake: Condition  # the condition Acting
    hpa: Json | None = None
    standing: Standing | None = None
    floor: Floor | None = None
    gives_back: bool = False
    replicas: int = 0  # of the target
    decision: Decision | None = None

    @property
    def wish(self) -> Decision | None:
        """What the floor would add, as a decision that the cluster's cap can bound; None: nothing."""
        if not self.floor or not self.standing or not self.decision:
            return None
        there = max(self.replicas, self.standing.live if self.standing.raised_for else 0)
        if self.floor.replicas <= max(there, self.standing.owner_min):
            return None
        return replace(self.decision, action=Action.SCALE_UP, current=there, desired=self.floor.replicas)

    def bounded(self, decision: Decision) -> "FloorPlan":
        """Return the plan after the cap."""
        if not self.floor or decision.desired == self.floor.replicas:
            return self
        return replace(self, floor=Floor(decision.desired, f"{self.floor.message}; {decision.reason.value} allows no more now"))


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a plan."""

    outcome: Outcome
    brake: Condition
    added: int = 0  # pods
    status: Json = field(default_factory=dict)  # the part `floor` of the object's
    change: tuple[int, int] | None = None  # minReplicas before and after the write, where one was made

    def told(self, decision: Decision) -> FloorAct:
        """Return what came of a decision that the HPA carries out, if anybody does."""
        now = int(self.status.get("minReplicas", 0))
        before, after = self.change or (now, now)
        if self.outcome.result in {Result.FAILED, Result.CONFLICT} or before != after:
            return FloorAct(self.outcome, before, after)
        if not self.brake.status:
            return FloorAct(Outcome(Result.BLOCKED, self.brake.reason, self.brake.message), before, after)
        if decision.action is Action.HOLD:
            return FloorAct(Outcome(Result.HELD), before, after)
        text = f"the HPA scales the target; its minReplicas is {now}"
        return FloorAct(Outcome(Result.LEFT, Reason.MODE_HPA_FLOOR, text), before, after)


@dataclass(slots=True)
class Floors:
    """Remembers what was asked for within the window, and who sets floors back."""

    context: Context
    _states: dict[str, FloorState] = field(default_factory=dict)  # by UID
    _contests: ContestBook = field(default_factory=ContestBook)
    _winners: dict[ObjectKey, ObjectKey] = field(default_factory=dict)  # by HPA
    _claimed: frozenset[ObjectKey] = frozenset()  # HPAs that some object names, valid or not
    _reporter: FloorReporter = field(init=False)

    def __post_init__(self) -> None:
        self._reporter = FloorReporter(self.context)

    def begin(self, fleet: Fleet) -> None:
        """Look who claims which HPA: of several objects the oldest wins; forget objects that are gone."""
        asking = [one.served for one in fleet.seen if one.served.autoscaler.spec.mode is Mode.HPA_FLOOR]
        self._winners = {}
        for one in sorted(asking, key=_age):
            self._winners.setdefault(_hpa_key(one.obj), one.key)
        wrong = [one.obj for one in fleet.refused if (one.obj.get("spec") or {}).get("mode") == Mode.HPA_FLOOR.value]
        self._claimed = frozenset({*self._winners, *map(_hpa_key, wrong)})
        uids = {one.autoscaler.metadata.uid for one in asking}
        self._states = {uid: state for uid, state in self._states.items() if uid in uids}
        self._contests.keep_only(self._claimed)
        self._reporter.keep_only({one.key for one in asking})

    def forget(self) -> None:
        """Forget everything, as another replica leads."""
        self._states, self._contests = {}, ContestBook()
        self._reporter.keep_only(set())

    def plan(self, seen: Seen, decision: Decision | None, policy: Policy, brake: Condition) -> FloorPlan:
        """Return what is to become of the floor that an object asks for."""
        served = seen.served
        if served.hpa is None:
            return FloorPlan(served, brake)
        standing = standing_of(served.hpa)
        plan = FloorPlan(served, brake, served.hpa, standing)
        if not brake.status:
            return plan
        if refused := self._refusal(served, served.hpa, standing):
            mine = refused.reason is not Reason.TARGET_CONFLICT
            return replace(plan, brake=refused, gives_back=mine and standing.marked)
        if served.missing:
            return replace(plan, gives_back=standing.marked)
        if decision is None or not decision.candidates or seen.observation is None:
            return plan
        now_s, uid = self.context.clock.now_s(), served.autoscaler.metadata.uid
        raised_to = standing.live if standing.raised_for else None
        known = self._states.get(uid) or initial_floor(raised_to, now_s)
        live = standing.owner_min if raised_to is None else raised_to
        floor, self._states[uid] = floor_of(decision, policy, live, known, now_s)
        return replace(plan, floor=floor, replicas=seen.observation.spec_replicas, decision=decision)

    async def carry_out(self, plan: FloorPlan) -> Done:
        """Bring the floor where it should be, and tell of it; never raises for what the API server answers."""
        standing, hpa = plan.standing, plan.hpa
        if standing is None or hpa is None:
            return Done(Outcome(Result.HELD), plan.brake)
        goal = standing.owner_min if plan.gives_back or plan.floor is None else plan.floor.replicas
        if plan.floor is None and not plan.gives_back:
            done = Done(Outcome(Result.HELD if plan.brake.status else Result.BLOCKED), plan.brake)
        elif _is_there(standing, goal, plan.served.key):
            done = Done(Outcome(Result.HELD), plan.brake)
        else:
            done = await self._act(plan, hpa, standing, goal)
        after = done.change[1] if done.change else standing.live
        brake = _told(plan, done.brake, after)
        await self._reporter.tell(plan.served, brake)
        row = {"name": hpa["metadata"]["name"], "minReplicas": after, "ownerMinReplicas": standing.owner_min}
        return replace(done, brake=brake, status=row)

    async def sweep(self) -> None:
        """Give back what objects that are gone, or are of another mode by now, have left behind; stale sight sees nothing."""
        hpas = self.context.stores.hpas
        for hpa in hpas.items() if hpas else ():
            key = key_of(hpa)
            try:
                if key not in self._claimed:
                    await self._sweep(hpa)
            except Exception:  # an error of ours must not keep the floors of others up, nor stop what comes after
                log.exception("object_failed", kind="HorizontalPodAutoscaler", namespace=key.namespace, name=key.name)

    async def _sweep(self, hpa: Json) -> None:
        if not standing_of(hpa).marked:
            return
        of = claimant(hpa) or key_of(hpa)
        fresh = await read(self.context, hpa)
        outcome = fresh if isinstance(fresh, Outcome) else await give_back(self.context, fresh, of)
        if outcome.reason is not Reason.NOT_LEADER and isinstance(fresh, Fresh):
            await self._reporter.swept(hpa, fresh.standing, outcome, of)

    def _refusal(self, served: Served, hpa: Json, standing: Standing) -> Condition | None:
        """Return why the floor of an HPA is not ours to raise, whatever is decided."""
        where = named(key_of(hpa))
        winner = self._winners.get(key_of(hpa), served.key)
        if winner != served.key:
            text = f"PredictiveAutoscaler {winner} is older and raises the floor of {where} already; delete one of them"
            return _false(Reason.TARGET_CONFLICT, text)
        if scaled_object := made_by_keda(hpa):
            text = (
                f"{where} belongs to ScaledObject {key_of(hpa).namespace}/{scaled_object}, and KEDA would set minReplicas "
                "back: raise minReplicaCount there, or use mode Scale without the ScaledObject"
            )
            return _false(Reason.OWNED_BY_SCALED_OBJECT, text)
        rest = self._contests.rest(key_of(hpa), _order(served), self.context.clock.now_s())
        return _contested(rest, standing) if rest else None

    async def _act(self, plan: FloorPlan, hpa: Json, standing: Standing, goal: int) -> Done:
        context, key, order = self.context, key_of(hpa), _order(plan.served)
        fresh = await read(context, hpa)
        if isinstance(fresh, Outcome):
            return Done(fresh, plan.brake)
        rest = self._contests.saw(key, order, fresh.standing.live, context.clock.now_s())
        brake = _contested(rest, fresh.standing) if rest and plan.brake.status else plan.brake
        if rest or goal <= fresh.standing.owner_min:
            goal = fresh.standing.owner_min
            outcome = await give_back(context, fresh, plan.served.key)
        elif _changed(standing, fresh.standing):
            return Done(Outcome(Result.CONFLICT, None, f"{named(key)} was written since it was observed"), brake)
        else:
            outcome = await move(context, fresh, goal, plan.served.key)
        if outcome.reason is Reason.NOT_LEADER:
            return Done(outcome, brake)
        if outcome.result is Result.DONE:
            self._contests.wrote(key, order, (fresh.standing.live, goal), context.clock.now_s())
        await self._reporter.moved(plan.served, fresh.standing, goal, outcome, plan.floor)
        change = (fresh.standing.live, goal) if outcome.result is Result.DONE else None
        if change:
            outcome = replace(outcome, reason=reason_of(fresh.standing, goal))
        added = goal - max(plan.replicas, fresh.standing.live) if outcome.result is Result.DONE else 0
        if outcome.result is Result.FAILED and brake.status:
            brake = _false(Reason.FLOOR_FAILED, outcome.message)
        return Done(outcome, brake, max(0, added), change=change)


def _is_there(standing: Standing, goal: int, key: ObjectKey) -> bool:
    """Say whether nothing is left to be done: the floor is up as it should be, or there is none and no mark of one."""
    if goal <= standing.owner_min:
        return not standing.marked
    return goal == standing.live and standing.raised_for == key


def _told(plan: FloorPlan, brake: Condition, floor: int) -> Condition:
    """Return the condition Acting with how it stands."""
    if not brake.status or plan.hpa is None or plan.standing is None:
        return brake
    if plan.served.missing:
        text = f"{named(key_of(plan.hpa))} cannot be used: its minReplicas is its owner's"
    else:
        why = f": {plan.floor.message}" if plan.floor else ""
        text = (
            f"minReplicas of {named(key_of(plan.hpa))} is {floor}, of which its owner asks for {plan.standing.owner_min}{why}"
        )
    return replace(brake, message=text)


def _contested(rest: Rest, standing: Standing) -> Condition:
    who = standing.writer or "somebody"
    text = (
        f"{who} has set minReplicas back to {rest.theirs}, {rest.reverts} times within {WITHIN_S:g} s: it is left alone until "
        f"{timestamp(rest.until_s)} or a change of this object's spec; to end this, "
        f"{remedy(standing.writer, FLOOR_MANAGER, 'spec.minReplicas')}"
    )
    return _false(Reason.FLOOR_CONTESTED, text)


def _changed(seen: Standing, now: Standing) -> bool:
    return (seen.live, seen.owner, seen.raised_for) != (now.live, now.owner, now.raised_for)


def _false(reason: Reason, message: str) -> Condition:
    return Condition("Acting", status=False, reason=reason, message=message)


def _order(served: Served) -> tuple[str, int]:
    """Return what a floor is raised for: this very object as it is written now."""
    return served.autoscaler.metadata.uid, served.autoscaler.metadata.generation


def _hpa_key(obj: Json) -> ObjectKey:
    """Return which HPA an object of mode HPAFloor names, as it is written."""
    ref = (obj.get("spec") or {}).get("scaleTargetRef")
    return ObjectKey(key_of(obj).namespace, str(ref.get("name", "")) if isinstance(ref, dict) else "")


def _age(one: Served) -> tuple[str, str]:
    return one.obj["metadata"].get("creationTimestamp") or "", str(one.key)
