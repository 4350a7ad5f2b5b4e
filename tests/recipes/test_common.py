"""How recipes compare features, by the kind of network."""

import pytest
from batteries import random_vgg

from gprior_jax.errors import ArgumentError
from gprior_jax.objectives import Pixel
from gprior_jax.recipes.common import compared, is_trained_on_photographs, pixels_and_features, squared
from recipes.networks import lpips


def test_features_are_compared_as_mganprior_does_but_lpips_is_a_sum_of_squares():
    assert [compared(network, 0.5).kind for network in ("default", "auto", random_vgg(), lpips())] == [
        "l1", "l1", "l1", "mse",
    ]  # fmt: skip
    assert not compared("auto", 1.0, masked=False).masked


def test_classifiers_compare_layers_at_the_image_s_own_size():
    term = squared(random_vgg(), 2.0, ("conv1_1", "relu1_2"))
    assert (term.network.layers, term.network.size, term.network.scale) == (("conv1_1", "relu1_2"), None, 1.0)
    assert squared(random_vgg(), 1.0).network.layers == random_vgg().layers
    assert (term.weight, term.kind, term.max_side) == (2.0, "mse", 256)
    assert squared(lpips(), 1.0).network is lpips()
    assert (squared("auto", 1.0).network, squared("auto", 1.0).max_side) == ("auto", None)


def test_pixels_stand_beside_networks_that_hold_no_colours():
    assert [is_trained_on_photographs(network) for network in ("default", None, random_vgg(), lpips())] == [
        False, False, True, True,
    ]  # fmt: skip
    assert pixels_and_features(None, None, 1.0) == (Pixel(1.0),)
    assert [term.name for term in pixels_and_features(None, lpips(), 1.0)] == ["perceptual"]
    assert [term.name for term in pixels_and_features(None, "auto", 0.0)] == ["pixel_mse"]
    assert [term.masked for term in pixels_and_features(None, "auto", 1.0, masked=False)] == [False, False]


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weights_are_finite_numbers_from_zero_up(weight):
    with pytest.raises(ArgumentError, match=f"perceptual weight {weight}"):
        squared("auto", weight)
    with pytest.raises(ArgumentError, match=f"pixel weight {weight}"):
        pixels_and_features(weight, "auto", 1.0)
