"""Tell of what a healing pass did, refused and found out: Events on the pod and the policy, notices, log lines, counters.

A fault lasts for many passes. So each pod is told of when what is said about it changes, not each time it is said.
"""

from dataclasses import dataclass, field

import structlog

from autoscaler import telemetry
from autoscaler.clients.ports import Json
from autoscaler.healing.types import ActRecord, ActState, PodDecision, Verb
from autoscaler.loops import report as tell
from autoscaler.loops.context import Context
from autoscaler.loops.report import Happening
from autoscaler.loops.status import key_of
from autoscaler.model import ObjectKey, PodView
from autoscaler.reasons import Reason

KIND = "HealingPolicy"
log = structlog.get_logger()


@dataclass(slots=True)
class HealReporter:
    """Remembers what was said last of each pod."""

    context: Context
    _said: dict[tuple[ObjectKey, str], tuple[Verb, Reason]] = field(default_factory=dict)  # policy and UID ->

    async def pods(self, policy: Json, decisions: tuple[PodDecision, ...]) -> None:
        """Tell of every pod of a policy of which something new is to be said."""
        key = key_of(policy)
        there = {one.pod.uid for one in decisions}
        for known in [said for said in self._said if said[0] == key and said[1] not in there]:
            del self._said[known]
        for one in decisions:
            now = (one.verb, one.reason)
            new = self._said.get((key, one.pod.uid)) != now
            self._said[key, one.pod.uid] = now
            if new or one.verb is Verb.EVICT:
                await self._pod(policy, one)

    async def outcomes(self, policy: Json, outcomes: tuple[ActRecord, ...]) -> None:
        """Tell of acts of the past of which is known by now whether they helped."""
        key = key_of(policy)
        for act in outcomes:
            healed = act.state is ActState.HEALED
            telemetry.ACTS.labels(key.namespace, key.name, "outcome", act.state.value.lower()).inc()
            reason = Reason.HEALED if healed else Reason.STILL_FAILING
            what = "is whole again" if healed else "is still not whole"
            text = f"{act.workload.kind} {act.workload.namespace}/{act.workload.name} {what} after pod {act.pod} was evicted."
            log.info("healed" if healed else "unhealed", policy=str(key), workload=str(act.workload), pod=act.pod)
            data = {"policy": _name(key), "workload": str(act.workload), "pod": act.pod, "message": text}
            tell.notice(self.context, "foresail.healed" if healed else "foresail.unhealed", data)
            tell.act(self.context, "outcome", key, {"result": act.state.value.lower(), "pod": act.pod, "why": text})
            await tell.event(self.context, _ours(policy), Happening(reason, "Check", text, warning=not healed))

    async def invalid(self, policy: Json, message: str) -> None:
        """Tell that a policy cannot be used as written."""
        key = key_of(policy)
        log.warning("invalid_object", kind=KIND, error=message)
        await tell.event(self.context, _ours(policy), Happening(Reason.INVALID_SPEC, "Validate", message, warning=True))
        object_ = {"kind": KIND, "namespace": key.namespace, "name": key.name}
        data = {"object": object_, "reason": Reason.INVALID_SPEC.value, "message": message}
        tell.notice(self.context, "foresail.failed", data)

    def forget(self, key: ObjectKey) -> None:
        """Drop what was said about the pods of a policy that is gone."""
        for known in [said for said in self._said if said[0] == key]:
            del self._said[known]

    async def _pod(self, policy: Json, one: PodDecision) -> None:
        key = key_of(policy)
        data = _data(key, one)
        match one.verb:
            case Verb.EVICT:
                telemetry.ACTS.labels(key.namespace, key.name, "evict", "done").inc()
                log.info("evicted", **data)
                await self._said_of("foresail.evicted", policy, one, Happening(one.reason, "Evict", one.message))
            case Verb.REFUSE:
                if one.reason in {Reason.EVICTION_FAILED, Reason.REFUSED_DISRUPTION_BUDGET}:
                    telemetry.ACTS.labels(key.namespace, key.name, "evict", "failed").inc()
                telemetry.REFUSALS.labels(key.namespace, key.name, "evict", one.reason.value).inc()
                log.info("refused", **data)
                happening = Happening(one.reason, "Evict", one.message, warning=True)
                await self._said_of("foresail.refused", policy, one, happening)
            case Verb.NOTIFY:
                log.info("unhealthy", **data)
                happening = Happening(one.reason, "Watch", one.message, warning=True)
                await self._said_of("foresail.unhealthy", policy, one, happening)
            case Verb.NONE:
                log.debug("tolerated", **data)

    async def _said_of(self, kind: str, policy: Json, one: PodDecision, happening: Happening) -> None:
        key, pod = key_of(policy), _pod_object(one.pod)
        tell.notice(self.context, kind, _data(key, one))
        row = {"result": one.reason.value, "pod": one.pod.name, "why": one.message}
        tell.act(self.context, kind.removeprefix("foresail."), key, row)
        await tell.event(self.context, pod, happening, related=_ours(policy))
        await tell.event(self.context, _ours(policy), happening, related=pod)


def _data(key: ObjectKey, one: PodDecision) -> Json:
    return {
        "policy": _name(key),
        "pod": {"namespace": one.pod.namespace, "name": one.pod.name, "uid": one.pod.uid},
        "workload": str(one.pod.workload) if one.pod.workload else None,
        "reason": one.reason.value,
        "fault": one.fault.value if one.fault else None,
        "message": one.message,
    }


def _name(key: ObjectKey) -> Json:
    return {"kind": KIND, "namespace": key.namespace, "name": key.name}


def _ours(policy: Json) -> Json:
    return {"apiVersion": "foresail.dev/v1alpha1", "kind": KIND, **policy}


def _pod_object(pod: PodView) -> Json:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid}}
