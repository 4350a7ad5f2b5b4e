"""Inversions as programs in files: they give what the library gives, without it."""

import subprocess
import sys

import jax
import numpy as np
import pytest
from batteries import own_images
from latents.priors import conditional_prior, tiny_prior

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.exporting import export_inversion, load_inversion
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import MultiCode
from gprior_jax.objectives import Pixel
from gprior_jax.recipes.mganprior import FREE_OPTIMIZER

pytest.importorskip("flatbuffers", reason="the extra export is not installed")

PRIOR = tiny_prior()
SECOND = Recipe("second", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, 2))
RECIPE = Recipe("two", MultiCode(4), (Pixel(),), SolverConfig(FREE_OPTIMIZER, 3), restarts=2, then=SECOND)

ALONE = """
import sys, jax, numpy as np
from jax import export
run = export.deserialize(bytearray(open(sys.argv[1], "rb").read())).call
found = run(jax.random.key_data(jax.random.key(5)), np.load(sys.argv[2]))
assert not any(name.startswith("gprior") for name in sys.modules)
np.savez(sys.argv[3], **found)
"""


@pytest.mark.slow
def test_it_gives_what_invert_gives_in_a_process_without_the_package(tmp_path):
    """Two stages, two restarts, two images; sums in another order, carried through five steps of Adam."""
    images = own_images(PRIOR, 2).astype(np.float32)
    wanted = invert(PRIOR, images, RECIPE, key=jax.random.key(5))
    (tmp_path / "program").write_bytes(export_inversion(PRIOR, RECIPE, 2))
    np.save(tmp_path / "images.npy", images)
    files = [str(tmp_path / name) for name in ("program", "images.npy", "found.npz")]
    done = subprocess.run([sys.executable, "-c", ALONE, *files], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "found.npz") as found:
        assert set(found.files) == {"images", "loss", "step", *wanted.variables}
        np.testing.assert_allclose(found["images"], wanted.images, atol=1e-4)
        np.testing.assert_allclose(found["loss"], wanted.loss, rtol=1e-4)
        for name, value in wanted.variables.items():
            np.testing.assert_allclose(found[name], value, atol=1e-4)


def test_what_cannot_be_exported_or_loaded():
    with pytest.raises(ArgumentError, match="images 0: use at least 1"):
        export_inversion(PRIOR, RECIPE, 0)
    with pytest.raises(ArgumentError, match="has classes: hold it to one"):
        export_inversion(conditional_prior(), RECIPE)
    with pytest.raises(CheckpointError, match="no exported program"):
        load_inversion(b"hello")
