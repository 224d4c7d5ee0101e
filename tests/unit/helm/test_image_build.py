"""What the image is built from is in the build's context, and what it installs exists."""

import re
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))
DOCKERFILE = (TREE / "Dockerfile").read_text(encoding="utf-8")
CONTEXT = {line[1:] for line in (TREE / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}


def test_the_context_has_all_that_the_wheel_is_built_from_and_all_that_is_copied() -> None:
    project = PROJECT["project"]
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = {name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, flags=re.MULTILINE) for name in line.split()} - {"."}
    assert {"pyproject.toml", project["readme"], *project["license-files"], *packages, *copied} == CONTEXT
    assert all((TREE / name).exists() for name in CONTEXT)


def test_the_extras_that_are_installed_exist() -> None:
    [extras] = re.findall(r"^ARG EXTRAS=(.+)$", DOCKERFILE, flags=re.MULTILINE)
    assert extras.split(",") == ["exporter", "service"]
    assert set(extras.split(",")) <= PROJECT["project"]["optional-dependencies"].keys()


def test_the_programs_run_as_nobody_and_are_the_only_process() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, flags=re.MULTILINE) == ["65534:65534"]
    assert re.findall(r"^ENTRYPOINT (.+)$", DOCKERFILE, flags=re.MULTILINE) == ["[]"]
