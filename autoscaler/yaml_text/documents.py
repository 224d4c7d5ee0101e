"""A text to the values of its YAML documents, or to one sentence about why not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from autoscaler.yaml_text.loader import Loader
from autoscaler.yaml_text.survey import survey
from autoscaler.yaml_text.unreadable import Unreadable, from_yaml


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a stream: its value, the line where it begins, and what is said of keys that are in it twice."""

    value: Any
    line: int
    repeats: tuple[str, ...]


def decoded(raw: bytes) -> str:
    """Return bytes as the text that they are; raises Unreadable for what is none."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"byte {error.start + 1} is not UTF-8; is it a binary file, or text in another encoding?") from error


def documents(text: str) -> Iterator[Document]:
    """Yield every document of a YAML stream, empty ones too.

    Raises Unreadable: before the first one when any of the text is not YAML or too much, later when one cannot be built.
    """
    try:
        found = list(survey(text))
        for one, value in zip(found, yaml.load_all(text, Loader), strict=True):
            yield Document(value, one.line, tuple(one.repeats))
    except yaml.YAMLError as error:
        raise from_yaml(error, text) from error
