# The image of both programs, `foresail` and `foresail-exporter`; EXTRAS=exporter makes a small one for the exporter alone.
#
#   docker build -t registry.example/team/foresail:0.1.0 .
#
# Without a network: any Debian 12 with python3 and python3-venv as BASE, and a folder of wheels (those of requirements.lock, and
# hatchling) mounted into the build and named by PIP_FIND_LINKS, with PIP_NO_INDEX=1. Both are pip's own variables; empty is unset.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE}

ARG PIP_NO_INDEX=
ARG PIP_FIND_LINKS=
ARG EXTRAS=exporter,service

# First what rarely changes: the environment, with the locked dependencies of the chosen extras and without pip, which stays in a
# folder that goes away, without the tests of others (60 MB). Compiled here, as the programs run on a read-only file system.
COPY pyproject.toml requirements.lock /src/
RUN set -e; cd /src; \
    python3 -m venv --without-pip /opt/foresail; \
    python3 -m venv /tmp/pip; \
    python3 -c 'import sys, tomllib; \
p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
extras = [e for e in sys.argv[1].split(",") if e]; \
print("\n".join(p["dependencies"] + [d for e in extras for d in p["optional-dependencies"][e]]))' "${EXTRAS}" > /tmp/wanted; \
    /tmp/pip/bin/pip --python /opt/foresail/bin/python install --disable-pip-version-check --no-cache-dir --no-compile \
        -r /tmp/wanted -c requirements.lock; \
    find /opt/foresail -name tests -type d -prune -exec rm -rf {} +; \
    python3 -m compileall -q -j 0 /opt/foresail/lib; \
    rm -rf /tmp/pip /tmp/wanted

# Then the project, a layer of some hundred kilobytes.
COPY . /src/
RUN set -e; \
    python3 -m venv /tmp/pip; \
    /tmp/pip/bin/pip --python /opt/foresail/bin/python install --disable-pip-version-check --no-cache-dir --no-deps /src; \
    rm -rf /tmp/pip /src

ENV PATH=/opt/foresail/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /
USER 65534:65534
ENTRYPOINT []
