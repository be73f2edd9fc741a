# The commands of a developer and of a newcomer. `make run` and `make test` need Python 3.11+, make and git, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := run
.PHONY: setup setup-dev run test test-servers check fix bench migration lock

setup: $(VENV)/.run-ready

setup-dev: $(VENV)/.dev-ready

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-ready: requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.dev-ready: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@ $(VENV)/.run-ready

run: setup
	$(BIN)/parley demo

test: setup-dev
	$(BIN)/python -m tests.browser.provide
	$(BIN)/python -m pytest -m "not servers" --numprocesses auto --dist loadfile --no-loadscope-reorder

# Real servers and independent clients of platforms: each in an environment of its own, so that none decides over our versions.
.servers/%/.ready: tests/servers/locks/%.lock
	$(PYTHON) -m venv .servers/$*
	.servers/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

# Servers that are written for Node: the version that they need comes along, and what has to be compiled is compiled for that one.
.servers/%/.ready: tests/servers/npm/%/package-lock.json
	mkdir -p .servers/$*
	cp tests/servers/npm/$*/package.json tests/servers/npm/$*/package-lock.json .servers/$*
	cd .servers/$* && npm ci --ignore-scripts --no-audit --no-fund
	cd .servers/$* && for node in "$$PWD"/node_modules/node-linux-*; do \
	  PATH="$$node/bin:$$PATH" npm_config_nodedir="$$node" npm_config_build_from_source=true npm rebuild better-sqlite3; done
	touch $@

test-servers: setup-dev $(patsubst tests/servers/locks/%.lock,.servers/%/.ready,$(wildcard tests/servers/locks/*.lock)) \
  $(patsubst tests/servers/npm/%/package-lock.json,.servers/%/.ready,$(wildcard tests/servers/npm/*/package-lock.json))
	$(BIN)/python -m pytest -m servers

check: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python -m inbox.migrations.check
	$(MAKE) test

fix: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup-dev
	$(BIN)/python -m bench

migration: setup-dev
	$(BIN)/python -m inbox.migrations.make "$(m)"

lock: setup-dev
	$(BIN)/python -m bench.lock
