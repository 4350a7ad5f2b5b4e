"""The notebooks run from top to bottom at a few steps; scripts and notebooks say the same, without outputs."""

import importlib.metadata
import importlib.util
import itertools
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext", reason="the extra notebooks is not installed")
pytest.importorskip("nbclient", reason="the extra notebooks is not installed")
pytest.importorskip("ipykernel", reason="the extra notebooks is not installed")

from running_notebooks import NOTEBOOKS, missing, pictures, run, slowest  # noqa: E402

ROOT = Path(__file__).parents[1]
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
QUICK = {"STEPS": "1", "LAYERS": "2", "BATCH": "4", "IMAGES": "192"}
"""Steps of everything, layers to compose at, images of a batch, and images that are trained on."""

SMALL = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import small_priors
small_priors.take_the_place_of_bundled_ones()
"""
"""``make notebooks`` runs them on the bundled priors; at 64 px, nearly all of a test would be compilation."""

over_notebooks = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def cells(path):
    return [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]


def installing(path):
    """The first cell of code."""
    return next(source for kind, source in cells(path) if kind == "code")


@pytest.mark.slow
@over_notebooks
def test_notebook_runs(path, tmp_path):
    if package := missing(path):
        pytest.skip(f"{package}, which this notebook needs, is not installed")
    done = run(path, tmp_path, QUICK, SMALL)
    assert len(pictures(done)) >= 2, "it draws nothing"
    assert slowest(done)[0] > 0


def test_all_are_there_in_both_forms():
    assert [path.stem[:2] for path in PATHS] == [f"{number:02}" for number in range(1, len(PATHS) + 1)]
    assert len(PATHS) >= 8
    assert [path.stem for path in sorted(NOTEBOOKS.glob("*.py"))] == [path.stem for path in PATHS]


@over_notebooks
def test_script_and_notebook_say_the_same(path):
    """``jupytext --sync notebooks/*.py`` makes it so."""
    assert cells(path) == cells(path.with_suffix(".py"))


@over_notebooks
def test_notebook_has_no_outputs(path):
    for cell in jupytext.read(path).cells:
        assert not cell.get("outputs")
        assert not cell.get("execution_count")
        assert "execution" not in cell.metadata


@over_notebooks
def test_notebook_begins_with_its_badge_and_the_common_installation(path):
    kind, first = cells(path)[0]
    address = f"https://colab.research.google.com/github/gprior-jax/gprior_jax/blob/main/notebooks/{path.name}"
    assert kind == "markdown"
    assert f"]({address})" in first
    assert installing(path) == installing(PATHS[0])


@over_notebooks
def test_every_cell_of_code_follows_a_text(path):
    kinds = [kind for kind, _ in cells(path)]
    assert all(before == "markdown" for before, kind in itertools.pairwise(kinds) if kind == "code")


@over_notebooks
def test_notebook_is_named_in_the_documents(path):
    listed = (ROOT / "docs/notebooks.md").read_text(encoding="utf-8")
    assert f"](../notebooks/{path.name})" in listed
    assert f"/blob/main/notebooks/{path.name})" in listed


def test_installation_asks_for_extras_that_there_are():
    extras = importlib.metadata.metadata("gprior-jax").get_all("Provides-Extra") or []
    asked = installing(PATHS[0]).partition("gprior-jax[")[2].partition("]")[0].split(",")
    assert set(asked) <= set(extras)


def test_installation_installs_nothing_where_the_package_is(monkeypatch):
    import subprocess

    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("pip was called"))
    exec(compile(installing(PATHS[0]), "cell", "exec"), {})


@pytest.mark.parametrize(
    ("installed", "wanted"),
    [
        ({"numpy": "2.1.3", "jax": "0.7.2", "jax-cuda12-plugin": "0.7.2"}, ["jax[cuda12]", "numpy==2.1.3"]),
        ({"numpy": "2.1.3", "jax": "0.7.2", "libtpu": "0.0.21"}, ["jax[tpu]", "numpy==2.1.3"]),
        ({"numpy": "2.1.3"}, ["jax", "numpy==2.1.3"]),
        ({}, ["jax"]),
    ],
)
def test_installation_keeps_numpy_and_the_accelerator(installed, wanted, monkeypatch):
    import subprocess
    from types import SimpleNamespace

    found = [SimpleNamespace(name=name, version=version) for name, version in installed.items()]
    calls = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: found)
    monkeypatch.setattr(subprocess, "run", lambda command, check: calls.append(command))
    exec(compile(installing(PATHS[0]), "cell", "exec"), {})
    assert calls[0][5:-1] == wanted
    assert calls[0][-1].startswith("gprior-jax[")
