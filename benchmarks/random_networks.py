"""Networks of the published sizes with random weights, for measurements that need no image."""

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.generators import biggan as biggans
from gprior_jax.generators import pggan as pggans
from gprior_jax.generators import stylegan2 as stylegan2s
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.standing import with_standing_statistics
from gprior_jax.perceptual import network
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.zoo.networks import abstract_params


def pggan(resolution: int) -> Prior:
    """A PGGAN of the published channels; its biases are zero."""
    module = pggans.PGGAN(pggans.published_channels(resolution))
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), np.zeros(512, np.float32), method="init_all"))
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda s: jnp.asarray(rng.standard_normal(s.shape, np.float32) * (len(s.shape) > 1)), shapes["params"]
    )
    return Prior(params, module, name=f"random PGGAN-{resolution}")


def stylegan2(resolution: int) -> Prior:
    """Config F; no noise or bias is zero."""
    module, rng = stylegan2s.StyleGAN2(stylegan2s.published_channels(resolution)), np.random.default_rng(0)
    abstract = abstract_params(module)
    params = jax.tree.map(lambda leaf: jnp.asarray(rng.standard_normal(leaf.shape, np.float32)), abstract)
    return Prior(params, module, name=f"random StyleGAN2-{resolution}")


def biggan(width: int, widths: tuple[int, ...], attention: int) -> Prior:
    """A BigGAN of class 0 whose signals keep their size, with standing statistics.

    Args:
        width: ``G_ch``; 96 in the published network.
        widths: that layer 0 and the blocks give, times ``width``.
        attention: layer that ends with it.
    """
    module = biggans.BigGAN(tuple(width * each for each in widths), z_dim=20 * len(widths), attention=(attention,))
    rng = np.random.default_rng(0)

    def draw(path: tuple, leaf: jax.ShapeDtypeStruct) -> jax.Array:
        part, name = path[-2].key, path[-1].key
        numbers = rng.standard_normal(leaf.shape, np.float32)
        if name == "kernel":
            inputs = leaf.shape[0] if part == "layer0" else np.prod(leaf.shape[:-1])
            numbers *= np.sqrt((1 if part in ("layer0", "shortcut", "output") else 2) / inputs)
        elif name.endswith("_kernel"):
            numbers *= (0.3 if name in ("gain_kernel", "bias_kernel") else 1.0) / np.sqrt(leaf.shape[0])
        elif name != "embedding":
            numbers = np.full(leaf.shape, 0.5 if name == "gamma" else name in ("stored_var", "gain_scale"), np.float32)
        return jnp.asarray(numbers)

    params = jax.tree_util.tree_map_with_path(draw, abstract_params(module))
    prior = Prior(params, module, name=f"random BigGAN-{module.resolution}")
    return with_label(with_standing_statistics(prior, jax.random.key(5), 4, 8), 0)


def vgg() -> network.PerceptualNetwork:
    """VGG-16 up to relu3_3."""
    module, rng = VGG16(7), np.random.default_rng(1)

    # By NumPy: JAX's own start draws each kernel by programs of its own, whose memory (140 MB) counted with the loops.
    def draw(leaf: jax.ShapeDtypeStruct) -> jax.Array:
        deviation = np.sqrt(2 / np.prod(leaf.shape[:-1])) if len(leaf.shape) > 1 else 0.0
        return jnp.asarray(rng.standard_normal(leaf.shape, np.float32) * np.float32(deviation))

    return network.vgg16(module, jax.tree.map(draw, abstract_params(module)))
