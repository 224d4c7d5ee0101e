import pytest

from autoscaler.api.field_owners import MIN_REPLICAS, REPLICAS, FieldOwner, owner_of, remedy

OURS = {
    "manager": "foresail",
    "operation": "Update",
    "subresource": "scale",
    "time": "2026-11-21T10:00:09Z",
    "fieldsV1": {"f:spec": {"f:replicas": {}}},
}
THEIRS = {
    "manager": "kubectl",
    "operation": "Apply",
    "time": "2026-11-21T10:00:05Z",
    "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {}}},
}
STATUS = {
    "manager": "kube-controller-manager",
    "operation": "Update",
    "subresource": "status",
    "time": "2026-11-21T10:00:08Z",
    "fieldsV1": {"f:status": {"f:replicas": {}}},
}


def test_the_owner_is_who_wrote_the_field_last_besides_us() -> None:
    earlier = {**THEIRS, "manager": "helm", "time": "2026-11-20T23:59:59Z"}
    assert owner_of([earlier, THEIRS, STATUS, OURS], REPLICAS, ours=["foresail"]) == FieldOwner(
        "kubectl", "Apply", "2026-11-21T10:00:05Z"
    )


def test_it_is_named_with_operation_subresource_and_time() -> None:
    assert str(owner_of([OURS], REPLICAS)) == "field manager foresail (Update of scale at 2026-11-21T10:00:09Z)"
    assert str(owner_of([THEIRS], REPLICAS)) == "field manager kubectl (Apply at 2026-11-21T10:00:05Z)"


@pytest.mark.parametrize("entries", [[], [OURS], [STATUS], [{}], [{"fieldsV1": None}], [{"fieldsV1": {"f:spec": "odd"}}]])
def test_where_nobody_else_owns_the_field_nobody_is_named(entries: list[dict]) -> None:
    assert owner_of(entries, REPLICAS, ours=["foresail"]) is None


def test_other_fields_have_other_owners() -> None:
    assert owner_of([THEIRS], MIN_REPLICAS) is None


@pytest.mark.parametrize(
    ("manager", "words"),
    [
        ("argocd-controller", "managedFieldsManagers"),
        ("kustomize-controller", "Flux"),
        ("helm-controller", "Flux"),
        ("kubectl-client-side-apply", "kubectl"),
        ("helm", "Helm"),
        ("our-own-operator", "Argo CD"),
    ],
)
def test_the_remedy_is_that_of_the_tool(manager: str, words: str) -> None:
    text = remedy(FieldOwner(manager, "Update", ""), "foresail", "spec.replicas")
    assert words in text
    assert text.startswith("leave spec.replicas out of the manifest")
