# make demo and make test need nothing but Python 3.11 or later and a package index; each makes .venv as it needs it.

# The first that runs and is new enough: a name on the path may be a shim of a version manager that runs nothing.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done)
NAMED := $(filter command environment,$(firstword $(origin PYTHON)))
# A shim of pyenv runs nothing until its version is chosen; pyenv knows what it stands for.
override PYTHON := $(shell $(PYTHON) -c '' 2>/dev/null && echo $(PYTHON) || pyenv whence --path $(PYTHON) 2>/dev/null | tail -n 1)
# A Python that was named gets an environment of its own: .venv-3.13 for `make test PYTHON=python3.13`.
VENV := .venv$(if $(NAMED),-$(if $(PYTHON),$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH_INDEX := https://download.pytorch.org/whl/cpu
TORCH_PINNED := torch==2.13.0
# Published networks and programs that ours are compared with. What they draw and download with is not wanted.
PUBLISHED := gan-face-generate==1.1.1 omniart-eye-generator==0.1 vintagify==0.1.2 \
	pytorch-pretrained-biggan==0.1.1 pro-gan-pth==3.4
HAS_TORCH = $(BIN)/python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)'

.PHONY: demo test lint types bench site notebooks clean

demo: $(VENV)/demo.stamp  ## Invert the bundled photographs; prints where report.html is.
	$(BIN)/gprior demo --out demo_output

test: lint types  ## Everything that CI runs.
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test.stamp
	@if $(HAS_TORCH); then $(BIN)/pyright --pythonpath $(BIN)/python; \
	else echo "Types of the package alone: the converters and benchmarks import PyTorch, which is not installed."; \
		$(BIN)/pyright --pythonpath $(BIN)/python gprior_jax; fi

bench: $(VENV)/test.stamp  ## The headline row of benchmarks/RESULTS.md; the others are listed there with their commands.
	$(BIN)/gprior bench inversion --layer 6
	$(BIN)/gprior bench inversion --layer 8

site: $(VENV)/test.stamp  ## The documentation as a site, in site/.
	$(BIN)/sphinx-build -q -W --keep-going -c docs/site . site
	@echo "$(CURDIR)/site/docs/index.html"

notebooks: $(VENV)/test.stamp  ## All notebooks at their real settings, with their pictures, in notebooks_output/.
	$(BIN)/python tests/running_notebooks.py --out notebooks_output

$(VENV)/bin/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(NEW_ENOUGH)' \
		|| { echo "gprior-jax needs Python 3.11 or later; name one with make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable ".[cli]"
	touch $@

# Torch first, and as its CPU build, from its own index or the usual one: left to itself pip would bring gigabytes of
# CUDA. Where neither has one for this Python, everything but what compares with PyTorch is tested.
$(VENV)/test.stamp: pyproject.toml | $(VENV)/bin/python
	@$(HAS_TORCH) \
		|| $(PIP) --index-url $(TORCH_INDEX) --timeout 10 --retries 0 "torch>=2.6,<3" 2>/dev/null \
		|| { plan=$$($(BIN)/python -m pip install --dry-run $(TORCH_PINNED) 2>/dev/null) \
			&& ! echo "$$plan" | grep -q nvidia && $(PIP) $(TORCH_PINNED); } \
		|| echo "No CPU build of PyTorch for this Python is at hand: the tests that want PyTorch are left out."
	@if $(HAS_TORCH); then extra=test; else extra=checks; fi; set -x; $(PIP) --editable ".[$$extra]"
	@! $(HAS_TORCH) || for package in $(PUBLISHED); do $(PIP) --no-deps $$package \
		|| echo "$$package is not at hand: the tests that compare with it are left out."; done
	touch $@

clean:
	rm -rf .venv .venv-* build dist demo_output notebooks_output .pytest_cache .ruff_cache
