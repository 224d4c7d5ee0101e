"""Settles which cgroup really is the pod or the container that its name says.

Names of cgroups are not protected: whoever may make cgroups, as every user may in the part of the tree that systemd hands
over to that user, may call one as the pod or the container of somebody else. So each id belongs to one cgroup only: the
one below a kubelet's folder of pods, of these the one whose folder is nearest to the root, and else the shallowest. The
others, and a container in the folder of a pod that is not that pod, keep their series by path and get no names; and nothing
below a user's slice gets any.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from exporters.cgroup.identity import PLAIN, Kind, is_of_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporters.cgroup.walk import Cgroup

_KUBELETS = re.compile(r"(?:[^/]+-)?kubepods(?:\.slice)?")
_Claim = tuple[Kind, str]


def settle(cgroups: Sequence[Cgroup]) -> tuple[Sequence[Cgroup], Sequence[str]]:
    """Return all cgroups in their order, those that only pose without what they pose as; and a sentence for each dispute."""
    owners: dict[_Claim, Cgroup] = {}
    for cgroup in cgroups:
        claim = _claim(cgroup)
        if claim is not None:
            owner = owners.setdefault(claim, cgroup)
            if owner is not cgroup and _rank(cgroup.path) < _rank(owner.path):
                owners[claim] = cgroup
    settled, disputes = list(cgroups), []
    for place, cgroup in enumerate(cgroups):
        claim = _claim(cgroup)
        if claim is None:
            continue
        owner = _rightful(cgroup, claim, owners)
        if owner is not cgroup or is_of_user(cgroup.path):
            settled[place] = _disowned(cgroup)
        if owner is not cgroup and not cgroup.path.startswith(f"{owner.path}/"):  # a runtime divides its own cgroups
            disputes.append(f"{cgroup.path} claims to be the {owner.identity.kind.value} {owner.path}; it is not named")
    return settled, disputes


def _claim(cgroup: Cgroup) -> _Claim | None:
    identity = cgroup.identity
    claimed = identity.pod_uid if identity.kind is Kind.POD else identity.container_id
    return None if claimed is None else (identity.kind, claimed)


def _rightful(cgroup: Cgroup, claim: _Claim, owners: dict[_Claim, Cgroup]) -> Cgroup:
    """Return whose the claim is, or whose the pod is in whose folder the container lies."""
    owner = owners[claim]
    if owner is cgroup and cgroup.identity.kind is Kind.CONTAINER and cgroup.identity.pod_uid is not None:
        pod = owners.get((Kind.POD, cgroup.identity.pod_uid))
        above, _, name = cgroup.path.rpartition("/")
        if pod is not None and pod.path != above and ":" not in name:  # the path of a systemd slice names its pod itself
            return pod
    return owner


def _rank(path: str) -> tuple[bool, int, int, str]:
    """Order claims, the best first."""
    parts = path.split("/")
    depth = next((depth for depth, part in enumerate(parts) if _KUBELETS.fullmatch(part)), len(parts))
    return is_of_user(path), depth if depth < len(parts) else 1 << 16, len(parts), path


def _disowned(cgroup: Cgroup) -> Cgroup:
    if cgroup.identity.kind is Kind.POD:
        return replace(cgroup, identity=PLAIN)
    return replace(cgroup, identity=replace(cgroup.identity, pod_uid=None, qos=None, is_disowned=True))
