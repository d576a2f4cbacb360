# Everything runs in .venv, made from requirements.lock. Needs: make, Python 3.11 to 3.13.
# All paths are relative, so the folder's own path may hold spaces.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help setup run test bench bench-live chaos fuzz week golden schemas lint format lock clean test-versions FORCE

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
# The first of these that is 3.11 to 3.13 makes .venv; to choose: make setup PYTHON=/path/to/python3.12
PYTHON ?= python3 python3.13 python3.12 python3.11
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PIP := $(PY) -m pip --quiet --disable-pip-version-check --no-input
ARGS ?=

help:
	@echo "make setup   .venv with the locked packages and the settle command"
	@echo "make run     a real market day, from quotes to the clients' files"
	@echo "make test    the tests; make test ARGS='-k cash_call' passes on to pytest"
	@echo "make test-versions  the tests without a broker, on each other Python from 3.11 to 3.13 that is installed"
	@echo "make bench   the speed figures, as a table"
	@echo "make bench-live  the same of the live pipeline, beside its peers on one broker"
	@echo "make chaos   everything is killed while a day is produced live; make chaos ARGS='--seed 7 --kills 100'"
	@echo "make fuzz    random records of every kind, live and replayed; make fuzz ARGS='--seed 7 --records 100000'"
	@echo "make week    a week across a daylight-saving change, settled live and replayed: the same"
	@echo "make schemas docs/events and docs/asyncapi.yaml anew from the code"
	@echo "make lint    style, types and the import contract; make format puts style right"
	@echo "make lock    requirements.lock anew from pyproject.toml"
	@echo "make clean   removes .venv and caches"

setup: $(READY)
	@:

run: $(READY)
	@$(PY) -m scripts.run_day $(ARGS)

# loadfile: the tests of a module on a broker are told in their order. Those that take longest come
# first, as the folders do.
test: $(READY)
	@$(PY) -m pytest -q -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

# One VENV for each version; .ci/test-versions finds the versions and calls this target for each one.
.PHONY: test-without-broker
test-without-broker: $(READY)
	@$(PY) -m pytest -q -n auto --dist loadfile -m "not integration and not slow" tests/unit tests/property tests/simulation $(ARGS)

test-versions: $(READY)
	@.ci/test-versions $(PY)

bench: $(READY)
	@$(PY) -m scripts.bench $(ARGS)

# A peer has an environment of its own: its pins do not fit ours.
PEERS := .venv-peers
bench-live: $(READY) $(PEERS)/.ready
	@$(PY) -m scripts.bench_live $(ARGS)

$(PEERS)/.ready: scripts/peers/quixstreams.lock
	@$(PY) -m venv --clear $(PEERS)
	@echo "installing quixstreams, a peer, into $(PEERS) ..."
	@$(PEERS)/bin/python -m pip --quiet --disable-pip-version-check install --no-compile --require-hashes --requirement $<
	@touch $@

# 100 kills on one node, then 100 on three: some 50 minutes. A short run is among the tests.
chaos: $(READY)
	@$(PY) -m tests.chaos $(ARGS)

# A million records and ten kills, live and replayed. A short run is among the tests.
fuzz: $(READY)
	@$(PY) -m tests.fuzz $(ARGS)

# All funding models, in step, on a broker of its own; two days of it are among the tests.
week: $(READY)
	@$(PY) -m tests.week $(ARGS)

# After a change of the rules, or of tests/golden/day.jsonl: read the diff, it is the review.
golden: $(READY)
	@$(PY) -m tests.golden.renew

# After a change of an event or a topic: the diff is what other programs will notice.
schemas: $(READY)
	@$(PY) -m scripts.schemas

lint: $(READY)
	@echo "ruff check" && $(PY) -m ruff check --quiet .
	@echo "ruff format --check" && $(PY) -m ruff format --check --quiet .
	@echo "mypy" && $(PY) -m mypy
	@echo "pip check" && $(PIP) check >/dev/null || { $(PIP) check; echo "make lock?" >&2; exit 1; }
	@echo "lint-imports" && $(VENV)/bin/lint-imports --no-logo

format: $(READY)
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format --quiet .

# The stamp holds the folder .venv was made for: a copied or moved tree makes its own.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
$(READY): FORCE
endif
$(READY): requirements.lock pyproject.toml
	@for python in $(PYTHON) none; do \
	    $$python -c '$(FITS)' 2>/dev/null && break; \
	done; \
	if [ $$python = none ]; then \
	    echo "settle needs Python 3.11, 3.12 or 3.13; tried: $(PYTHON). To name one: make setup PYTHON=/path/to/python" >&2; \
	    exit 1; \
	fi; \
	{ [ "$$(cat $(READY) 2>/dev/null)" = "$(CURDIR)" ] && $(PY) -c '$(FITS)' 2>/dev/null; } || \
	    $$python -m venv --clear $(VENV)
	@echo "installing $$(grep '^[a-z0-9].*==' requirements.lock | grep -vc win32) pinned packages into $(VENV) ..."
	@$(PIP) install --no-compile --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	@printf '%s\n' "$(CURDIR)" > $(READY)

# Keeps the versions that still fit; make lock ARGS=--upgrade takes the newest of the indirect ones.
# Not from setup: a lock that no longer fits pyproject.toml is no reason not to make a new one.
lock:
	@[ -x $(PY) ] || $(MAKE) setup
	@$(PY) -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-config --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	    --quiet --output-file requirements.lock $(ARGS)
	@$(PY) -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	    --no-config --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	    --constraint requirements.lock --quiet --output-file requirements-run.lock
	@$(PY) -m uv pip compile scripts/peers/quixstreams.in --universal --python-version 3.11 --generate-hashes \
	    --no-config --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	    --quiet --output-file scripts/peers/quixstreams.lock $(ARGS)
	@echo "requirements.lock: $$(grep -c '^[a-z0-9].*==' requirements.lock) packages"

clean:
	@rm -rf $(VENV) .venv-3.* $(PEERS) build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
