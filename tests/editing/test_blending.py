"""Edits kept to a region, in features and in images."""

import jax
import numpy as np
import pytest
from batteries import PARAMETRIZATIONS, STYLE_PARAMETRIZATIONS, normal, random_prior

from gprior_jax import editing
from gprior_jax.latents import MultiCode, WPlus

STYLED, PLAIN = random_prior("stylegan2_plain"), random_prior("dcgan")
CODES = MultiCode(3, 2)
CASES = {
    "z": (PLAIN, PARAMETRIZATIONS["z"], 2),
    "codes": (PLAIN, CODES, 2),
    "codes_with_styles": (STYLED, CODES, 2),
    "w_plus": (STYLED, WPlus(), 2),
    "w_plus_noise": (STYLED, WPlus(noise="free"), 2),
    "w_plus_without_noise": (STYLED, WPlus(noise="none"), 2),
}


def start(prior, kind):
    return jax.tree.map(np.asarray, kind.init(prior, jax.random.key(0)))


def edited_of(own):
    """Three edits of what has a code, the first of strength 0."""
    name = next(name for name in ("z", "w_plus", "codes") if name in own)
    step = normal(1, *own[name].shape)
    repeated = {key: np.repeat(value[None], 3, 0) for key, value in own.items()}
    return repeated | {name: np.stack([own[name] + strength * step for strength in range(3)])}


@pytest.mark.parametrize("name", CASES)
def test_regions_of_nothing_and_of_the_left_half(name):
    prior, kind, layer = CASES[name]
    own = start(prior, kind)
    side = prior.resolution
    edited = (
        edited_of(own) if "z" not in own else {"z": own["z"] + np.arange(3.0)[:, None] * normal(1, *own["z"].shape)}
    )
    nothing = np.zeros((side, side, 1), np.float32)
    (plain,) = editing.render(prior, {key: value[None] for key, value in own.items()}, kind)
    for image in editing.composed_images(prior, own, edited, kind, layer, nothing):
        np.testing.assert_allclose(image, plain, rtol=1e-3, atol=1e-4)
    left = nothing.copy()
    left[:, : side // 2] = 1
    images = editing.composed_images(prior, own, edited, kind, layer, left)
    np.testing.assert_allclose(images[0], plain, rtol=1e-3, atol=1e-4)
    change = np.abs(images[2] - plain)
    assert change[:, : side // 2].mean() > 2 * change[:, -1].mean()
    assert change.max() > 1e-2


def test_all_of_the_features_of_a_plain_code():
    z, other = normal(2, 8), normal(3, 1, 8)
    everything = np.ones((16, 16, 1), np.float32)
    found = editing.composed_images(PLAIN, {"z": z}, {"z": other}, None, 3, everything)
    np.testing.assert_allclose(found, editing.render(PLAIN, {"z": other}), rtol=1e-3, atol=1e-4)


def test_soft_regions():
    region = np.zeros((8, 8, 1), np.float32)
    region[3:5, 3:5] = 1
    soft = editing.soft_region(region, 2)
    np.testing.assert_allclose(soft[3, :, 0], [0, 1 / 3, 2 / 3, 1, 1, 2 / 3, 1 / 3, 0], rtol=1e-6)
    np.testing.assert_array_equal(editing.soft_region(region, 0), region)
    with pytest.raises(ValueError, match="a band of -1 pixels"):
        editing.soft_region(region, -1)


@pytest.mark.parametrize(
    ("kind", "layer", "told"),
    [
        (CODES, 3, "composed at layer 2: compose its edit there"),
        (STYLE_PARAMETRIZATIONS["projector"], 2, "whose features are not composed"),
        (STYLE_PARAMETRIZATIONS["codes_free_styles"], 3, "later styles of its own"),
        (None, 0, "layer 0 is out of range"),
    ],
)
def test_what_is_not_composed(kind, layer, told):
    with pytest.raises(ValueError, match=told):
        editing.check_composable(STYLED, kind, layer, "a.npz")
