# Needs git, make and Python 3.11 or newer. Everything else goes into .venv, by itself.

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
MUTATION := $(VENV)/mutation
AZURITE := $(VENV)/azurite/.installed
WORKERS ?= 2
EXAMPLES ?= 500
MINUTES ?= 20
SHARE ?= some
SEEDS ?= 2000
SEED ?= 0
ARGS ?=

.PHONY: help run test check proof property bench simulate soak demo-data clean distclean
.SILENT:
.DELETE_ON_ERROR:

help:
	echo "make run            replay the sample batches through the worker, show the views, end"
	echo "make run WATCH=1    the same, then live traffic until Ctrl-C"
	echo "make test           stories, laws, contracts, some seeds: what to run while working"
	echo "make proof          seeds, kills, interleavings, a soak of a minute (SHARE=all: whole, for hours)"
	echo "make check          lint, format, types: exactly what CI runs beside the tests"
	echo "make property       the property tests for long (EXAMPLES=20000)"
	echo "make simulate       whole worlds under faults, one per seed (SEEDS=2000 SEED=0)"
	echo "make soak           real hosts under faults and kill -9 (MINUTES=20)"
	echo "make bench          measure, and write docs/benchmarks.md anew; half an hour"
	echo "make mutate         mutants of the pure core, for hours (ARGS='--sample 300': for minutes)"
	echo "make demo-data      write the synthetic day of the sample batches anew"
	echo "make clean          remove what runs and tools leave behind (distclean: .venv too)"

run: $(INSTALLED) $(AZURITE)
	$(PYTHON) -m demo run $(if $(WATCH),--watch) $(ARGS)

test: $(INSTALLED) $(AZURITE)
	$(PYTHON) -m pytest -q -n $(WORKERS) --dist worksteal -m "not proof" $(ARGS)

proof: $(INSTALLED) $(AZURITE)
	$(PYTHON) -m pytest -q -n $(WORKERS) --dist worksteal -m proof $(ARGS)
	$(PYTHON) -m tests.soak --minutes $(if $(filter all,$(SHARE)),20,1)
ifeq ($(SHARE),all)
	$(PYTHON) -m tests.property --examples 20000
	$(PYTHON) -m tests.simulation --seeds 100000
	$(PYTHON) -m tests.simulation.planted
endif

check: $(INSTALLED)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

property: $(INSTALLED)
	$(PYTHON) -m tests.property --examples $(EXAMPLES) $(ARGS)

simulate: $(INSTALLED)
	$(PYTHON) -m tests.simulation --seeds $(SEEDS) --seed $(SEED) $(ARGS)

soak: $(INSTALLED)
	$(PYTHON) -m tests.soak --minutes $(MINUTES) $(ARGS)

bench: $(INSTALLED)
	$(PYTHON) -m benchmarks $(ARGS)

mutate: $(MUTATION)/.installed
	$(PYTHON) -m tests.mutate --python $(abspath $(MUTATION))/bin/python $(ARGS)

demo-data: $(INSTALLED)
	$(PYTHON) -m demo.synthetic --seed 1 --day 2026-03-14 --interactions 400 \
	  --out tests/fixtures/batches/50_synthetic_day.jsonl $(ARGS)

clean:
	rm -rf .local .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)

# A name may exist and not run (version managers leave such), so each candidate is tried.
$(INSTALLED): requirements.txt requirements-dev.txt constraints.txt
	found=; \
	for candidate in python3.13 python3.12 python3.11 python3 python; do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    found=$$candidate; break; \
	  fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "No Python 3.11 or newer was found: install one and run make again." >&2; exit 1; \
	fi; \
	if [ ! -x $(PYTHON) ]; then \
	  echo "Setting up $(VENV) with $$found, once …"; \
	  if ! $$found -m venv $(VENV) >/dev/null; then \
	    rm -rf $(VENV); \
	    echo "$$found cannot make a virtual environment: install its venv module." >&2; exit 1; \
	  fi; \
	fi
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(MUTATION)/.installed: $(INSTALLED) requirements-mutation.txt
	echo "Setting up $(MUTATION), once …"
	$(PYTHON) -m venv $(MUTATION)
	$(MUTATION)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-mutation.txt
	touch $@

# Without it nothing is archived locally, and the archive's tests are skipped; all else works.
$(AZURITE): $(INSTALLED) emulators/azurite/package-lock.json emulators/azurite/requirements.txt
	echo "Setting up Azurite, the Blob service of the local ground, once …"
	if $(PYTHON) -m emulators.azurite; then touch $@; fi
