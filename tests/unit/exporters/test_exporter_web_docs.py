"""Carries out docs/exporter-web.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from exporters.settings import Web
from exporters.web import tls
from exporters.web.config import read_config
from exporters.web.reviews import ACCESS_PATH, TOKEN_PATH
from exporters.web.room import Limits
from exporters.web.sliced import HELD_BYTES
from exporters.web.tokens import Patience
from tests.unit.exporters.running import ROOT
from tests.unit.exporters.web_rig import Authority, write

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "exporter-web.md").read_text(encoding="utf-8")
SAMPLE, RIGHTS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_file_on_the_page_is_read(tmp_path: Path) -> None:
    Authority(tmp_path).server()
    Authority(tmp_path, "clients")
    config = read_config(str(write(tmp_path, SAMPLE)))
    assert config.tls is not None
    tls.context(config.tls)
    assert set(config.users) == {"prometheus"}
    assert config.rate_limit is not None


def test_the_rights_on_the_page_are_manifests_and_name_what_is_asked() -> None:
    assert [one["kind"] for one in yaml.safe_load_all(RIGHTS)] == ["ClusterRoleBinding", "ClusterRole"]
    for path in (TOKEN_PATH, ACCESS_PATH):
        assert path.rpartition("/")[2] in RIGHTS


def test_the_numbers_on_the_page_are_true() -> None:
    limits, patience = Limits(), Patience()
    for number in (
        f"At most {limits.connections} connections, and {limits.per_peer} from one address",
        f"each costs at most {HELD_BYTES >> 20} MiB more",
        f"hold {limits.answers_bytes >> 20} MiB together",
        f"and {limits.per_peer * HELD_BYTES >> 20} MiB for its readers",
        f"{limits.request_s:.0f} s for the handshake and for the headers",
        f"{limits.sending_s:.0f} s to take an answer",
        f"{limits.idle_s:.0f} s between requests",
        f"within {Web().reuse_s:g} s after a whole one",
        f"A yes holds for {patience.yes_s:.0f} s, a no for {patience.no_s:.0f} s",
    ):
        assert number in PAGE
    assert limits.handshake_s == limits.request_s
    assert re.search(rf"does not answer within {patience.api_s:.0f} s", PAGE)
