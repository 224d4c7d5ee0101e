"""Debian's packages that the cluster runs on: installed without starting any of their services, and taken away exactly.

Which packages were new is written down, so that `clean` purges those and no others; dpkg itself refuses what something else
came to need meanwhile.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from demo.cluster.cache import Cache
from demo.cluster.commands import Surroundings, run, run_logged
from demo.cluster.errors import ClusterError, CommandFailedError
from demo.cluster.report import Reporter
from demo.cluster.work import Work

# A package is wanted where its program is missing: a containerd or runc of another origin will do.
PROGRAMS = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "ip": "iproute2",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Somebody else may be installing something just now.
_WAIT = ("-o", "DPkg::Lock::Timeout=120")
_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_MARK = "# Foresail: no service starts while its packages are installed; goes away by itself"
# One shell for policy and installation, in a session of its own: it ends by taking the policy away even if we are killed.
_INSTALL = """
if [ ! -e "$POLICY" ]; then
  trap 'rm -f "$POLICY"' EXIT
  printf '#!/bin/sh\\n%s\\nexit 101\\n' "$POLICY_MARK" > "$POLICY" && chmod 755 "$POLICY"
fi
apt-get -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends --no-remove --no-download "$@" < /dev/null
"""


def missing_packages(found: Callable[[str], bool] | None = None, programs: Mapping[str, str] = PROGRAMS) -> list[str]:
    """List the packages whose programs this machine lacks."""
    look = found or (lambda name: shutil.which(name, path=PATH) is not None or (name[0] == "/" and Path(name).exists()))
    return sorted(package for program, package in programs.items() if not look(program))


def install(work: Work, programs: Mapping[str, str] = PROGRAMS) -> None:
    """Install what is missing; raises ClusterError when apt cannot."""
    with work.reporter.step("install Debian packages") as step:
        wanted = missing_packages(programs=programs)
        if not wanted:
            step.cached()
            return
        step.note(", ".join(wanted))
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        _remove_own_policy()
        try:
            work.run(["apt-get", *_WAIT, "update"], "packages", env=env)
            download = ["apt-get", *_WAIT, "install", "--yes", "--no-install-recommends", "--no-remove", "--download-only"]
            work.run([*download, *wanted], "packages", env=env)
            _install_downloaded(work.cache, wanted, env)
        except CommandFailedError as error:
            raise ClusterError(
                f"installing {', '.join(wanted)} failed: {error}\nTry `apt-get install {' '.join(wanted)}` by hand and see "
                "what apt says; where a package would replace another (Docker's containerd), nothing is changed."
            ) from error


def recorded(cache: Cache) -> list[str]:
    """List the packages that we installed on this machine and have not purged yet."""
    return list(json.loads(cache.packages_record.read_text())) if cache.packages_record.exists() else []


def remember(cache: Cache, names: Sequence[str]) -> None:
    """Write down packages that were installed for us before this package could run (python3-venv), for `purge`."""
    cache.ensure()
    _record(cache, list(names))


def purge(cache: Cache, reporter: Reporter) -> None:
    """Purge the packages that we installed, save those that something else needs by now."""
    ours = [name for name in recorded(cache) if name in _installed()]
    if not ours:
        return
    with reporter.step("purge the Debian packages that were installed for the cluster") as step:
        log = cache.logs / "packages.log"
        try:
            run_logged(["dpkg", "--purge", *ours], log, Surroundings(env={"DEBIAN_FRONTEND": "noninteractive"}))
        except CommandFailedError:
            stay = sorted(set(ours) & _installed())
            step.note(f"other packages need {', '.join(stay)} by now: left")
        cache.packages_record.unlink()


def _install_downloaded(cache: Cache, wanted: list[str], env: dict[str, str]) -> None:
    before = _installed()
    planned = sorted(_would_install(wanted) - before)
    # Written before it is done: a machine that loses power in the middle is still cleaned of them.
    _record(cache, planned)
    log = cache.logs / "packages.log"
    surroundings = Surroundings(env={**env, "POLICY": str(_POLICY), "POLICY_MARK": _POLICY_MARK})
    # Not stopped half-way: dpkg would be left with packages that are unpacked and not configured.
    try:
        run_logged(["sh", "-c", _INSTALL, "sh", *wanted], log, surroundings)
    finally:
        _disable_units(sorted(_installed() - before), log)


def _record(cache: Cache, names: list[str]) -> None:
    fresh = cache.packages_record.with_suffix(".new")
    fresh.write_text(json.dumps(sorted({*recorded(cache), *names}), indent=1))
    fresh.rename(cache.packages_record)


def _would_install(wanted: list[str]) -> set[str]:
    plan = run(["apt-get", "install", "--simulate", "--yes", "--no-install-recommends", "--no-remove", *wanted])
    return {line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")}


def _installed() -> set[str]:
    listing = run(["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}\t${Package}\n"])
    rows = (line.split("\t") for line in listing.splitlines())
    return {name for status, name in rows if status[1] in "iUFHWt"}


def _disable_units(packages: list[str], log: Path) -> None:
    """Take back what the packages enabled for the next boot; they were not started."""
    if not packages or shutil.which("systemctl", path=PATH) is None:
        return
    files = run(["dpkg", "--listfiles", *packages]).splitlines()
    suffixes = (".service", ".timer", ".socket", ".path")
    units = sorted({Path(file).name for file in files if "/systemd/system/" in file and file.endswith(suffixes)})
    if units:
        # A unit that cannot be enabled cannot be disabled either, and systemctl complains of it: the log tells.
        argv = ["systemctl", "--root=/", "disable", *units]
        with log.open("ab") as sink:
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, check=False)


def _remove_own_policy() -> None:
    if _POLICY.exists() and os.access(_POLICY, os.R_OK) and _POLICY_MARK in _POLICY.read_text():
        _POLICY.unlink()
