"""Which files the kubeconfig is, what is in them, and the parts that a context names; the values are looked at elsewhere."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoscaler.api.structure import shown
from autoscaler.errors import Permanent
from autoscaler.terminal_text import plain
from autoscaler.yaml_text.documents import decoded, documents
from autoscaler.yaml_text.unreadable import Unreadable

LARGEST_BYTES = 8 * 2**20
_PARTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
_NAME_IT = "name the right one with --kubeconfig (setting kubernetes.kubeconfig) or the environment variable KUBECONFIG"
_DAMAGED = "compare it with one that kubectl can read (kubectl config view)"


def fault(file: Path, cause: str, remedy: str) -> Permanent:
    """Return the error for what is wrong with a kubeconfig, on one line and without what a terminal takes for a command."""
    text = f"reading the kubeconfig {file}: {cause}; {remedy}"
    return Permanent(plain(text))


@dataclass(frozen=True, slots=True)
class Entry:
    """A cluster, a context or a user of a kubeconfig, with the file that it is from."""

    file: Path
    what: str
    fields: Mapping[str, Any]

    def fault(self, cause: str, remedy: str) -> Permanent:
        """Return the error for what is wrong with this part."""
        return fault(self.file, f"{self.what}: {cause}", remedy)

    def has(self, key: str) -> bool:
        """Say whether a field is there; null and what is empty count as absent, as for kubectl."""
        return self.fields.get(key) not in (None, "", [], {})

    def text(self, key: str) -> str:
        """Return a field that must be text, empty when it is absent; no message shows the value, as it may be a secret."""
        value = self.fields.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.fault(f"{key} must be text, not {_kind(value)}", "put it in quotes" if _is_scalar(value) else _DAMAGED)
        return value

    def truth(self, key: str) -> bool:
        """Return a field that must be true or false."""
        value = self.fields.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.fault(f"{key} must be true or false, not {_kind(value)}", "write it without quotes")
        return bool(value)

    def part(self, key: str) -> "Entry":
        """Return a field that must be an object, with its own name in messages."""
        value = self.fields.get(key)
        if not isinstance(value, Mapping):
            raise self.fault(f"{key} must be an object, not {_kind(value)}", _DAMAGED)
        return Entry(self.file, f"{self.what}, {key}", value)

    def path(self, key: str) -> Path:
        """Return a field that names a file; a relative one starts at the kubeconfig's own folder."""
        return self.file.absolute().parent / self.text(key)


@dataclass(slots=True)
class Merged:
    """All files as one; of parts with the same name the first counts, as for kubectl."""

    files: list[Path] = field(default_factory=list)
    parts: dict[str, dict[str, Entry]] = field(default_factory=lambda: {name: {} for name in _PARTS})
    current: str = ""

    @property
    def named(self) -> Path:
        """The files in one word, for messages about all of them."""
        return Path(os.pathsep.join(map(str, self.files)))

    def context(self, wanted: str) -> Entry:
        """Return the context of that name, or the current one; raises Permanent when there is none."""
        contexts, name = self.parts["contexts"], wanted or self.current
        choice = f"choose one of {_listed(contexts)} with --context" if contexts else _NAME_IT
        if not contexts:
            raise fault(self.named, "there is no context in it", choice)
        if not name:
            raise fault(self.named, "it names no current-context", f"{choice}, or type: kubectl config use-context NAME")
        if name not in contexts:
            whose = "--context (setting kubernetes.context)" if wanted else "its current-context"
            raise fault(self.named, f"there is no context {shown(name)}, which {whose} names", choice)
        return contexts[name]

    def of(self, context: Entry, kind: str) -> Entry | None:
        """Return the cluster or the user that a context names; None when it names none."""
        name, known = context.text(kind), self.parts[f"{kind}s"]
        if name and name not in known:
            there = f"there is only {_listed(known)}" if known else f"there are no {kind}s"
            remedy = f"mend the context, or type: kubectl config set-context NAME --{kind}=..."
            raise context.fault(f"it names the {kind} {shown(name)}, which is not there ({there})", remedy)
        return known.get(name)


def find(setting: str, environ: Mapping[str, str]) -> list[Path]:
    """Return the files that make up the kubeconfig: by the setting, else KUBECONFIG, else kubectl's default.

    Of several the missing ones are passed over. Raises Permanent when there is none.
    """
    given = setting or environ.get("KUBECONFIG", "")
    if not given:
        default = _expanded(environ.get("HOME") or "~") / ".kube" / "config"
        if not _is_there(default):
            here = "this is no pod of a cluster" if "KUBERNETES_SERVICE_HOST" not in environ else "--context asks for one"
            raise fault(default, f"it does not exist, no other is named, and {here}", _NAME_IT)
        return [default]
    whole = _expanded(given)
    names = [whole] if _is_there(whole) else [_expanded(name) for name in given.split(os.pathsep) if name]
    found = [name for name in names if _is_there(name)]
    if not found:
        whose = "the setting kubernetes.kubeconfig" if setting else "the environment variable KUBECONFIG"
        raise fault(whole, f"it does not exist, and {whose} names it", _NAME_IT)
    return found


def read(files: list[Path]) -> Merged:
    """Read and merge; raises Permanent that names the file, what is wrong with it and where."""
    merged = Merged(files)
    contents = [(file, content) for file in files if (content := _content(file)) is not None]
    if not contents:
        raise fault(merged.named, "it is empty", _NAME_IT)
    for file, content in contents:
        whole = Entry(file, "the file", content)
        merged.current = merged.current or whole.text("current-context")
        for plural, kind in _PARTS.items():
            for entry, name in _entries(whole, plural, kind):
                merged.parts[plural].setdefault(name, entry)
    return merged


def _content(file: Path) -> Mapping[str, Any] | None:
    """Return what a file holds; None for nothing."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(LARGEST_BYTES + 1)
        if len(raw) > LARGEST_BYTES:
            raise fault(file, f"it is larger than {LARGEST_BYTES // 2**20} MiB", _NAME_IT)
        found = [document.value for document in documents(decoded(raw)) if document.value is not None]
    except OSError as error:
        raise fault(file, f"it cannot be read: {error.strerror or error}", _NAME_IT) from error
    except Unreadable as error:
        raise fault(file, f"it is not YAML: {error}", "mend that place, or write the file anew") from error
    if len(found) > 1:
        raise fault(file, f"there are {len(found)} YAML documents in it, and a kubeconfig is one", "write one file for each")
    if not found:
        return None
    if not isinstance(found[0], Mapping):
        raise fault(file, f"it must be an object with clusters, contexts and users, not {_kind(found[0])}", _NAME_IT)
    if (kind := found[0].get("kind")) not in (None, "", "Config"):
        raise fault(file, f"its kind is {shown(kind)}, and that of a kubeconfig is Config", _NAME_IT)
    return found[0]


def _entries(whole: Entry, plural: str, kind: str) -> Iterator[tuple[Entry, str]]:
    items = whole.fields.get(plural)
    if items is not None and not isinstance(items, list):
        raise whole.fault(f"{plural} must be a list, not {_kind(items)}", _DAMAGED)
    for index, item in enumerate(items or ()):
        where = f"{plural}[{index}]"
        if not isinstance(item, Mapping):
            raise whole.fault(f"{where} must be an object with name and {kind}, not {_kind(item)}", _DAMAGED)
        name = Entry(whole.file, where, item).text("name")
        content = item.get(kind) if item.get(kind) is not None else {}
        if not isinstance(content, Mapping):
            raise whole.fault(f"{where}.{kind} must be an object, not {_kind(content)}", _DAMAGED)
        yield Entry(whole.file, f"{kind} {shown(name)}", content), name


def _is_there(path: Path) -> bool:
    """Say whether there is something; what may not be looked at is there, and reading it will say why."""
    try:
        path.stat()
    except PermissionError:
        return True
    except (OSError, ValueError):  # also a name that no file can have
        return False
    return True


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # the home folder of somebody who is not known here
        return Path(name)


def _listed(names: Mapping[str, object]) -> str:
    first = ", ".join(shown(name) for name in list(names)[:10])
    return first if len(names) <= 10 else f"{first} and {len(names) - 10} more"  # noqa: PLR2004 - enough for a message


def _is_scalar(value: object) -> bool:
    return isinstance(value, bool | int | float)


def _kind(value: object) -> str:
    """Return what sort of value it is, and nothing of it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case Mapping():
            return "an object"
        case _:
            return "a list"
