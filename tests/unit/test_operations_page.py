"""What the page of operations tells people to type works."""

import base64
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.clients.notify.signing import headers, read_secrets
from autoscaler.settings_file import load
from tests.unit.helm.test_helm_crds import CRDS, nodes, schema_of

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
OLD, NEW = (f"whsec_{base64.b64encode(key * 32).decode()}" for key in (b"a", b"b"))
BODY = b'{"type": "foresail.scaled"}'

Check = Callable[[dict[str, str], bytes, str], bool]


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def is_from_foresail() -> Check:
    names: dict[str, Any] = {}
    exec(block("python"), names)  # noqa: S102 - our own page
    check: Check = names["is_from_foresail"]
    return check


def signed(tmp_path: Path, *secrets: str, at_s: float | None = None) -> dict[str, str]:
    file = tmp_path / "ops"
    file.write_text("\n".join(secrets) + "\n")
    return headers("msg_1", int(time.time() if at_s is None else at_s), BODY, read_secrets(str(file)))


def test_a_receiver_that_checks_as_the_page_says_takes_our_messages(is_from_foresail: Check, tmp_path: Path) -> None:
    assert is_from_foresail(signed(tmp_path, OLD), BODY, OLD)
    while_it_changes = signed(tmp_path, OLD, NEW)
    assert is_from_foresail(while_it_changes, BODY, OLD)
    assert is_from_foresail(while_it_changes, BODY, NEW)


def test_a_receiver_that_checks_as_the_page_says_takes_no_others(is_from_foresail: Check, tmp_path: Path) -> None:
    right = signed(tmp_path, OLD)
    assert not is_from_foresail(right, BODY, NEW)
    assert not is_from_foresail(right, BODY + b" ", OLD)
    assert not is_from_foresail(right | {"webhook-id": "msg_2"}, BODY, OLD)
    assert not is_from_foresail(right | {"webhook-signature": "v1,é"}, BODY, OLD)
    assert not is_from_foresail({}, BODY, OLD)
    assert not is_from_foresail(signed(tmp_path, OLD, at_s=time.time() - 301), BODY, OLD)


def test_the_values_of_the_page_are_settings_and_name_the_file_that_they_mount() -> None:
    values = yaml.safe_load(block("yaml"))
    [webhook] = values["settings"]["notify"]["webhooks"]
    [mount], [volume] = values["extraVolumeMounts"], values["extraVolumes"]
    assert mount["name"] == volume["name"]
    assert webhook["secret_file"] == f"{mount['mountPath']}/ops"
    assert f"create secret generic {volume['secret']['secretName']} --from-file=ops" in PAGE


def test_the_values_of_the_page_are_read_by_the_service(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(block("yaml"))["settings"]))
    assert load(file, {}).notify.webhooks[0].name == "ops"


@pytest.mark.parametrize("kind", sorted(CRDS))
def test_every_column_that_the_page_asks_kubectl_for_is_a_field(kind: str) -> None:
    [columns] = re.findall(r"custom-columns='([^']*)'", PAGE)
    known = {path for path, _ in nodes(schema_of(kind))} | {"metadata.namespace", "metadata.name"}
    paths = dict(column.split(":") for column in columns.split(","))
    assert {"VALID", "WHY"} <= paths.keys()
    for name, path in paths.items():
        assert re.sub(r"\[\?\(@\.type==\"\w+\"\)\]", "[]", path).removeprefix(".") in known, name
