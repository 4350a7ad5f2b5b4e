"""The projector: the published constants, and what is compared."""

import jax
import optax
import pytest
from batteries import normal, random_vgg

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion import schedules
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.latents import Projector
from gprior_jax.objectives import Pixel
from gprior_jax.objectives.perceptual import PerceptualTarget
from gprior_jax.perceptual.lpips import difference
from gprior_jax.recipes import projector
from recipes.networks import lpips


def test_official():
    recipe = projector(preset="official", perceptual=random_vgg())
    assert recipe.parametrization == Projector(1000, "w", 1e5, 0.05, 0.75, 10_000)
    # Adam with the betas 0.9 and 0.999, which are optax's own.
    assert recipe.solver.optimizer == Optimizer(optax.adam, 0.1, schedule=schedules.projector)
    assert recipe.solver.num_steps == 1000
    # Features alone, their squared differences, at most 256 px.
    (features,) = recipe.terms
    assert (features.name, features.weight, features.kind, features.max_side) == ("perceptual", 1.0, "mse", 256)


def test_with_lpips_the_distance_is_the_published_sum_of_squares():
    (term,) = projector(perceptual=lpips()).terms
    a, b = 0.5 * normal(1, 33, 33, 3), 0.5 * normal(2, 33, 33, 3)
    embed = jax.jit(lpips().embed)
    found = embed(a), embed(b)
    loss = jax.jit(lambda image, target: term.loss(image, image, target, {}))
    expected = float(jax.jit(difference)(*found))
    # As features of mean squared differences: sums over channels are means times their number.
    target = tuple(x * x.shape[-1] ** 0.5 for x in found[1])
    assert float(loss(a, PerceptualTarget(target, (None,) * 5))) == pytest.approx(expected, rel=1e-4)


def test_a_discriminator_has_pixels_beside_it():
    pixel, features = projector("w_plus", num_steps=30).terms
    assert (pixel.weight, features.kind, features.max_side) == (1.0, "mse", None)
    assert projector(num_steps=30).parametrization.num_steps == 30
    assert len(projector(pixel_weight=0.0).terms) == 1
    assert projector(perceptual=None).terms == (Pixel(1.0),)
    assert projector(perceptual=random_vgg(), pixel_weight=0.3).terms[0].weight == 0.3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"space": "z"}, "searches 'w' or 'w_plus'"),
        ({"preset": "slow"}, "preset 'slow'"),
        ({"perceptual": None, "pixel_weight": 0.0}, "nothing is compared"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ArgumentError, match=message):
        projector(**settings)
