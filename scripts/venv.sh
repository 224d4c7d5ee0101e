#!/usr/bin/env bash
# Makes the virtual environment in which everything runs: Python 3.11 or newer, the locked versions, this project (editable).
# On Debian without python3-venv it installs that package when it may (root), else it says what to type.
set -euo pipefail
venv=${1:?usage: venv.sh FOLDER}

say() { printf '%s\n' "$*" >&2; }

python=
for candidate in python3.11 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    say "Setting up $venv: no Python 3.11 or newer on PATH. On Debian 12: apt-get install python3"
    exit 1
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    say "Setting up $venv: $python has no venv module; installing Debian's python3-venv"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "That needs root and apt-get. Do it by hand: apt-get install python3-venv"
        exit 1
    fi
    mkdir -p "$venv"
    before=$(mktemp) log=$(mktemp)
    trap 'rm -f "$before" "$log"' EXIT
    dpkg-query -W -f '${Package}\n' | sort -u >"$before"
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv; } >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        say "apt-get could not install python3-venv: its last words are above. Mend that, then type the same command again."
        exit 1
    fi
    dpkg-query -W -f '${Package}\n' | sort -u | comm -13 "$before" - >>"$venv/apt-installed"
fi

say "Setting up $venv with $("$python" --version): the locked packages (about a minute the first time)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -c requirements.lock -e '.[exporter,service,dask,replay,dashboards,demo,dev]'; then
    say "pip could not install the packages of pyproject.toml in the versions of requirements.lock (its words are above)."
    say "Check the network and pip's settings (pip config list), then type the same command again."
    exit 1
fi

if [ -s "$venv/apt-installed" ]; then # `make clean` takes off again what was installed for us, and nothing else
    remember='import sys; from demo.cluster import cache, packages; packages.remember(cache.Cache.locate(), sys.argv[1:])'
    xargs "$venv/bin/python" -c "$remember" <"$venv/apt-installed"
    rm "$venv/apt-installed"
fi
