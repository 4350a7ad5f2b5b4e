import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from benchmarks.experiments import baselines
from gprior_jax.latents import DeepImagePrior
from gprior_jax.objectives import Pixel


def images(side=12):
    return np.random.default_rng(0).uniform(-1, 1, (2, side, side + 3, 3)).astype(np.float32)


@pytest.mark.parametrize("side", [1, 3, 5])
def test_median_as_scipy(side):
    wanted = ndimage.median_filter(images(), (1, side, side, 1), mode="nearest")
    np.testing.assert_array_equal(baselines.median_filtered(images(), side), wanted)


@pytest.mark.parametrize("factor", [2, 4])
def test_bicubic_as_pillow(factor):
    size = (15 * factor, 12 * factor)
    # Mode "F" keeps floats: Pillow's 8-bit path rounds.
    planes = [[Image.fromarray(x[..., c]).resize(size, Image.Resampling.BICUBIC) for c in range(3)] for x in images()]
    wanted = np.stack([np.stack([np.asarray(plane) for plane in three], -1) for three in planes])
    assert np.abs(wanted).max() > 1
    np.testing.assert_allclose(baselines.bicubic_enlarged(images(), factor), np.clip(wanted, -1, 1), atol=2e-5)


def test_holes_take_the_mean_colour_of_their_own_image():
    known = np.ones((2, 12, 15, 1), np.float32)
    known[0, 2:5, 3:9] = 0
    known[1, ::2] = 0
    filled = baselines.mean_filled(images() + 0.5 * (1 - known), known)
    for image, mask, found in zip(images(), known[..., 0] > 0, filled, strict=True):
        np.testing.assert_array_equal(found[mask], image[mask])
        np.testing.assert_allclose(found[~mask], np.broadcast_to(image[mask].mean(0), found[~mask].shape), atol=1e-6)


def test_deep_image_prior_keeps_its_code():
    recipe = baselines.deep_image_prior(Pixel(floor=0.1), 7)
    assert recipe.parametrization == DeepImagePrior()
    assert recipe.terms == (Pixel(floor=0.1),)
    assert recipe.solver.num_steps == 7
    assert dict(recipe.solver.optimizer.rates) == {"code": 0.0}
