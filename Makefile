# Two commands do everything: `make demo` and `make test`. Each sets up what it needs by itself.
#   make demo [KEEP=1]   the whole loop on a real cluster, on this machine (Linux, root; elsewhere: foresail replay --sample)
#   make test            every test; what cannot run here is skipped and named
#   make check           lint, types, import rules and the tests that need neither cluster nor virtual machine
#   make conformance [SEED=n] [CASES=n]   compare decisions with the real Horizontal Pod Autoscaler (needs Go)
#   make clean           end what runs and remove everything that any of these left on the machine
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
TESTS ?= tests

.PHONY: help demo test check conformance lint unit format lock generate clean

help:
	@sed -n '1,/^\.DEFAULT/s/^# \{0,1\}//p' Makefile

$(READY): pyproject.toml requirements.lock scripts/venv.sh
	@scripts/venv.sh $(VENV)
	@touch $@

demo: $(READY)
	@$(PY) -m demo $(if $(KEEP),--keep)

test: lint
	@$(PY) -m demo.cluster prepare --if-fit
	@$(PY) -m demo.vm prepare --if-fit
	@$(PY) -m pytest $(TESTS)

check: lint unit

conformance: $(READY)
	@$(PY) -m tests.conformance.hpa.run $(or $(SEED),1) $(or $(CASES),10000)

lint: $(READY)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache | grep -v '^$$' | tail -n 12

unit: $(READY)
	@$(PY) -m pytest -m "not cluster and not vm" $(TESTS)

format: $(READY)
	@$(VENV)/bin/ruff check --fix . ; $(VENV)/bin/ruff format .

lock: $(READY)
	@$(VENV)/bin/pip-compile -q --all-extras --strip-extras --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	    -o requirements.lock pyproject.toml

generate: $(READY)
	@$(PY) -m dashboards.build --out helm/foresail/files
	@$(PY) -m exporters.metrics_table tests/golden/exporter > docs/exporter-metrics.md

clean:
	@if [ -x $(PY) ]; then $(PY) -m demo.cluster clean; fi
	@rm -rf $(VENV) build dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
