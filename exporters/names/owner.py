"""Finds the workload that a pod belongs to, from the pod alone.

A pod names its direct owner, which for a Deployment is a ReplicaSet and for a CronJob a Job. Both carry the name of
their own owner in theirs, so it can be told without reading more from the API: that spares the exporter the right to
read other kinds, and works for pods of the past.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CRON_JOB = re.compile(r"(?P<name>.+)-(?P<minutes>\d{8})", re.ASCII)
_LATEST_START_MINUTES = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Workload:
    """What a person would say the pod is part of."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller of a pod, and what of the pod helps to find the owner behind it."""

    kind: str
    name: str
    template_hash: str
    """Label pod-template-hash; empty if there is none."""
    created_s: float | None
    """Creation of the pod, in seconds since 1970."""


def workload_of(owner: Owner) -> Workload:
    """Follow ReplicaSet to Deployment and Job to CronJob where the name tells; any other owner is the workload."""
    match owner.kind:
        case "ReplicaSet" if owner.template_hash and owner.name.endswith(f"-{owner.template_hash}"):
            return Workload("Deployment", owner.name.removesuffix(f"-{owner.template_hash}"))
        case "Job" if (name := _cron_job(owner)) is not None:
            return Workload("CronJob", name)
        case _:
            return Workload(owner.kind, owner.name)


def _cron_job(owner: Owner) -> str | None:
    """A CronJob names its Jobs after itself and the minute they were due, counted from 1970.

    Eight digits alone prove nothing (``report-20260101``), so the minute must lie shortly before the pod's creation.
    """
    found = _CRON_JOB.fullmatch(owner.name)
    if found is None or owner.created_s is None:
        return None
    late_minutes = owner.created_s / 60 - int(found["minutes"])
    return found["name"] if -1 <= late_minutes <= _LATEST_START_MINUTES else None
