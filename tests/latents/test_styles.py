"""W, W+ and free noise maps: what they start from, what they draw, and the penalty of the noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

from gprior_jax.generators.base import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.styles import mean_styles
from gprior_jax.generators.synthesis import map_latents, synthesize
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.problem import Problem
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import DeepImagePrior, MultiCode, Sphere, W, WPlus, Z
from gprior_jax.latents.styles import noise_penalty
from gprior_jax.objectives import Objective, Pixel

PRIOR, PLAIN = random_prior("stylegan2"), random_prior("pggan")
KEY = jax.random.key(0)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def test_start_from_the_mean():
    mean = mean_styles(PRIOR)
    np.testing.assert_allclose(W().init(PRIOR, KEY)["w"], mean[0], **CLOSE)
    np.testing.assert_allclose(WPlus().init(PRIOR, KEY)["w_plus"], mean, **CLOSE)


@pytest.mark.parametrize("kind", [W, WPlus])
def test_start_from_uniform_numbers(kind):
    keys = jax.random.split(KEY, 50)
    found = jnp.stack([next(iter(kind(start="uniform", noise="none").init(PRIOR, key).values())) for key in keys])
    assert float(jnp.abs(found).max()) <= 1
    assert float(found.std()) == pytest.approx(3**-0.5, rel=0.1)


@pytest.mark.parametrize("kind", [W, WPlus])
def test_start_from_a_random_code(kind):
    first, second = (kind(start="random").init(PRIOR, jax.random.key(seed)) for seed in (0, 1))
    w = next(iter(first.values()))
    assert float(jnp.abs(w - next(iter(second.values()))).max()) > 1e-3
    w_plus = jnp.broadcast_to(w, (6, 6))
    np.testing.assert_allclose(kind().render(PRIOR, first), synthesize(PRIOR, w_plus, space="w_plus"), **CLOSE)


def test_images_of_styles_and_noise():
    variables = WPlus(noise="free").init(PRIOR, KEY)
    maps = tuple(variables[f"noise_{i}"] for i in range(5))
    assert [each.shape[0] for each in maps] == [4, 8, 8, 16, 16]
    expected = synthesize(PRIOR, variables["w_plus"], space="w_plus", noise=maps)
    np.testing.assert_allclose(WPlus(noise="free").render(PRIOR, variables), expected, **CLOSE)
    silent = synthesize(PRIOR, variables["w_plus"], space="w_plus", noise="none")
    np.testing.assert_allclose(WPlus(noise="none").render(PRIOR, variables), silent, **CLOSE)


def test_projected_noise_is_standard():
    shifted = {name: 3.0 * x + 1.0 for name, x in W(noise="free").init(PRIOR, KEY).items()}
    projected = W(noise="free").project(shifted)
    np.testing.assert_array_equal(projected["w"], shifted["w"])
    for i in range(5):
        assert float(projected[f"noise_{i}"].mean()) == pytest.approx(0.0, abs=1e-6)
        assert float(jnp.square(projected[f"noise_{i}"]).mean()) == pytest.approx(1.0, rel=1e-5)


def penalty_in_words(noise):
    """Level by level, with plain loops over the shifts."""
    total = 0.0
    for level in noise:
        level = np.asarray(level, np.float64)
        while True:
            for axis in (0, 1):
                total += np.mean(level * np.roll(level, 1, axis)) ** 2
            if len(level) <= 8:
                break
            level = (level[::2, ::2] + level[1::2, ::2] + level[::2, 1::2] + level[1::2, 1::2]) / 4
    return total


def test_noise_penalty():
    maps = tuple(jnp.asarray(normal(i, size, size) + 0.3) for i, size in enumerate((4, 8, 16, 32)))
    assert float(noise_penalty(maps)) == pytest.approx(penalty_in_words(maps), rel=1e-4)
    variables = {"w": normal(9, 6)} | {f"noise_{i}": each for i, each in enumerate(maps)}
    assert float(W(noise="free", noise_weight=7.0).penalty(PRIOR, variables)["noise"]) == pytest.approx(
        7.0 * penalty_in_words(maps), rel=1e-4
    )
    assert W(noise="free").penalty(PRIOR, variables) == {}


@pytest.mark.parametrize("parametrization", [W(), WPlus(), Sphere(), MultiCode(2, 2, space="w")], ids=str)
def test_a_prior_without_styles_is_refused(parametrization):
    with pytest.raises(ValueError, match="has no styles"):
        Problem.create(PLAIN, parametrization, Objective((Pixel(),)))


@pytest.mark.parametrize(
    "parametrization", [Z(), MultiCode(2, 2), Sphere(), W(start="random"), DeepImagePrior()], ids=str
)
def test_a_conditional_prior_is_refused(parametrization):
    module = StyleGAN2((4,), 8, 4, mapping_layers=1, num_classes=3)
    with pytest.raises(ValueError, match="conditional: give a label, a class from 0 to 2"):
        parametrization.check(Prior({}, module))


def test_later_styles():
    codes, alpha = jnp.asarray(normal(1, 3, 8)), jnp.asarray(normal(2, 3, PRIOR.feature_shape(3)[-1]))
    own = map_latents(PRIOR, codes)
    shares = jnp.asarray([0.5, 0.2, 0.3])
    mean = MultiCode(3, 3).render(PRIOR, {"codes": codes, "alpha": alpha})
    for later, more in (("weighted", {"style_weights": jnp.full(3, 1 / 3)}), ("free", {"styles": own.mean(0)[3:]})):
        found = MultiCode(3, 3, later_styles=later).render(PRIOR, {"codes": codes, "alpha": alpha} | more)
        np.testing.assert_allclose(found, mean, **CLOSE)
    weighted = MultiCode(3, 3, later_styles="weighted")
    unlike = weighted.render(PRIOR, {"codes": codes, "alpha": alpha, "style_weights": shares})
    free = {"styles": jnp.einsum("n,nsw->sw", shares, own)[3:]}
    expected = MultiCode(3, 3, later_styles="free").render(PRIOR, {"codes": codes, "alpha": alpha} | free)
    np.testing.assert_allclose(unlike, expected, **CLOSE)
    assert float(jnp.abs(unlike - mean).max()) > 1e-3


def test_one_code_composed_is_its_image():
    z = jnp.asarray(normal(3, 8))
    for layer in (1, 2, 4):
        alpha = jnp.ones((1, PRIOR.feature_shape(layer)[-1]))
        image = MultiCode(1, layer).render(PRIOR, {"codes": z[None], "alpha": alpha})
        np.testing.assert_allclose(image, synthesize(PRIOR, z), **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("parametrization", [W(), WPlus(noise="free", noise_weight=1.0)], ids=["w", "w_plus_noise"])
def test_inversion_makes_progress(parametrization):
    images = np.asarray(synthesize(PRIOR, normal(4, 2, 8)))
    recipe = Recipe("test", parametrization, (Pixel(),), SolverConfig(Optimizer(learning_rate=0.05), 40))
    result = invert(PRIOR, images, recipe, key=KEY)
    assert (result.loss < 0.5 * result.history["loss"][:, 0]).all()
