"""Whatever is in a manifest, the answer is a sentence about it."""

import pytest

from autoscaler.manifests import LARGEST_BYTES, Outcome, check

VALID = """
apiVersion: foresail.dev/v1alpha1
kind: HealingPolicy
metadata: {name: shop}
spec: {mode: Observe, selector: {matchLabels: {app: shop}}, faults: {notReady: {}}}
"""


def outcomes(text: str) -> list[Outcome]:
    return [verdict.outcome for verdict in check(text.encode())]


def lines(text: str | bytes) -> list[str]:
    raw = text if isinstance(text, bytes) else text.encode()
    return [line for verdict in check(raw) if verdict.outcome is Outcome.WRONG for line in verdict.lines]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 5000, "nested deeper than 100 levels"),
        ("- " * 50_000 + "x", "nested deeper than 100 levels"),
        ("n: " + "9" * 5000, "line 1: the object names no kind"),
        ("a: [1", "while parsing a flow sequence"),
        ("a:\n\t- b", "that cannot start any token, while scanning for the next token"),
        ("a:\n\t- b", "indented by a tab, and YAML wants spaces"),
        ("kind: *nobody", "found undefined alias"),
        (b"\xff\xfek\0i\0", "byte 1 is not UTF-8; is it a binary file, or text in another encoding?"),
        (b"kind: \0", "is it a binary file?"),
        (b"a" * (LARGEST_BYTES + 1), "is larger than 8 MiB"),
        ("- a", "line 1: must be an object with apiVersion, kind, metadata and spec, not a list"),
        ("---\nhello", "not the text hello"),
        ("a: 1", "the object names no kind; write apiVersion: foresail.dev/v1alpha1 and kind: PredictiveAutoscaler"),
        ("kind: List\nitems: {}", "the List's items must be a list, not an object"),
        ("!!python/object:os.system x", "could not determine a constructor"),
        (
            "kind: PredictiveAutoscaler\napiVersion: foresail.dev/v1alpha1\nmetadata: &m {name: x, labels: *m}\nspec: *m",
            "line 3: is nested without end, as the alias *m is inside of what it names",
        ),
    ],
)
def test_what_cannot_be_read_is_said_to_be_wrong(text: str | bytes, said: str) -> None:
    (line,) = lines(text)
    assert said in line


def test_aliases_that_unfold_to_billions_of_values_are_refused_and_not_unfolded() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    (line,) = lines("kind: HealingPolicy\nspec:\n  " + bomb.replace("\n", "\n  "))
    assert "more than 500000 values, every alias unfolded" in line


@pytest.mark.parametrize("kind", ["[a]", "PredictiveAutoscalr", "predictiveautoscaler", "null"])
def test_a_kind_of_our_group_that_is_none_does_not_pass_in_silence(kind: str) -> None:
    bad = VALID.replace("kind: HealingPolicy", f"kind: {kind}")
    assert outcomes(f"{VALID}---{bad}") == [Outcome.VALID, Outcome.WRONG]
    assert "kind: must be one of PredictiveAutoscaler, HealingPolicy" in lines(bad)[0]


def test_empty_documents_and_other_kinds_do_no_harm() -> None:
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: x}\n"
    assert outcomes(f"---\n---{VALID}---\n{other}---\n# nothing\n") == [Outcome.VALID, Outcome.SKIPPED]


def test_lists_are_looked_into_at_any_depth() -> None:
    indented = VALID.strip().replace("\n", "\n      ")
    inner = f"kind: List\n    items:\n    - {indented}\n"
    assert outcomes(f"kind: List\nitems:\n  - {inner}") == [Outcome.VALID]


def test_a_key_that_is_there_twice_is_named_with_its_lines_and_the_object_is_not_called_valid() -> None:
    text = VALID.replace("spec: {", "spec:\n  mode: Heal\n  ").replace(", selector", "\n  selector").replace("}, f", "}\n  f")
    (line,) = lines(text.rstrip().removesuffix("}"))
    assert line == "line 7: the key spec.mode is there twice, first in line 6; keep one"
    assert outcomes(text.rstrip().removesuffix("}")) == [Outcome.WRONG]


@pytest.mark.parametrize(
    ("metadata", "wrong"),
    [
        ("{name: Shop}", "metadata.name: must be a DNS name"),
        ("{name: shop_1}", "metadata.name: must be a DNS name"),
        ("{name: -shop}", "metadata.name: must be a DNS name"),
        ("{name: shop., namespace: a}", "metadata.name: must be a DNS name"),
        ("{name: a..b}", "metadata.name: must be a DNS name"),
        ('{name: ""}', "metadata.name: must be a DNS name"),
        ('{name: "shop\\n"}', "metadata.name: must be a DNS name"),
        ("{name: " + "a" * 254 + "}", "metadata.name: must be a DNS name"),
        ("{name: 1}", "metadata.name: must be text, not 1"),
        ("{name: shop, namespace: a.b}", "metadata.namespace: must be a DNS label"),
        ("{name: shop, namespace: " + "a" * 64 + "}", "metadata.namespace: must be a DNS label"),
        ("{name: shop, namespace: [a]}", "metadata.namespace: must be text, not a list"),
        ("{name: shop, labels: {a: true}}", "metadata.labels[a]: must be text, not true; put it in quotes"),
        ("{name: shop, labels: {a b: c}}", "metadata.labels[a b]: must be the key of a label"),
        ("{name: shop, labels: [a]}", "metadata.labels: must be an object"),
        ("{name: shop, annotations: {a: 1}}", "metadata.annotations[a]: must be text, not 1"),
        ("{name: shop, label: {a: b}}", "metadata.label: is not a known field; did you mean labels?"),
        ("[shop]", "metadata: must be an object, not a list"),
        ("null", "metadata.name: is required"),
    ],
)
def test_metadata_that_the_api_server_would_refuse_is_wrong(metadata: str, wrong: str) -> None:
    (line,) = lines(VALID.replace("{name: shop}", metadata))
    assert wrong in line


@pytest.mark.parametrize(
    "metadata",
    [
        "{name: a.b-c.d0}",
        "{name: " + "a" * 253 + "}",
        "{name: '2024-01-01', namespace: " + "a" * 63 + "}",
        "{name: 2024-01-01}",  # text for Kubernetes, a date for YAML 1.1
        "{name: shop, namespace: null}",
        '{name: shop, namespace: ""}',
        "{name: shop, labels: {app.kubernetes.io/name: shop, day: 2024-01-01}, annotations: {Example.com/Note: ü}}",
    ],
)
def test_metadata_that_the_api_server_takes_is_valid(metadata: str) -> None:
    assert outcomes(VALID.replace("{name: shop}", metadata)) == [Outcome.VALID]


@pytest.mark.parametrize(("key", "hint"), [("sepc", "did you mean spec?"), ("mode", "known here: apiVersion, kind, metadata")])
def test_a_key_beside_spec_that_no_object_has_is_wrong(key: str, hint: str) -> None:
    (line,) = lines(f"{VALID}{key}: {{}}\n")
    assert f"HealingPolicy default/shop: {key}: is not a known field; {hint}" in line


def test_a_status_as_the_cluster_prints_it_is_no_fault() -> None:
    assert outcomes(f"{VALID}status: {{conditions: []}}\n") == [Outcome.VALID]


def test_however_much_is_wrong_the_answer_stays_short() -> None:
    many = ", ".join(f"{'k' * 3000}{i}: 1" for i in range(200))
    found = lines(VALID.replace("{mode", f"{{{many}, mode").replace("{name: shop}", f"{{name: shop, {many}}}"))
    assert len(found) < 80
    assert max(map(len, found)) < 1000
