"""What the pretended API server says: objects, scales, and the Status of what it refuses."""

import json

from aiohttp import web

from tests.fakes.cluster import Json, scale_selector


def scale_of(obj: Json) -> Json:
    meta = {key: obj["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    spec, status = {"replicas": obj.get("spec", {}).get("replicas", 1)}, {"replicas": obj.get("status", {}).get("replicas", 0)}
    spec = {key: value for key, value in spec.items() if value}  # Kubernetes leaves zero out
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": meta,
        "spec": spec,
        "status": {**status, "selector": scale_selector(obj)},
    }


def status(code: int, reason: str, message: str, details: Json | None = None, outcome: str = "Failure") -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "status": outcome, "reason": reason, "message": message, "code": code}
    return answer(code, {**body, "details": details or {}})


def answer(code: int, body: Json | str, headers: dict[str, str] | None = None) -> web.Response:
    if isinstance(body, str):
        return web.Response(status=code, text=body, headers=headers)
    return web.Response(status=code, text=json.dumps(body), content_type="application/json", headers=headers)


def another(plural: str, meta: Json, named: Json) -> web.Response | None:
    """Refuse a write that names another object, or another version of it, than is there."""
    unfulfilled = f'Operation cannot be fulfilled on {plural} "{meta["name"]}":'
    if named.get("uid", meta["uid"]) != meta["uid"]:
        return status(409, "Conflict", f"{unfulfilled} Precondition failed: UID in precondition")
    if named.get("resourceVersion", meta["resourceVersion"]) != meta["resourceVersion"]:
        return status(409, "Conflict", f"{unfulfilled} the object has been modified")
    return None
