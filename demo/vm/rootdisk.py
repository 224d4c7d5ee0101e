"""The machine's root file system, one ext4 disk: the base image, the cluster's programs, the exporter's dependencies.

Made once and never written: each run works on a copy that vanishes with it.
"""

import hashlib
import json
import shutil
import sys
import tarfile
import tomllib
from pathlib import Path

from demo.cluster.archive import Image, write_archive, write_layer
from demo.cluster.cache import remove_tree
from demo.cluster.commands import run
from demo.cluster.errors import ClusterError, CommandFailedError
from demo.cluster.gobuild import bin_folder
from demo.cluster.rootfs import base_archive, pause_archive
from demo.cluster.work import Work
from demo.vm import debs
from demo.vm.places import IMAGES, PYTHON, PYTHON_VERSION, Places, inner_layout
from demo.vm.pods import IMAGE
from demo.wheels import TREE

_PACKAGES = ("containerd", "runc", "containernetworking-plugins")
# Of what is in them only this; the libraries that it needs are those of the base image.
_PROGRAMS = (
    *(f"usr/bin/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
    "usr/sbin/runc",
    *(f"usr/lib/cni/{name}" for name in ("bridge", "host-local", "loopback")),
)
_SIZE = "2G"  # of which only what is written takes room


def fetch(work: Work, places: Places) -> None:
    """Fetch the container runtime unless it is there; raises ClusterError."""
    with work.reporter.step("fetch containerd and runc for the virtual machine") as step:
        if places.node.exists():
            step.cached()
            return
        unpacked, fresh = places.root / "unpacked", places.node.with_suffix(".new")
        _forget(unpacked, fresh)
        debs.update(work)
        debs.unpack(work, _PACKAGES, unpacked)
        for name in _PROGRAMS:
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (unpacked / name).rename(fresh / name)
        _forget(unpacked)
        fresh.rename(places.node)


def make(work: Work, places: Places) -> None:
    """Make the disk unless it is there and made from the same parts; raises ClusterError."""
    with work.reporter.step("make the disk of the virtual machine") as step:
        key = _key(places)
        if places.disk.exists() and places.disk_key.exists() and places.disk_key.read_text(encoding="ascii") == key:
            step.cached()
            return
        tree, fresh = places.root / "tree", places.disk.with_suffix(".new")
        _forget(tree, fresh)
        try:
            _fill(work, places, tree)
            # Without a journal: nothing of it outlives the run.
            work.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", tree, fresh, _SIZE], "vm")
        except CommandFailedError as error:
            raise ClusterError(f"making the disk of the virtual machine failed: {error}") from error
        finally:
            if tree.exists():
                remove_tree(tree)
        fresh.rename(places.disk)
        places.disk_key.write_text(key, encoding="ascii")


def _forget(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            remove_tree(path)


def _fill(work: Work, places: Places, tree: Path) -> None:
    tree.mkdir(parents=True)
    layer = tree.with_name("layer.tar")
    with tarfile.open(base_archive(places.cache)) as archive:
        member = next(one for one in archive.getmembers() if one.name.endswith("layer.tar"))
        source = archive.extractfile(member)
        if source is None:
            raise ClusterError(f"{base_archive(places.cache)} is no image: remove it, it is made again")
        with source, layer.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    work.run(["tar", "--extract", "--numeric-owner", "--file", layer, "--directory", tree], "vm")
    layer.unlink()
    for folder in ("proc", "sys", "dev", "run", "tmp", "root", "var/log", str(IMAGES)[1:], str(inner_layout().bin)[1:]):
        (tree / folder).mkdir(parents=True, exist_ok=True)
    for program in _PROGRAMS:
        (tree / program).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(places.node / program, tree / program)
    built = bin_folder(places.cache)
    shutil.copy2(built / "kubelet", tree / str(inner_layout().bin)[1:])
    shutil.copy2(pause_archive(built), tree / str(IMAGES)[1:])
    _write_image(built / "pause", tree / str(IMAGES)[1:] / "work.tar")
    shutil.copytree(_dependencies(work, places), tree / str(PYTHON)[1:])


def _write_image(pause: Path, target: Path) -> None:
    """Write the image that all containers of pods are made of; its program only sleeps."""
    layer = target.with_suffix(".layer")
    write_layer(layer, {"pause": pause})
    # With a configuration of its own: two names of one image could not be told apart.
    write_archive(target, Image(IMAGE, ("/pause",), ("PATH=/usr/bin", "WORK=1")), layer)
    layer.unlink()


def _dependencies(work: Work, places: Places) -> Path:
    """Fetch what the exporter imports, in the locked versions, for the base image's Python."""
    wanted = _requirements()
    target = places.python / hashlib.sha256(json.dumps(wanted).encode() + _lock()).hexdigest()[:16]
    if target.exists():
        return target
    _forget(places.python)
    fresh = target.with_suffix(".new")
    options = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
        "--only-binary=:all:",
        f"--python-version={'.'.join(map(str, PYTHON_VERSION))}",
    ]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(fresh), "-c", "requirements.lock"]
    work.run([*command, *wanted], "vm", cwd=TREE)
    if sys.version_info[:2] == PYTHON_VERSION:  # what this Python compiles is read by that one
        run([sys.executable, "-m", "compileall", "-q", fresh])
    fresh.rename(target)
    return target


def _requirements() -> list[str]:
    project = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["exporter"]]


def _lock() -> bytes:
    return (TREE / "requirements.lock").read_bytes()


def _key(places: Places) -> str:
    built = bin_folder(places.cache)
    files = [base_archive(places.cache), built / "kubelet", pause_archive(built), *(places.node / name for name in _PROGRAMS)]
    stamps = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    parts = [*stamps, *_requirements(), _lock().hex(), Path(__file__).read_text(encoding="utf-8"), IMAGE]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
