"""The recipe of semantic diffusion: what is published, and what networks weigh."""

import numpy as np
import optax
import pytest
from batteries import random_critic

from gprior_jax import recipes
from gprior_jax.perceptual import network


def test_official_constants():
    recipe = recipes.diffusion(preset="official", perceptual=None)
    (pixel,) = recipe.terms
    assert (pixel.name, pixel.weight, pixel.masked) == ("pixel_mse", 1.0, False)
    assert recipe.solver.num_steps == 100
    updates = recipe.solver.transformation()
    gradient = {"w_plus": np.float32([0.5])}
    (found, _), published = updates.update(gradient, updates.init(gradient), gradient), optax.adam(0.01)
    wanted, _ = published.update(gradient, published.init(gradient))
    np.testing.assert_allclose(found["w_plus"], wanted["w_plus"])


def test_features():
    critic = network.discriminator(random_critic("pggan"))
    _, term = recipes.diffusion(perceptual=critic).terms
    assert (term.kind, term.masked, term.weight) == ("mse", False, 1.0)
    assert recipes.diffusion(perceptual=critic, perceptual_weight=0.25).terms[1].weight == 0.25
    assert len(recipes.diffusion(perceptual="auto").terms) == 1
    assert len(recipes.diffusion(preset="official", perceptual="auto").terms) == 2


@pytest.mark.parametrize(("words", "told"), [({"preset": "best"}, "preset 'best'"), ({"num_steps": 0}, "num_steps 0")])
def test_wrong_recipes(words, told):
    with pytest.raises(ValueError, match=told):
        recipes.diffusion(**words)
