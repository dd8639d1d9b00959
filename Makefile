# Targets: run, test, install, install-postgres, demo, check, bench, fuzz, release.  Each target installs what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Yours, which git ignores, or the sample: make run CONFIG=other/config.yaml names another one.
CONFIG := $(or $(AGGREGATOR_CONFIG),$(wildcard config.local.yaml),config.yaml)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: run install test check lint demo bench fuzz lock release clean format

run: $(VENV)/run.stamp ## the main job: poll the feeds of config.local.yaml or config.yaml and serve the pages
	$(BIN)/aggregator --config $(CONFIG) run

install: $(VENV)/run.stamp ## install only

install-%: $(VENV)/run.stamp ## install an extra: install-postgres, install-server
	$(call pinned,$(VENV),program $*)

test: $(VENV)/dev.stamp ## all tests, with a browser
	$(BIN)/python -m tests.browser
	$(BIN)/python -m pytest -m ""

check: lint test ## what CI runs: format, lint, types, architecture, tests

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

demo: $(VENV)/run.stamp ## run the program on a small local world of feeds that publish by themselves
	$(BIN)/python -m bench.demo

bench: $(VENV)/dev.stamp ## run the benchmarks and rewrite bench/results.md
	$(BIN)/python -m bench

fuzz: $(VENV)/dev.stamp ## run property tests with thousands of new examples; FUZZ_EXAMPLES is the number
	FUZZ_EXAMPLES=$(or $(FUZZ_EXAMPLES),5000) $(BIN)/python -m pytest -q -m hypothesis

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## pin the newest versions that pyproject.toml allows in constraints.txt, and ask for advisories
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	$(call pinned,build/lock,program lock)
	PATH="$(CURDIR)/build/lock/bin:$$PATH" build/lock/bin/python -m bench.lock

release: $(VENV)/dev.stamp ## tag the version of pyproject.toml; build wheel and sdist in dist, and try both
	$(BIN)/python -m bench.release

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache

# One stamp per set of extras.  A stamp that is older than its sources is made again, with the environment.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# Installs parts of constraints.txt into an environment; pip refuses a file with another hash.
define pinned
	awk -v parts='$(2)' '/^## /{on = index(" " parts " ", " " $$2 " ")} on' constraints.txt > $(1)/pinned.txt
	$(1)/bin/python -m pip install --quiet --require-hashes --requirement $(1)/pinned.txt
endef

# The program itself has no hash.  The pinned build backend builds it, and it installs no dependencies.
define program
	$(call pinned,$(VENV),program $(1))
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
endef

$(VENV)/run.stamp: pyproject.toml constraints.txt Makefile | $(VENV)/bin/python
	$(call program)
	touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt Makefile | $(VENV)/bin/python
	$(call program,server dev)
	touch $@ $(VENV)/run.stamp
