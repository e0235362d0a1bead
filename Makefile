# Everything a person or CI does here. Needs make and Python 3.11 or newer; the rest is set up in .venv by itself.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help chat run test faults chaos fuzz bench bench-check check audit format demo lock clean

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input install -qq --require-hashes --only-binary :all:
PYTHON ?=
UPGRADE ?=
ADVISORIES ?=
KILLS ?= 500
GENERATIONS ?= 1000
FUZZ_UPDATES ?= 10000

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

chat: $(VENV)/.runtime  ## Make videos in the terminal; no key needed
	@$(PY) -m bot chat

run: $(VENV)/.runtime  ## Run the bot with the settings in .env
	@$(PY) -m bot run

test: $(VENV)/.dev  ## Run the whole suite
	@$(PY) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

faults: $(VENV)/.dev  ## Kill the bot 500 times, on SQLite and PostgreSQL, and count what was lost or done twice
	@$(PY) -m tests.faults.campaign --kills $(KILLS)

chaos: $(VENV)/.dev  ## Make 1,000 videos while every service fails a fifth of its calls, and count what people got
	@$(PY) -m tests.faults.chaos --generations $(GENERATIONS)

fuzz: $(VENV)/.dev  ## Post 10,000 made-up updates for each platform, and make up texts, replies and conversations
	@FUZZ_UPDATES=$(FUZZ_UPDATES) $(PY) -m pytest -q -n 2 tests/fuzz

bench: $(VENV)/.dev  ## Measure how fast it is and what it takes, against baselines of the same run
	@$(PY) -m tests.benchmarks --json bench.json

bench-check: $(VENV)/.dev  ## Measure three times, and fail when a figure is a quarter worse than the committed one
	@$(PY) -m tests.benchmarks --check

check: $(VENV)/.dev  ## Lint, formatting, types and import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

audit: $(VENV)/.dev  ## Look at the dependencies; with ADVISORIES=1, also for known holes, over the network
	@$(PY) -m tests.security.dependencies
	@$(PY) -m pip --disable-pip-version-check check
ifneq ($(ADVISORIES),)
	@$(PY) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip --disable-pip-version-check --no-input install -qq pip-audit </dev/null >&2
	@$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock
endif

format: $(VENV)/.dev  ## Put the code into shape
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

demo: $(VENV)/.dev  ## Watch the whole bot talk to local stand-ins of Telegram and Google
	@$(PY) -m tests.emulators.demo

lock: $(VENV)/.uv  ## Bring the lock files in step with pyproject.toml; with UPGRADE=--upgrade, newest versions
	$(LOCK) --output-file requirements.lock
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock

LOCK = $(VENV)/uv/bin/uv pip compile pyproject.toml --quiet $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make lock"

clean:  ## Remove .venv and caches; keeps data and .env
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- .venv: made once; filled again only when a lock file changed. What is said goes to stderr: stdout is the chat's.

$(VENV)/.python:
	@echo "Setting up .venv (about a minute, once)…" >&2
	@new='import sys; sys.exit(sys.version_info < (3, 11))'; found=; \
	for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python; do \
		if "$$python" -c "$$new" >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Reelbot needs Python 3.11 or newer, and none was found. Install one, or name it: make PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	if ! "$$found" -m venv $(VENV) >&2; then \
		echo "Python's venv module does not work. On Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 1; \
	fi
	@touch $@

$(VENV)/.runtime: requirements.lock | $(VENV)/.python
	@echo "Installing what Reelbot needs…" >&2
	@$(PIP) -r requirements.lock </dev/null >&2
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" -P -m bot "$$@"\n' '$(CURDIR)' '$(CURDIR)/$(PY)' > $(VENV)/bin/reelbot
	@chmod +x $(VENV)/bin/reelbot
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime | $(VENV)/.python
	@echo "Installing what the tests need…" >&2
	@$(PIP) -r requirements-dev.lock </dev/null >&2
	@touch $@

$(VENV)/.uv: | $(VENV)/.python
	@$(PY) -m venv $(VENV)/uv
	@$(VENV)/uv/bin/python -m pip --disable-pip-version-check --no-input install -qq uv </dev/null >&2
	@touch $@
