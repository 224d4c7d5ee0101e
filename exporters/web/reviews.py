"""The two questions that the Kubernetes API answers about a caller, as they go over the wire.

TokenReview (authentication.k8s.io/v1): whose token is this? SubjectAccessReview (authorization.k8s.io/v1): may they?
"""

from __future__ import annotations

import msgspec


class _Object(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Fields are in camel case on the wire, and any of them may be missing or null."""


class User(_Object, frozen=True):
    """Who a token belongs to; both reviews have the same four fields, under two names."""

    username: str = ""
    uid: str | None = None
    groups: tuple[str, ...] | None = None
    extra: dict[str, tuple[str, ...]] | None = None


class TokenStatus(_Object, frozen=True):
    """status of a TokenReview."""

    authenticated: bool | None = None
    user: User | None = None
    error: str | None = None


class TokenReview(_Object, frozen=True):
    """The answer to a TokenReview."""

    status: TokenStatus


class AccessStatus(_Object, frozen=True):
    """status of a SubjectAccessReview."""

    allowed: bool
    reason: str | None = None


class AccessReview(_Object, frozen=True):
    """The answer to a SubjectAccessReview."""

    status: AccessStatus


TOKEN_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"  # noqa: S105 - the path of an API
ACCESS_PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def token_question(token: str) -> bytes:
    """Ask whose token it is."""
    return msgspec.json.encode({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}})


def access_question(user: User, path: str, verb: str) -> bytes:
    """Ask whether a user may do something to a path of a server that is not the API."""
    spec = {
        "user": user.username,
        "uid": user.uid or "",
        "groups": user.groups or (),
        "extra": user.extra or {},
        "nonResourceAttributes": {"path": path, "verb": verb},
    }
    return msgspec.json.encode({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
