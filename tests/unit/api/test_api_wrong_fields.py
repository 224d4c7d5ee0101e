"""Every field of our resources is refused when it is wrong, in every way that its schema tells, and the answer names it."""

import pytest

from autoscaler.errors import InvalidObject
from tests.full_specs import NEVER_RIGHT, SPECS, Json
from tests.unit.helm.test_helm_crds import CRDS, READERS, complaints, schema_of
from tests.wrong_fields import Wrong, unfilled, wrongs


def spec_schema(kind: str) -> Json:
    return schema_of(kind)["properties"]["spec"]


def an_object(kind: str, spec: Json) -> Json:
    return {"apiVersion": "foresail.dev/v1alpha1", "kind": kind, "metadata": {"name": "a", "namespace": "b"}, "spec": spec}


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_field_is_tried(kind: str) -> None:
    assert unfilled(spec_schema(kind), SPECS[kind]) == NEVER_RIGHT[kind]


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_the_specs_that_are_made_wrong_are_right(kind: str) -> None:
    for spec in SPECS[kind]:
        assert complaints(spec, spec_schema(kind)) == []
        READERS[kind](an_object(kind, spec))


CASES = [wrong for kind in sorted(CRDS) for wrong in wrongs(kind, spec_schema(kind), SPECS[kind])]


@pytest.mark.parametrize("wrong", [pytest.param(one, id=str(one)) for one in CASES if one.by_service])
def test_the_service_refuses_it_and_names_the_field(wrong: Wrong) -> None:
    with pytest.raises(InvalidObject) as refused:
        READERS[wrong.kind](an_object(wrong.kind, wrong.spec))
    named = {error.field for error in refused.value.errors}
    expected = f"{wrong.field}.unheardOf" if wrong.how == "has an unknown field" else wrong.field
    assert expected in named
