# make demo and make test need nothing but Python 3.11 or later and a package index; each makes .venv as it needs it.

# The first that runs and is new enough: a name on the path may be a shim of a version manager that runs nothing.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: demo test lint types bench clean

demo: $(VENV)/demo.stamp  ## Invert the bundled photographs; prints where report.html is.
	$(BIN)/gprior demo --out demo_output

test: lint types  ## Everything that CI runs.
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test.stamp
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(VENV)/test.stamp  ## The headline row of benchmarks/RESULTS.md; the others are listed there with their commands.
	$(BIN)/gprior bench inversion --layer 6
	$(BIN)/gprior bench inversion --layer 8

$(VENV)/bin/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(NEW_ENOUGH)' \
		|| { echo "gprior-jax needs Python 3.11 or later; name one with make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable ".[cli]"
	touch $@

# Torch first, and as its CPU build: left to itself pip would bring gigabytes of CUDA.
$(VENV)/test.stamp: pyproject.toml | $(VENV)/bin/python
	$(PIP) --index-url $(TORCH_INDEX) --timeout 10 --retries 0 "torch>=2.6,<3" 2>/dev/null || $(PIP) torch==2.13.0
	$(PIP) --editable ".[test]"
	touch $@

clean:
	rm -rf $(VENV) build dist demo_output .pytest_cache .ruff_cache
