# Every target works in a fresh clone: it makes the environment first, from the lock file.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
DATA := $(or $(ZHIBIAO_DATA),data)
export HOST ?= 127.0.0.1
export PORT ?= 8000
# Real documents and goal tables for tests, where they lie beside the checkout.
export ZHIBIAO_SAMPLES ?= $(abspath $(wildcard ../shared))

.DEFAULT_GOAL := help
.PHONY: help serve test lint bench second-engine lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

$(VENV)/.serve: requirements.lock pyproject.toml hatch_build.py indexer/kernel.c
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python3"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.serve
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

serve: $(VENV)/.serve ## load the reference library when needed and serve it on HOST:PORT
	@$(BIN)/zhibiao --data $(DATA) serve $(if $(filter 127.% ::1 localhost,$(HOST)),--personas)

test: $(VENV)/.dev ## run every test that this machine can run
	$(BIN)/python -m pytest

lint: $(VENV)/.dev ## style, types, and the stairs between the storeys
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

second-engine: $(VENV)/.dev ## run the engine's tests on a second Whoosh as well
	$(PYTHON) -m venv --clear $(VENV)/second
	$(VENV)/second/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock --no-deps
	$(VENV)/second/bin/python -m pip uninstall --quiet --yes whoosh3
	$(VENV)/second/bin/python -m pip install --quiet --disable-pip-version-check Whoosh-Reloaded==2.7.5
	$(VENV)/second/bin/python -m pytest tests/indexer/engines

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[bench]'
	@touch $@

bench: $(VENV)/.bench ## time search, suggestion and service beside their peers (BENCH="--sizes 8455 --count 40")
	$(BIN)/python -m bench.speed $(BENCH)
	$(BIN)/python -m bench.speed service

lock: ## pin every dependency with its hashes again
	uv pip compile --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --quiet \
		pyproject.toml build-requirements.in -o requirements.lock
	uv pip compile --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --quiet \
		pyproject.toml build-requirements.in --extra dev -o requirements-dev.lock

clean: ## remove the environment and caches; the data folder stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
