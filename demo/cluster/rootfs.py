"""The base image: a small Debian with Python, made by debootstrap from wherever this machine's apt gets its packages."""

import re
from pathlib import Path

from demo.cluster.archive import Image, write_archive, write_layer
from demo.cluster.cache import Cache, remove_tree
from demo.cluster.commands import run
from demo.cluster.config import PAUSE_IMAGE
from demo.cluster.errors import ClusterError, CommandFailedError
from demo.cluster.mounts import unmount_under
from demo.cluster.work import Work

_RELEASE = "bookworm"
_INCLUDE = "python3,python3-venv,ca-certificates"
BASE_IMAGE = f"localhost/foresail/base:{_RELEASE}"
# What an image does not need, and what debootstrap takes over from the machine it runs on.
_LEFT_OUT = (
    "./dev/*",
    "./proc/*",
    "./sys/*",
    "./etc/resolv.conf",
    "./etc/hostname",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
    "./usr/share/info/*",
)


def base_archive(cache: Cache) -> Path:
    """Tell where the base image lies, or will."""
    return cache.rootfs / f"base-{_RELEASE}.tar"


def pause_archive(bin_folder: Path) -> Path:
    """Tell where the image of the pods' sandbox container lies, or will."""
    return bin_folder / "pause.tar"


def make_base(work: Work) -> None:
    """Make the base image unless it is there."""
    cache = work.cache
    target = base_archive(cache)
    with work.reporter.step(f"make the base image (debootstrap {_RELEASE})") as step:
        if target.exists():
            step.cached()
            return
        tree, layer = cache.rootfs / "tree", cache.rootfs / "layer.tar"
        _forget(tree, layer)
        tree.mkdir(parents=True)
        argv: list[str | Path] = ["debootstrap", "--variant=minbase", f"--include={_INCLUDE}", _RELEASE, tree]
        try:
            work.run([*argv, *_mirror()], "debootstrap", env=_proxies())
            excluded = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
            pack: list[str | Path] = [
                "tar",
                "--create",
                "--file",
                layer,
                "--directory",
                tree,
                "--numeric-owner",
                "--sort=name",
                *excluded,
                ".",
            ]
            work.run(pack, "debootstrap")
            write_archive(target, Image(BASE_IMAGE), layer)
        except CommandFailedError as error:
            raise ClusterError(
                f"making the base image failed: {error}\ndebootstrap takes its packages from where apt does: does "
                "`apt-get update` work on this machine?"
            ) from error
        finally:
            _forget(tree, layer)


def parse_mirror(targets: str, release: str = _RELEASE) -> str | None:
    """Find the Debian mirror in `apt-get indextargets` lines of `URI|codename|label`; None when apt names none."""
    rows = (line.split("|") for line in targets.splitlines())
    return next((uri for uri, codename, label in rows if codename == release and label == "Debian"), None)


def _mirror() -> list[str]:
    # --format is an argument of apt's own; the fields in it are not the shell's.
    targets = run(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(CODENAME)|$(LABEL)", "Created-By: Packages"])
    found = parse_mirror(targets)
    return [found] if found else []  # without one, debootstrap's own default


def _proxies() -> dict[str, str]:
    shell = run(["apt-config", "shell", "HTTP", "Acquire::http::Proxy", "HTTPS", "Acquire::https::Proxy"])
    found = dict(re.findall(r"^(HTTPS?)='(.*)'$", shell, re.MULTILINE))
    return {f"{name.lower()}_proxy": value for name, value in found.items() if value and value != "DIRECT"}


def _forget(tree: Path, layer: Path) -> None:
    layer.unlink(missing_ok=True)
    if tree.exists():
        unmount_under(tree)  # debootstrap mounts /proc there, and an interrupt leaves it
        remove_tree(tree)


def make_pause(bin_folder: Path) -> None:
    """Make the sandbox image unless it is there."""
    target = pause_archive(bin_folder)
    if target.exists():
        return
    layer = target.with_suffix(".layer")
    write_layer(layer, {"pause": bin_folder / "pause"})
    write_archive(target, Image(PAUSE_IMAGE, ("/pause",)), layer)
    layer.unlink()
