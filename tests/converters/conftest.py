"""Random numbers of a test are the same whichever tests ran before it, in whatever process."""

import itertools
import sys

import pytest

SHARED = 10_000
"""Where a test's own begin: below are those of states that modules make once."""


@pytest.fixture(autouse=True)
def _own_numbers(monkeypatch):
    # Looked up, not imported: without PyTorch no test here is collected.
    for name in ("converters.torch_parts", "converters.tensorflow_networks"):
        if name in sys.modules:
            monkeypatch.setattr(sys.modules[name], "SEEDS", itertools.count(SHARED))
