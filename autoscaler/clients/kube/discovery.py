"""Finds the plural of a kind by asking the API server, as kubectl does; needed for objects that users name by kind.

What was found is remembered for good (a kind does not change its plural); what was not is asked again, as a CRD may come.
"""

from dataclasses import dataclass, field

from autoscaler.clients.kube.connection import Call, Connection
from autoscaler.clients.kube.resources import Json, Resource
from autoscaler.errors import Permanent

_NOT_FOUND = 404


@dataclass(slots=True)
class Discovery:
    """Kinds, with a scale subresource or any, by apiVersion and kind."""

    connection: Connection
    _known: dict[tuple[str, str], Resource] = field(default_factory=dict)
    _named: dict[tuple[str, str], Resource] = field(default_factory=dict)

    async def scalable(self, api_version: str, kind: str) -> Resource:
        """Return the resource of a kind that has a scale subresource.

        Raises Permanent naming what there is when the apiVersion, the kind or its scale subresource does not exist.
        """
        key = (api_version, kind)
        if key not in self._known:
            self._known[key] = await self._find(api_version, kind)
        return self._known[key]

    async def named(self, api_version: str, kind: str) -> Resource:
        """Return the resource of a kind; raises Permanent when the apiVersion does not exist or has no such kind."""
        key = (api_version, kind)
        if key not in self._named:
            group, _, version = api_version.rpartition("/")
            served = await self._served(api_version, kind, "describedObject")
            found = next((one for one in served if one["kind"] == kind and "/" not in one["name"]), None)
            if found is None:
                raise Permanent(f"apiVersion {api_version} has no kind {kind}; check describedObject")
            self._named[key] = Resource(group, version, found["name"], kind, namespaced=bool(found.get("namespaced", True)))
        return self._named[key]

    async def _served(self, api_version: str, kind: str, field_name: str) -> list[Json]:
        group, _, version = api_version.rpartition("/")
        answer = await self.connection.send(Call("get", Resource(group, version, "", "")), expect=frozenset({_NOT_FOUND}))
        if not answer.ok:
            raise Permanent(
                f"the API server does not serve apiVersion {api_version} (for kind {kind}); "
                f"check {field_name}.apiVersion, and whether the CRD of that kind is installed"
            )
        found: list[Json] = answer.body.get("resources", [])
        return found

    async def _find(self, api_version: str, kind: str) -> Resource:
        group, _, version = api_version.rpartition("/")
        served = await self._served(api_version, kind, "scaleTargetRef")
        names = {one["name"] for one in served}
        for one in served:
            if one["kind"] == kind and "/" not in one["name"]:
                if f"{one['name']}/scale" in names:
                    return Resource(group, version, one["name"], kind, namespaced=bool(one.get("namespaced", True)))
                raise Permanent(f"kind {kind} of {api_version} has no scale subresource; name a kind that has one")
        kinds = sorted({one["kind"] for one in served if f"{one['name']}/scale" in names})
        raise Permanent(
            f"apiVersion {api_version} has no kind {kind}; with a scale subresource it has {', '.join(kinds) or 'none'}"
        )
