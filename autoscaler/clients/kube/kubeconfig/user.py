"""The user of a kubeconfig: whatever it proves with who it is."""

from typing import Any

from autoscaler.clients.kube.kubeconfig.files import Entry
from autoscaler.clients.kube.kubeconfig.pem import client_pair
from autoscaler.clients.kube.kubeconfig.plugin import credentials

_IMPERSONATION = ("as", "as-uid", "as-groups", "as-user-extra")
_LARGEST_BYTES = 2**20  # of a token
_PROVIDERS = ("oidc", "gcp")


async def user_fields(user: Entry, *, encrypted: bool) -> dict[str, Any]:
    """Return what the library needs to know of a user, a plugin's answer included.

    Raises Permanent for what it could not use, or would pass over in silence.
    """
    for key in _IMPERSONATION:
        if user.has(key):  # passed over, it would act with the rights of somebody else
            raise user.fault(f"{key} (acting as another user) is not supported", "name a user that is allowed to by itself")
    if user.fields.get("auth-provider") is not None:
        return _provider(user) | (client_pair(user) if encrypted else {})
    if user.fields.get("exec") is not None:
        answer = await credentials(user.part("exec"))
        user = Entry(user.file, f"{user.what}, answer of its plugin", {**user.fields, **answer})
    found: dict[str, Any] = client_pair(user) if encrypted else {}
    if token := _token(user):
        found["token"] = token
    if user.has("username"):
        found |= {"username": user.text("username"), "password": user.text("password")}
    return found


def _provider(user: Entry) -> dict[str, Any]:
    provider = user.part("auth-provider")
    if provider.text("name") not in _PROVIDERS:
        remedy = "use a plugin (exec), as kubectl does since 1.26"
        raise provider.fault(f"the provider is none of {', '.join(_PROVIDERS)}", remedy)
    config = dict(provider.part("config").fields) if provider.has("config") else {}
    return {"auth-provider": {"name": provider.text("name"), "config": config}}


def _token(user: Entry) -> str:
    """Return the token, from the field or from its file; white space around it is not part of it."""
    where, token = "token", user.text("token").strip()
    if not token and user.has("tokenFile"):
        path = user.path("tokenFile")
        where = f"tokenFile {path}"
        try:
            with path.open("rb") as stream:
                token = stream.read(_LARGEST_BYTES).decode().strip()
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or "it is not text"
            raise user.fault(f"{where} cannot be read: {cause}", "put the file there, or change tokenFile") from error
        if not token:
            raise user.fault(f"{where} is empty", "write the token into it")
    if not (token.isascii() and token.isprintable()):
        raise user.fault(f"{where} holds a line break or another character that no token has", "write it anew")
    return token
