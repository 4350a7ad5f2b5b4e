"""Edits of inpainted pictures: what was known is as in the result, however the filling meets it."""

import numpy as np
import pytest
from cli import priors

from gprior_jax import tasks
from gprior_jax.images.arrays import from_uint8, to_uint8
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.keys import seeded
from gprior_jax.latents import Z
from gprior_jax.objectives import Pixel
from gprior_jax.runs.items import Item
from gprior_jax.runs.keeping import doubt, measured_of
from gprior_jax.runs.restoration import restored_record

SIDE = 8
RECIPE = Recipe("z", Z(), (Pixel(),), SolverConfig(num_steps=1))


@pytest.fixture(scope="module")
def observed():
    return from_uint8(np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8))


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("blend", ["paste", "feather", "poisson", "none"])
def test_the_picture_of_unmoved_codes_is_the_result(tmp_path, observed, blend, soft):
    known = np.ones((1, SIDE, SIDE, 1), np.float32)
    known[:, 2:5, 3:6] = 0.0
    known[:, 5, 3:6] = 0.4 if soft else 0.0
    found = tasks.inpaint(priors.plain(), observed, known, key=seeded(1), blend=blend, recipe=RECIPE)
    arrays = {"observed": np.where(known[0] > 0, observed[0], 0), "known": known[0]}
    record = restored_record(Item(0, tmp_path / "a.png", "a"), arrays, found, 0, {})
    settings = {"task": "inpaint", "blend": blend}
    measured = measured_of(record, settings)
    if blend == "none":
        assert measured is None
        assert doubt(record._replace(known=None), settings) == ""
        return
    assert measured is not None
    ours = to_uint8(measured.into(found.reconstruction))[0].astype(int)
    # A mask is kept in 255 steps, and what it covers partly in grey levels.
    assert np.abs(ours - to_uint8(record.image)).max() <= (2 if soft else 1 if blend == "poisson" else 0)
    assert "does not say which pixels were known" in doubt(record._replace(known=None), settings)
    assert measured_of(record, {"task": "denoise"}) is None
