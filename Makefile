# Lineup's commands. `make run` is all a user needs; `make help` lists the rest.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
LOCK := $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header --no-strip-extras
# A task may itself call make: it must not inherit this one's flags.
CLEAN_ENV := env -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u MFLAGS \
	-u MAKE_TERMOUT -u MAKE_TERMERR
# What the database named by the environment needs besides.
DRIVER := $(if $(filter postgres%,$(LINEUP_DATABASE_URL)),$(VENV)/postgresql.stamp)
IMPORT_RULES := $(wildcard tests/test_architecture.py tests/architecture)

.DEFAULT_GOAL := help
.PHONY: help run postgresql test audit torture check bench lock vendor clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

run: $(VENV)/run.stamp $(DRIVER) ## start Lineup in the foreground
	@exec $(CLEAN_ENV) $(BIN)/lineup serve

postgresql: $(VENV)/run.stamp $(VENV)/postgresql.stamp ## install the driver for PostgreSQL

test: $(VENV)/run.stamp $(VENV)/test.stamp $(VENV)/node.stamp ## run the tests (ARGS="tests/domain -x")
	@.ci/need chromium chromium
	@.ci/need initdb postgresql
	@$(CLEAN_ENV) $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal $(ARGS)

audit: $(VENV)/run.stamp $(VENV)/test.stamp ## cron beside Debian's, a simulated year of schedules, kills everywhere
	@$(CLEAN_ENV) $(BIN)/python -m tests.audit.cron
	@$(CLEAN_ENV) $(BIN)/python -m tests.audit.killed
	@$(CLEAN_ENV) $(BIN)/python -m tests.audit.ledger $(ARGS)

torture: $(VENV)/run.stamp $(VENV)/test.stamp ## kill -9 a hundred times (ARGS="rounds seed")
	@$(CLEAN_ENV) $(BIN)/python -m tests.processes.kill_loop $(ARGS)

check: $(VENV)/run.stamp $(VENV)/test.stamp $(VENV)/check.stamp ## lint, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	$(if $(IMPORT_RULES),@$(BIN)/python -m pytest -q $(IMPORT_RULES))

bench: $(VENV)/run.stamp $(VENV)/bench.stamp ## measure, beside celery and plain sqlite3
	@.ci/need redis-server redis-server
	@$(CLEAN_ENV) $(BIN)/python -m benchmarks $(ARGS)

lock: $(VENV)/bin/python ## pin the newest allowed versions in requirements/
	@echo "Resolving versions into requirements/ ..."
	@$(PYTHON) -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --disable-pip-version-check --quiet install uv
	@$(LOCK) --upgrade --group build -o requirements/run.txt pyproject.toml
	@for group in postgresql test check bench; do \
		$(LOCK) --upgrade --constraint requirements/run.txt \
			--group pyproject.toml:$$group -o requirements/$$group.txt || exit 1; \
	done
	@rm -rf $(VENV)/lock

vendor: ## fetch static/vendor/ and static/icons.svg anew from npm
	@.ci/vendor.py

clean: ## remove the environment and caches; data/ stays
	@rm -rf $(VENV) build dist
	@rm -rf .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Lineup needs Python 3.11 or newer, and $(PYTHON) is not." \
			"Try: make run PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python could not make an environment in $(VENV)." \
			"On Debian or Ubuntu: sudo apt install python3-venv" >&2; exit 1; }

$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Lineup into $(VENV) (about a minute, only when its requirements change) ..."
	@$(PIP) install --no-deps --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/%.stamp: requirements/%.txt | $(VENV)/run.stamp
	@echo "Installing what 'make $*' needs into $(VENV) ..."
	@$(PIP) install --no-deps --require-hashes -r requirements/$*.txt
	@touch $@

# The servers of others that tests talk to. Newer ones: change package.json, and in its directory
# npm install --package-lock-only --omit-lockfile-registry-resolved
$(VENV)/node.stamp: requirements/node/package.json requirements/node/package-lock.json | $(VENV)/bin/python
	@.ci/need npm npm
	@echo "Installing what the tests need from npm into $(VENV)/node ..."
	@mkdir -p $(VENV)/node && cp $^ $(VENV)/node/
	@npm ci --prefix $(VENV)/node --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@
