"""What an edit has changed of what it should have left alone."""

import numpy as np
import pytest
from batteries import random_critic, random_prior
from objectives.compared import A

from gprior_jax import editing
from gprior_jax.objectives import Perceptual, Pixel
from gprior_jax.perceptual import network

TERMS = [Pixel(kind="l1"), Perceptual(network.discriminator(random_critic("pggan"))).fit(random_prior("pggan"))]
INSIDE = np.zeros((*A.shape[:2], 1), np.float32)
INSIDE[: A.shape[0] // 2] = 1


def edited(*wheres):
    """The image, darker by 0.25 in some part of it."""
    return np.stack([np.clip(A, -0.7, 0.7) - 0.25 * where for where in wheres])


def test_all_of_an_image():
    own = np.clip(A, -0.7, 0.7)
    found = editing.changes(TERMS, own, edited(np.zeros_like(INSIDE), INSIDE, np.ones_like(INSIDE)))
    np.testing.assert_allclose(found["pixel_l1"], [0.0, 0.125, 0.25], atol=1e-6)
    assert found["perceptual"][0] == pytest.approx(0.0, abs=1e-6)
    assert found["perceptual"][1] > 1e-4


def test_outside_of_a_region():
    own = np.clip(A, -0.7, 0.7)
    found = editing.changes(TERMS, own, edited(INSIDE, 1 - INSIDE), 1 - INSIDE)
    np.testing.assert_allclose(found["pixel_l1"], [0.0, 0.25], atol=1e-6)
    assert found["perceptual"][0] == pytest.approx(0.0, abs=1e-6)
    assert found["perceptual"][1] > 1e-4
    with pytest.raises(ValueError, match="nothing to compare outside"):
        editing.changes(TERMS, own, edited(INSIDE), np.zeros_like(INSIDE))
