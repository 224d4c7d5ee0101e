"""Whether the registry answers from which a first start fetches Kubernetes' source: asked before minutes are spent on it.

Debian's packages and PyPI are not asked: the one is often there already, and this program came through the other.
"""

import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

_PATIENCE_S = 10.0
_PROBE = "k8s.io/kubernetes/@v/list"

Answers = Callable[[str], bool]


def unreachable(environ: Mapping[str, str], answers: Answers | None = None) -> str:
    """Return the module proxies of which none answers, in words; empty where one does, or Go is told to do without."""
    asked = module_proxies(environ)
    if not asked or any((answers or _answers)(one) for one in asked):
        return ""
    return " and ".join(re.sub(r"//[^/@]*@", "//", one) for one in asked)  # without a password


def module_proxies(environ: Mapping[str, str]) -> list[str]:
    """Return the URLs that Go would fetch modules from: of the environment, else of its own settings, else what it says itself.

    Without any of these nothing is known to ask.
    """
    text = environ.get("GOPROXY") or _setting(environ, "GOPROXY") or _of_go(environ)
    return [one.rstrip("/") for one in re.split(r"[,|]", text) if one.startswith(("http://", "https://"))]


def _setting(environ: Mapping[str, str], name: str) -> str:
    """Return what `go env -w` has written."""
    config = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "/")) / ".config")
    try:
        lines = Path(environ.get("GOENV") or config / "go" / "env").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return next((line.partition("=")[2].strip() for line in lines if line.startswith(f"{name}=")), "")


def _of_go(environ: Mapping[str, str]) -> str:
    """Return the default of the Go that is installed; empty where there is none yet."""
    go = shutil.which("go", path=environ.get("PATH", ""))
    if go is None:
        return ""
    told = subprocess.run([go, "env", "GOPROXY"], capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    return told.stdout.strip()


def _answers(url: str) -> bool:
    """Say whether anything answers, whatever it says: what a registry refuses is told better by who needs it."""
    try:
        with urllib.request.urlopen(f"{url}/{_PROBE}", timeout=_PATIENCE_S):  # noqa: S310 - http or https, see above
            return True
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return True
    except (OSError, ValueError):
        return False


def of_this_machine() -> str:
    """Return what `unreachable` says here."""
    return unreachable(os.environ)
