"""A w for every layer: what it starts from and what it draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_prior

from gprior_jax.generators.noise import stored_noise
from gprior_jax.generators.styles import mean_styles
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.latents import WPlus
from latents.priors import styled_prior

PRIOR = styled_prior()
KEY = jax.random.key(0)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def test_starts_from_the_mean():
    np.testing.assert_allclose(WPlus().init(PRIOR, KEY)["w_plus"], mean_styles(PRIOR), **CLOSE)


def test_starts_from_uniform_numbers():
    drawn = jax.jit(jax.vmap(lambda key: WPlus("uniform").init(PRIOR, key)["w_plus"]))(jax.random.split(KEY, 50))
    assert drawn.shape == (50, 4, 5)
    assert float(jnp.abs(drawn).max()) <= 1
    assert float(drawn.std()) == pytest.approx(3**-0.5, rel=0.1)
    assert float(jnp.abs(drawn[:, 0] - drawn[:, 1]).max()) > 0.1  # Every layer has numbers of its own.


@pytest.mark.parametrize("name", ["stylegan2_plain", "stylegan_w_per_layer"])
def test_starts_from_a_random_code(name):
    prior, init = random_prior(name), jax.jit(WPlus("random").init)
    first, second = (init(prior, jax.random.key(seed))["w_plus"] for seed in (0, 1))
    assert first.shape == (prior.num_styles, prior.w_dim)
    assert float(jnp.abs(first - second).max()) > 1e-3
    # The styles of one code are alike unless the mapping network gives a w for every layer.
    alike = float(jnp.abs(first - first[0]).max()) < 1e-6
    assert alike == (name == "stylegan2_plain")


def test_images_of_styles_and_noise():
    variables = WPlus(noise="free").init(PRIOR, KEY)
    maps = tuple(variables[f"noise_{i}"] for i in range(3))
    assert [each.shape[0] for each in maps] == [4, 8, 8]
    render = jax.jit(lambda parametrization: parametrization.render(PRIOR, variables), static_argnums=0)
    stored, silent = stored_noise(PRIOR), tuple(jnp.zeros_like(each) for each in maps)
    for noise, expected in (("free", maps), ("const", stored), ("none", silent)):
        wanted = synthesize(PRIOR, variables["w_plus"], space="w_plus", noise=expected)
        np.testing.assert_allclose(render(WPlus(noise=noise)), wanted, **CLOSE)
    assert float(jnp.abs(render(WPlus(noise="free")) - render(WPlus(noise="const"))).max()) > 1e-3
