"""Networks of the published sizes with random weights, for measurements that need no image."""

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.generators import pggan as pggans
from gprior_jax.generators import stylegan2 as stylegan2s
from gprior_jax.generators.prior import Prior
from gprior_jax.perceptual import network
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.zoo.networks import abstract_params


def pggan(resolution: int) -> Prior:
    """A PGGAN of the published channels; its biases are zero."""
    module = pggans.PGGAN(pggans.published_channels(resolution))
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), np.zeros(512, np.float32), method="init_all"))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda s: rng.standard_normal(s.shape, np.float32) * (len(s.shape) > 1), shapes["params"])
    return Prior(params, module, name=f"random PGGAN-{resolution}")


def stylegan2(resolution: int) -> Prior:
    """Config F; no noise or bias is zero."""
    module, rng = stylegan2s.StyleGAN2(stylegan2s.published_channels(resolution)), np.random.default_rng(0)
    abstract = abstract_params(module)
    params = jax.tree.map(lambda leaf: jnp.asarray(rng.standard_normal(leaf.shape, np.float32)), abstract)
    return Prior(params, module, name=f"random StyleGAN2-{resolution}")


def vgg() -> network.PerceptualNetwork:
    """VGG-16 up to relu3_3."""
    module = VGG16(7)
    image = np.zeros(module.input_shape, np.float32)
    return network.vgg16(module, dict(module.init(jax.random.key(1), image, method="init_all")["params"]))
