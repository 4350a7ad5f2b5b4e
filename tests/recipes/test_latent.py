"""One code in Z, W or W+."""

import optax
import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.schedules import LateLinear
from gprior_jax.latents import W, WPlus, Z
from gprior_jax.objectives import Perceptual, Pixel
from gprior_jax.recipes import find_method, latent


@pytest.mark.parametrize(
    ("space", "expected"), [("z", Z()), ("w", W("mean")), ("w_plus", WPlus("mean"))], ids=["z", "w", "w_plus"]
)
def test_spaces(space, expected):
    recipe = latent(space, preset="official")
    assert recipe.parametrization == expected
    # Plain gradient descent of rate 1 (inversion.py).
    assert (recipe.solver.optimizer, recipe.solver.num_steps) == (Optimizer(optax.sgd, 1.0), 3000)
    assert recipe.name == f"{space}-official"
    assert recipe.terms == (Pixel(1.0), Perceptual("default", 1.0))
    changed = latent(space, start="random", num_steps=5, perceptual=None, restarts=2, tolerance=0.1, remat=True)
    assert changed.parametrization.remat
    assert (changed.solver.num_steps, changed.restarts, changed.solver.tolerance) == (5, 2, 0.1)
    assert getattr(changed.parametrization, "start", "random") == "random"
    assert len(changed.terms) == 1
    # The method of this name is this recipe.
    assert find_method(space).recipe().summary() == latent(space).summary()


def test_fast_is_the_default():
    recipe = latent()
    assert recipe.name == "w_plus-fast"
    options = (("memory_size", 20), ("linesearch", None))
    assert recipe.solver.optimizer == Optimizer(optax.lbfgs, 1.0, options=options)
    assert recipe.solver.num_steps == 150
    assert recipe.terms == (Pixel(1.0),)


def test_fast_in_z():
    recipe = latent("z")
    assert recipe.solver.optimizer == Optimizer(optax.adam, 0.1, schedule=LateLinear(0.6), options=(("b2", 0.95),))
    assert recipe.solver.num_steps == 300
    assert [term.weight for term in recipe.terms] == [1.0, 1.0]


def test_a_network_that_is_named_is_used():
    assert latent(perceptual="default").terms[1].weight == 1.0
    assert latent(perceptual_weight=0.5).terms[1].weight == 0.5
    assert latent("z", perceptual_weight=0.0).terms == (Pixel(1.0),)
    assert len(latent(preset="official").terms) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"space": "x"}, "space='x': use 'z', 'w' or 'w_plus'"),
        ({"space": "z", "start": "mean"}, "a code z starts from a 'random' one"),
        ({"start": "zero"}, "start='zero': use 'mean'"),
        ({"preset": "best"}, "preset 'best'"),
        ({"num_steps": 0}, "num_steps 0"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ArgumentError, match=message):
        latent(**settings)
