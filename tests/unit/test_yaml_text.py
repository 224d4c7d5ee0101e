"""Values are those that Kubernetes reads."""

import pytest

from autoscaler.yaml_text.documents import Document, documents
from autoscaler.yaml_text.unreadable import Unreadable


def value(text: str) -> object:
    (document,) = documents(f"a: {text}")
    found: object = document.value["a"]
    return found


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("10", 10),
        ("-5", -5),
        ("010", 8),
        ("0o17", 15),
        ("08", 8),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("1e3", 1000),
        ("10.0", 10),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 18446744073709551616),  # as a float, and whole
        ("9" * 30, 1e30),
        ("9" * 5000, float("inf")),
        ("y", True),
        ("off", False),
        ("~", None),
        ("", None),
        ("2021-99-99", "2021-99-99"),
        ("2021-01-01", "2021-01-01"),
        ("12:30", "12:30"),
        ("1.2.3", "1.2.3"),
        ("+", "+"),
        ("=", "="),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!float 1", 1),
        ("500m", "500m"),
    ],
)
def test_a_value_is_what_kubectl_would_send(text: str, read: object) -> None:
    found = value(text)
    assert (type(found), found) == (type(read), read)


def test_keys_are_text_as_in_json() -> None:
    (document,) = documents("2: a\ntrue: b\n1.5: c\n2021-01-01: d\n")
    assert document.value == {"2": "a", "true": "b", "1.5": "c", "2021-01-01": "d"}


@pytest.mark.parametrize("text", ["!!bool x", "!!int x", "!!float {}", "!!timestamp [x]", "!!binary é", "{~: x}", "{[a]: b}"])
def test_a_value_that_is_not_what_its_tag_says_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(Unreadable, match=r"^line 1, column \d+: "):
        value(text)


def test_repeated_keys_are_told_with_path_and_lines() -> None:
    (document,) = documents("a: 1\nb:\n - c: 1\n   c: 2\na: 3\nd: [{x: 1, x: 2}]")
    assert document.repeats == (
        "line 4: the key b[0].c is there twice, first in line 3; keep one",
        "line 5: the key a is there twice, first in line 1; keep one",
        "line 6: the key d[0].x is there twice, first in line 6; keep one",
    )


def test_the_same_key_in_two_objects_and_two_merges_are_no_repetition() -> None:
    text = "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc:\n  <<: *a\n  <<: *b\n"
    assert list(documents(text)) == [Document({"a": {"x": 1}, "b": {"x": 2, "z": 3}, "c": {"x": 2, "z": 3}}, 1, ())]


def test_the_message_holds_no_piece_of_the_text() -> None:
    with pytest.raises(Unreadable) as caught:
        list(documents("token: s3cret: s3cret"))
    assert "s3cret" not in str(caught.value)


def test_each_document_knows_its_line() -> None:
    assert [(one.value, one.line) for one in documents("---\n---\na: 1\n---\nb\n")] == [(None, 1), ({"a": 1}, 2), ("b", 4)]
