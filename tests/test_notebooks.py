"""The notebooks run from top to bottom, at a few steps, on a small prior in place of the bundled one."""

import json
from pathlib import Path

import matplotlib
import pytest
from batteries import random_prior

import gprior_jax as gp

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, monkeypatch):
    matplotlib.use("Agg")
    monkeypatch.setenv("STEPS", "2")
    # It has a layer for every one that the notebook names; at 64 px, nearly all of the test would be compilation.
    bundled, small = gp.load("builtin"), random_prior("pggan", "pggan")
    monkeypatch.setattr(gp, "load", {"builtin": small}.__getitem__)
    cells = json.loads(path.read_text())["cells"]
    namespace: dict = {}
    for cell in cells:
        assert not cell.get("outputs"), "notebooks are committed without outputs"
        if cell["cell_type"] == "code":
            # The %pip line is for the notebook's own shell, and installs what is here already.
            lines = ["    pass\n" if "%pip" in line else line for line in cell["source"]]
            exec(compile("".join(lines), str(path), "exec"), namespace)
    assert namespace["results"]["twenty"].images.shape == namespace["targets"].shape
    for recipe in (namespace["one"], namespace["twenty"]):
        assert recipe.fit(bundled).parametrization == recipe.fit(small).parametrization
