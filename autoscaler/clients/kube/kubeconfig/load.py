"""From the settings to a kubeconfig that the library can use as it is."""

from collections.abc import Mapping
from typing import Any

from autoscaler.clients.kube.kubeconfig.files import find, read
from autoscaler.clients.kube.kubeconfig.server import cluster_fields, is_encrypted
from autoscaler.clients.kube.kubeconfig.user import user_fields
from autoscaler.settings import KubernetesSettings

_ONE = "chosen"  # name of the only context, cluster and user


async def load(settings: KubernetesSettings, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return a kubeconfig with what the chosen context names; a user's plugin is run for it.

    Raises Permanent that names the file, the part, what is wrong with it and what to do.
    """
    merged = read(find(settings.kubeconfig, environ))
    context = merged.context(settings.context)
    cluster, user = merged.of(context, "cluster"), merged.of(context, "user")
    if cluster is None:
        raise context.fault("it names no cluster", "type: kubectl config set-context NAME --cluster=...")
    content = cluster_fields(cluster)
    encrypted = is_encrypted(cluster)
    if user is None and encrypted:
        raise context.fault("it names no user", "type: kubectl config set-context NAME --user=...")
    users = [{"name": _ONE, "user": await user_fields(user, encrypted=encrypted)}] if user else []
    return {
        "current-context": _ONE,
        "contexts": [{"name": _ONE, "context": {"cluster": _ONE, "user": _ONE}}],
        "clusters": [{"name": _ONE, "cluster": content}],
        "users": users,
    }
