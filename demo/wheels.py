"""The project's image, built as a user would build it, from wheels that the host has fetched.

The image is made inside the cluster's machine without a registry and without a network: pip on the host fetches the locked
wheels for the image's Python (3.11, Debian 12) into the cache once, and the Dockerfile's own `PIP_NO_INDEX` and
`PIP_FIND_LINKS` arguments point at them.
"""

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from demo.cluster.commands import Surroundings, run_logged

TREE = Path(__file__).resolve().parent.parent
_SOURCES = ("pyproject.toml", "requirements.lock", "Dockerfile", "README.md", "LICENSE")
_PACKAGES = ("autoscaler", "exporters", "dashboards")


def fingerprint(paths: Iterable[Path]) -> str:
    """Return a hash over names and contents, so that nothing is built twice and nothing stale is used."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def image_key() -> str:
    """Return the fingerprint of everything that goes into the project's image."""
    code = (path for package in _PACKAGES for path in (TREE / package).rglob("*.py"))
    return fingerprint([*(TREE / name for name in _SOURCES), *code])


def wheelhouse(folder: Path, log: Path) -> Path:
    """Return a folder with the wheels of the image's dependencies; fetched when the lock or pyproject.toml has changed."""
    target = folder / fingerprint([TREE / "pyproject.toml", TREE / "requirements.lock"])
    if target.exists():
        return target
    unfinished = target.with_suffix(".part")
    unfinished.mkdir(parents=True, exist_ok=True)
    # Wheels of the image's Python, whatever runs here; what has none (pure Python, source only) is built by `pip wheel`.
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--wheel-dir", str(unfinished)]
    wanted = ["-c", str(TREE / "requirements.lock"), f"{TREE}[exporter,service]", "hatchling"]
    run_logged([*command, *wanted], log, Surroundings(cwd=TREE))
    for own in unfinished.glob("foresail-*.whl"):
        own.unlink()  # the image takes the project itself from the tree
    unfinished.rename(target)
    return target
