"""Priors of one or two blocks, 8 px, whose programs compile fast; for the tests of latents and of inversion."""

import functools

from batteries import NORMAL, random_params

from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.generators.dcgan import DCGAN
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.nn.stack import StackLayer


@functools.cache
def tiny_prior(critic: bool = False, seed: int = 0) -> Prior:
    """The smallest that codes can be composed in: a dense layer to six maps of 4x4, and a transposed convolution."""
    dense = StackLayer("dense", 6, size=4, bias=True, then=("relu",))
    module = DCGAN((dense, StackLayer("conv_transpose", 3, 4, 2, 1, then=("tanh",))), z_dim=8)
    return Prior(random_params(module, seed), module, NORMAL, critic=_tiny_critic() if critic else None, name="tiny")


def _tiny_critic() -> Critic:
    convolution = StackLayer("conv", 4, 4, 2, 1, then=("leaky_relu",))
    module = DCGANDiscriminator((convolution, StackLayer("conv", 1, 4)), resolution=8)
    return Critic(random_params(module, 1), module)


@functools.cache
def plain_prior() -> Prior:
    """A progressive GAN of five layers."""
    module = PGGAN((6, 4), z_dim=8)
    return Prior(random_params(module, 0), module, NORMAL, name="tiny pggan")


@functools.cache
def styled_prior(blocks: int = 2) -> Prior:
    """A StyleGAN2 whose features carry the image so far; two blocks: four styles of five numbers, three maps of noise.

    One block: 4 px, two styles, one map.
    """
    module = StyleGAN2((6, 4)[:blocks], 8, 5, mapping_layers=1)
    return Prior(random_params(module, 0), module, NORMAL, name="tiny stylegan2")


@functools.cache
def conditional_prior() -> Prior:
    """A StyleGAN2 of three classes."""
    module = StyleGAN2((4,), 8, 4, mapping_layers=1, num_classes=3)
    return Prior(random_params(module, 0), module, NORMAL, name="tiny classes")
