"""One code."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import UNIFORM, random_prior

from gprior_jax.generators.synthesis import synthesize
from gprior_jax.latents import Z
from latents.priors import plain_prior

PRIOR = plain_prior()
KEY = jax.random.key(0)


@pytest.mark.parametrize("remat", [False, True])
def test_z_is_the_generator(remat):
    z = Z(remat).init(PRIOR, KEY)
    assert {name: value.shape for name, value in z.items()} == {"z": (8,)}
    image = jax.jit(Z(remat).render)(PRIOR, z)
    np.testing.assert_allclose(image, synthesize(PRIOR, z["z"]), rtol=1e-4, atol=1e-5)


def test_codes_come_from_the_prior_s_distribution():
    prior = random_prior("dcgan_described")
    assert prior.latent == UNIFORM
    drawn = jax.jit(jax.vmap(lambda key: Z().init(prior, key)["z"]))(jax.random.split(KEY, 20))
    assert float(jnp.abs(drawn).max()) <= 1.0
    assert float(jnp.std(drawn)) == pytest.approx(3**-0.5, rel=0.15)


def test_a_hint_replaces_what_is_drawn():
    z = jnp.ones(8)
    assert Z().init(PRIOR, KEY, {"z": z, "codes": 2 * z}) == {"z": z}
