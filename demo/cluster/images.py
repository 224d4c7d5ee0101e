"""Building the images that run on the node, and putting them there: Debian's buildah, and no registry.

An image is kept in the cache under a key that the caller gives (a hash of what goes into it); the same key is built once.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demo.cluster.cache import Cache
from demo.cluster.commands import Surroundings, run, run_logged
from demo.cluster.errors import ClusterError, CommandFailedError
from demo.cluster.layout import Layout
from demo.cluster.rootfs import BASE_IMAGE, base_archive


@dataclass(frozen=True, slots=True)
class Build:
    """What to build: the folder and the Dockerfile in it (or elsewhere), and `key`, which says when it has to be built anew.

    The Dockerfile gets the base image as build argument `BASE`; `volumes` are host folders and where the build sees them,
    read-only. Layers are used again as Docker does, by instruction and copied files: what comes out of a volume has to be
    pinned by one of those (a lock file), or a former layer is taken for the new one.
    """

    context: Path
    dockerfile: Path
    key: str
    build_args: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[Path, str] = field(default_factory=dict)


def full_name(name: str) -> str:
    """Spell an image's name the way the node knows it: `foresail:dev` is `docker.io/library/foresail:dev`."""
    tagged = name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"
    first, slash, _ = tagged.partition("/")
    if not slash:
        return f"docker.io/library/{tagged}"
    return tagged if "." in first or ":" in first or first == "localhost" else f"docker.io/{tagged}"


def build_archive(cache: Cache, name: str, build: Build) -> tuple[Path, str]:
    """Build an image unless one of this key is in the cache; returns its docker archive and the whole key."""
    base = base_archive(cache)
    stamp = base.stat()
    parts = (full_name(name), build.key, f"{stamp.st_size}.{stamp.st_mtime_ns}", *sorted(map(str, build.build_args.items())))
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    stem = re.sub(r"[^a-z0-9.]+", "-", full_name(name).lower())
    target = cache.images / f"{stem}-{key}.tar"
    if not target.exists():
        _build(cache, name, build, target)
        for other in cache.images.glob(f"{stem}-*.tar"):
            if other != target:
                other.unlink()
    return target, key


def import_archive(layout: Layout, snapshotter: str, archive: Path) -> None:
    """Put an image on the node; it is there when this returns."""
    ctr: list[str | Path] = ["ctr", "--address", layout.containerd_socket, "--namespace", "k8s.io", "images", "import"]
    run([*ctr, "--snapshotter", snapshotter, archive])


def choose_snapshotter(run_folder: Path) -> str:
    """Choose overlay mounts where the cache's file system carries them, plain copies where not."""
    parts = {name: run_folder / "overlay-try" / name for name in ("lower", "upper", "work", "merged")}
    for part in parts.values():
        part.mkdir(parents=True)
    options = ",".join((f"lowerdir={parts['lower']}", f"upperdir={parts['upper']}", f"workdir={parts['work']}"))
    try:
        # In a mount namespace of its own, so that there is nothing to take away.
        run(["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, parts["merged"]])
    except CommandFailedError:
        return "native"
    return "overlayfs"


def _build(cache: Cache, name: str, build: Build, target: Path) -> None:
    log = cache.logs / "images.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    _load_base(cache, log)
    arguments = {"BASE": BASE_IMAGE, **build.build_args}
    fresh = target.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    try:
        run_logged(
            [
                *_buildah(cache, "bud"),
                "--isolation=chroot",
                "--pull-never",
                "--layers",
                f"--tag={full_name(name)}",
                f"--file={build.dockerfile}",
                *(f"--build-arg={key}={value}" for key, value in arguments.items()),
                *(f"--volume={folder}:{place}:ro" for folder, place in build.volumes.items()),
                build.context,
            ],
            log,
            _surroundings(cache),
        )
        push = [*_buildah(cache, "push"), full_name(name), f"docker-archive:{fresh}:{full_name(name)}"]
        run_logged(push, log, _surroundings(cache))
        run_logged([*_buildah(cache, "rmi"), "--prune"], log, _surroundings(cache))  # what the image was before
    except CommandFailedError as error:
        raise ClusterError(f"building the image {name} from {build.dockerfile} failed: {error}") from error
    fresh.rename(target)


def _load_base(cache: Cache, log: Path) -> None:
    """Put the base image into the builder's storage, unless it is the one there."""
    archive = base_archive(cache)
    stamp = archive.stat()
    mark = cache.images / "base-loaded"
    text = f"{stamp.st_size} {stamp.st_mtime_ns}"
    if mark.exists() and mark.read_text() == text:
        return
    cache.images.mkdir(parents=True, exist_ok=True)
    run_logged([*_buildah(cache, "pull"), f"docker-archive:{archive}"], log, _surroundings(cache))
    mark.write_text(text)


def _surroundings(cache: Cache) -> Surroundings:
    """Give the builder a folder for its large temporary files; they would fill /var/tmp."""
    folder = cache.images / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return Surroundings(env={"TMPDIR": str(folder)})


def _buildah(cache: Cache, command: str) -> list[str | Path]:
    """Give buildah with storage of its own, in a mount namespace of its own: what it mounts ends with it."""
    storage = cache.images / "buildah"
    return [
        "unshare",
        "--mount",
        "--propagation=private",
        "buildah",
        command,
        f"--root={storage}",
        f"--runroot={storage}-run",
        "--storage-driver=overlay",
    ]
