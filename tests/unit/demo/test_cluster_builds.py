"""What is built is named after all that goes into it."""

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

import pytest

import demo.cluster.gobuild
from demo.cluster.archive import Image, write_archive, write_layer
from demo.cluster.gobuild import parse_go_version, read_recipe, release_of_module
from demo.cluster.images import full_name
from demo.cluster.rootfs import parse_mirror

MODULE = Path(demo.cluster.gobuild.__file__).parent


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "pause").mkdir()
    for name in ("go.mod", "go.sum", "pause/main.go"):
        shutil.copy(MODULE / name, tmp_path / name)
    return tmp_path


def test_the_versions_come_from_go_mod() -> None:
    recipe = read_recipe()
    assert recipe.kubernetes == "v1.36.3"
    assert "gitVersion=v1.36.3" in recipe.ldflags
    assert "gitMinor=36" in recipe.ldflags
    assert recipe.helm.startswith("v4.")


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "pause/main.go"])
def test_the_key_changes_with_every_file_that_is_built_from(module: Path, name: str) -> None:
    before = read_recipe(module).key
    assert before == read_recipe().key
    with (module / name).open("a") as file:
        file.write("\n")
    assert read_recipe(module).key != before


@pytest.mark.parametrize(
    ("words", "version"), [("go1.26.8", (1, 26)), ("go1.27rc1", (1, 27)), ("devel +abc", (0, 0)), ("", (0, 0))]
)
def test_a_go_version_is_read_or_counts_as_too_old(words: str, version: tuple[int, int]) -> None:
    assert parse_go_version(words) == version


def test_prometheus_release_is_told_from_its_module_s_version() -> None:
    assert release_of_module("v0.315.0") == "3.15.0"
    assert release_of_module("v0.302.1") == "3.2.1"


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("foresail:dev", "docker.io/library/foresail:dev"),
        ("foresail", "docker.io/library/foresail:latest"),
        ("team/app:1", "docker.io/team/app:1"),
        ("localhost/app:1", "localhost/app:1"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("ghcr.example/team/app:1", "ghcr.example/team/app:1"),
    ],
)
def test_a_name_is_spelt_as_the_node_knows_it(name: str, full: str) -> None:
    assert full_name(name) == full


def test_the_mirror_is_the_one_that_apt_uses_for_the_release() -> None:
    targets = """\
https://node.example/|nodistro|Node
http://mirror.example/debian-security/|bookworm-security|Debian-Security
http://mirror.example/debian/|bookworm-updates|Debian
http://mirror.example/debian/|bookworm|Debian
"""
    assert parse_mirror(targets) == "http://mirror.example/debian/"
    assert parse_mirror("") is None


def test_an_image_of_one_layer_names_its_parts_by_their_digests(tmp_path: Path) -> None:
    (tmp_path / "pause").write_bytes(b"\x7fELF")
    write_layer(tmp_path / "layer", {"pause": tmp_path / "pause"})
    write_archive(tmp_path / "image.tar", Image("localhost/pause:1", ("/pause",)), tmp_path / "layer")
    with tarfile.open(tmp_path / "image.tar") as archive:
        contents = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    (manifest,) = json.loads(contents["manifest.json"])
    assert manifest["RepoTags"] == ["localhost/pause:1"]
    config = json.loads(contents[manifest["Config"]])
    layer = contents[manifest["Layers"][0]]
    assert manifest["Config"] == hashlib.sha256(contents[manifest["Config"]]).hexdigest() + ".json"
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest()]
    assert config["config"]["Entrypoint"] == ["/pause"]
    assert not (tmp_path / "image.new").exists()
