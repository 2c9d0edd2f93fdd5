# The menu: `make` alone lists what there is.

SHELL := /bin/sh
VENV ?= .venv
# Which Python makes the environment: make PYTHON=python3.12 test. Empty: the newest that works.
PYTHON ?=
# Processes that run tests side by side.
WORKERS ?= 2
export PYTHON

BIN := $(VENV)/bin
RUN := $(BIN)/python
PYTEST := $(RUN) -m pytest
CODE := src tests tools bench

.DEFAULT_GOAL := help
.PHONY: help base dev demo test unit check format format-check lint types layers docs docs-check picture \
	extras extras-check conformance kill-matrix bench bench-api locks new-source clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

base:
	@tools/make_venv.sh $(VENV) base

dev:
	@tools/make_venv.sh $(VENV) dev

demo: base ## the main job in a minute: a stand-in of an API into DuckDB, twice
	@$(BIN)/penstock demo $(ARGS)

test: dev ## all tests; installs or names the system packages they need
	@tools/system_packages.sh postgres mariadb
	@$(PYTEST) --numprocesses $(WORKERS) --dist loadgroup --durations 15 $(ARGS)

unit: dev ## the quick tests only
	@$(PYTEST) --numprocesses $(WORKERS) --dist loadgroup --quiet tests/unit $(ARGS)

check: format-check lint types layers docs-check extras-check unit ## all that CI checks, with the quick tests

format: dev ## write the code in the house's format
	@$(RUN) -m ruff format $(CODE)
	@$(RUN) -m ruff check --fix-only --quiet $(CODE)

format-check: dev
	@$(RUN) -m ruff format --check $(CODE)

lint: dev ## ruff's rules
	@$(RUN) -m ruff check $(CODE)

types: dev ## mypy, strict
	@$(RUN) -m mypy

layers: dev ## who may import whom
	@$(BIN)/lint-imports

docs: dev ## write docs/reference/ from the cards, the commands and the code
	@$(RUN) tools/make_docs.py

docs-check: dev
	@$(RUN) tools/make_docs.py --check

picture: dev ## draw the README's picture from a real run of the demo
	@$(RUN) tools/terminal_svg.py docs/images/demo.svg penstock demo

extras: dev ## write the connectors' drivers from their cards into pyproject.toml
	@$(RUN) tools/make_extras.py

extras-check: dev
	@$(RUN) tools/make_extras.py --check

conformance: dev ## hold one connector to its contract (NAME=activecampaign)
	@test -n "$(NAME)" || { echo "Which connector? make conformance NAME=activecampaign" >&2; exit 2; }
	@test -d src/penstock/connectors/sources/$(NAME) -o -d src/penstock/connectors/destinations/$(NAME) || \
		{ echo "There is no connector $(NAME) in src/penstock/connectors." >&2; exit 2; }
	@$(PYTEST) $(wildcard src/penstock/connectors/*/$(NAME)) $(ARGS)

kill-matrix: dev ## kill a run at every named place, in every mode, into every destination
	@tools/system_packages.sh postgres mariadb
	@$(RUN) tools/kill_matrix.py $(ARGS)

bench: dev ## measure us and peers in turn; writes docs/benchmarks.md (ARGS="--only pg-duckdb", --full, --help)
	@tools/system_packages.sh postgres mariadb
	-@tools/system_packages.sh java
	@PYTHONPATH=tests $(RUN) -m bench $(ARGS)

bench-api: dev ## measure: size of the install, start-up, rows per second from an API
	@$(RUN) tools/install_report.py
	@$(RUN) tools/start_up.py
	@$(RUN) -m bench.contacts $(ARGS)

locks: ## write requirements/*.lock anew (needs uv; ARGS=--upgrade takes newest versions)
	@tools/make_locks.sh $(ARGS)

new-source: dev ## start a source: a folder with card, README and test (NAME=tidewatch)
	@test -n "$(NAME)" || { echo "What is it called? make new-source NAME=tidewatch" >&2; exit 2; }
	@$(RUN) tools/new_source.py $(NAME)

clean: ## remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find src tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} +
