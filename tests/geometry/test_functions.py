import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_params, random_prior

import gprior_jax as gp
from gprior_jax import geometry
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.latents import MultiCode, WPlus
from gprior_jax.nn.stack import StackLayer
from gprior_jax.objectives import Perceptual
from gprior_jax.perceptual import network

KEY = jax.random.key(0)
at = jax.jit(lambda function, latent: function(latent))
"""A function's output, by one program."""


@pytest.fixture(scope="module")
def prior():
    module = StyleGAN2((6, 4), 6, 5, mapping_layers=1, architecture="plain")
    judge = DCGANDiscriminator((StackLayer("conv", 4, 4, 2, 1, then=("leaky_relu",)), StackLayer("conv", 1, 4)), 8)
    return Prior(random_params(module, 2), module, critic=Critic(random_params(judge, 1), judge))


def test_spaces_against_synthesize(prior):
    z = gp.sample_z(prior, KEY, 1)
    styles = gp.map_latents(prior, z)
    image = gp.synthesize(prior, z)[0]
    for space, latent in (("z", z[0]), ("w", styles[0, 0]), ("w_plus", styles[0])):
        np.testing.assert_allclose(at(geometry.outputs(prior, space), latent), image, atol=1e-5)
    assert geometry.outputs(prior).space == "w"
    assert geometry.outputs(random_prior("dcgan")).space == "z"


def test_features_lie_as_far_apart_as_the_network_says(prior):
    judge = network.default(prior)
    function = geometry.outputs(prior, "z", judge)
    a, b = gp.sample_z(prior, KEY, 2)
    images = gp.synthesize(prior, jnp.stack([a, b]))
    wanted = jax.jit(Perceptual(judge.prepare(), kind="mse").between)(*images)
    assert float(jnp.sum(jnp.square(at(function, a) - at(function, b)))) == pytest.approx(float(wanted), rel=1e-4)


@pytest.mark.parametrize("parametrization", [MultiCode(2, layer=2), WPlus(noise="free")])
def test_variables_of_a_parametrisation(prior, parametrization):
    parametrization = parametrization.fit(prior)
    variables = jax.jit(parametrization.init)(prior, KEY) | {"_step": jnp.float32(3)}
    function, latent = geometry.outputs_of(prior, parametrization, variables)
    image = jax.jit(parametrization.render)(prior, variables)
    assert latent.ndim == 1
    assert function.unravel(latent).keys() == variables.keys() - {"_step"}

    @jax.jit
    def near(function, latent):
        found = geometry.linearize(function, latent)
        return found.output, found.metric(jnp.ones_like(latent))

    output, pushed = near(function, latent)
    np.testing.assert_allclose(output, image, atol=1e-5)
    assert pushed.shape == latent.shape
    assert np.isfinite(pushed).all()


def test_wrong_use(prior):
    with pytest.raises(ValueError, match="space='y': use 'z', 'w' or 'w_plus'"):
        geometry.outputs(prior, "y")
    with pytest.raises(ValueError, match="has no styles"):
        geometry.outputs(random_prior("dcgan"), "w")
