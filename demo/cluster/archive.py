"""Container images as files, written by ourselves: one layer, one configuration, in Docker's archive format.

What `docker save` writes and every runtime imports (moby image spec v1.2): manifest.json, a configuration and layer tars.
"""

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass
from pathlib import Path

_EPOCH = "1970-01-01T00:00:00Z"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Image:
    """What an image says of itself."""

    name: str
    entrypoint: tuple[str, ...] = ()
    env: tuple[str, ...] = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)


def write_archive(target: Path, image: Image, layer: Path) -> None:
    """Write an image of one layer (a plain tar) to `target`, whole or not at all."""
    digest = file_digest(layer)
    config = json.dumps(
        {
            "architecture": ARCHITECTURES[platform.machine()],
            "os": "linux",
            "created": _EPOCH,
            "config": {"Entrypoint": list(image.entrypoint) or None, "Env": list(image.env)},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": _EPOCH, "created_by": "foresail"}],
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [image.name], "Layers": [f"{digest}/layer.tar"]}]
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    with tarfile.open(fresh, "w") as archive:
        _add(archive, config_name, config)
        archive.add(layer, f"{digest}/layer.tar", filter=_anonymous)
        _add(archive, "manifest.json", json.dumps(manifest).encode())
    fresh.rename(target)


def write_layer(target: Path, programs: dict[str, Path]) -> None:
    """Write a layer that holds only `programs`: where each lies in the image, and where it comes from."""
    with tarfile.open(target, "w") as layer:
        for name, source in programs.items():
            layer.add(source, name, filter=_anonymous)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member
