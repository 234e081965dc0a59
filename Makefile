# Everything is run through these targets; `make` alone lists them.
# Needs Python 3.11 or later, git and make. Paths stay relative so that a directory with spaces works.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
SEED ?= 0
SEEDS ?= 2000
READY := $(VENV)/ready
LOCK := uv export --quiet --no-emit-project --no-header --no-annotate --format requirements.txt

.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z][a-z-]*:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; this is $$($(PYTHON) --version). Set PYTHON=python3.11" >&2; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked dependencies into $(VENV) (once)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

setup: $(READY)  ## create .venv with the locked dependencies

check: $(READY)  ## lint, types (of the tests too), layers
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@$(RUN) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

test: check  ## what CI runs: check, then every test
	@$(RUN) -m pytest -n 3 # One more than two cores can serve: the tests of whole commands mostly wait.

test-simulation: $(READY)  ## of the tests, those of deaths and faults: crash points, fixed seeds, real kills
	@$(RUN) -m pytest -n 2 tests/simulation tests/e2e/test_real_kills.py

golden: $(READY)  ## rewrite the golden plans after a wanted change; read the diff
	@GOLDEN_UPDATE=1 $(RUN) -m pytest tests/golden

demo: $(READY)  ## some virtual hours in seconds: bring up, break, plan, heal, restore
	@$(RUN) -m reconciler demo

sim: $(READY)  ## one seed of the simulation, told in full: make sim SEED=17
	@$(RUN) -m tests.simulation --seed $(SEED) --narrate

soak: $(READY)  ## many seeds on all cores, and the table of what was hit: make soak SEEDS=2000
	@$(RUN) -m tests.simulation --seeds 0..$(SEEDS)

bugs: $(READY)  ## plant the bugs of other controllers, one by one, and see them caught
	@$(RUN) -m tests.simulation.planted_bugs

bench: $(READY)  ## speeds and sizes, as tables
	@$(RUN) -m tests.bench

bench-sim: $(READY)  ## virtual hours a minute on the simulated cloud, and passes a second
	@$(RUN) -m tests.bench simulation

bench-simulate: $(READY)  ## how long the outage of April 2011 takes to replay, for two policies
	@$(RUN) -m tests.bench outage

bench-policies: $(READY)  ## the outage of April 2011 over twenty seeds, with brakes and without
	@$(RUN) -m tests.bench policies

bench-brown-out: $(READY)  ## what is changed while launches fail in April 2011, with brakes and without
	@$(RUN) -m tests.bench brown-out

schema: $(READY)  ## regenerate the committed JSON Schema and the IAM policy
	@$(RUN) -m reconciler schema --write
	@$(RUN) -m providers.ec2.permissions > deploy/iam/policy.json

lock: $(READY)  ## lock the dependencies again, with hashes (needs uv)
	@$(LOCK) --all-extras --all-groups > requirements.txt
	@$(LOCK) --no-dev > requirements-runtime.txt
	@$(LOCK) --only-group build > requirements-build.txt

clean:  ## remove what the targets made
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help setup check test test-simulation golden demo sim soak bugs bench bench-sim bench-simulate bench-policies bench-brown-out schema lock clean
