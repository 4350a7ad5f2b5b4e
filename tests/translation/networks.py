"""Tiny networks of every kind, with random weights that keep their features lively."""

import functools
from typing import Any

import jax
import numpy as np

from gprior_jax.translation import ResNetTranslator, Translator, UNetTranslator
from gprior_jax.zoo.networks import abstract_params

NETWORKS: dict[str, Any] = {
    "resnet": ResNetTranslator(3, 2),
    "resnet_batch": ResNetTranslator(3, 1, norm="batch", dropout=True),
    "resnet_winograd": ResNetTranslator(2, 1, 1, 2, affine=True, conv_path="winograd"),
    "unet": UNetTranslator(2, 6),
    "unet_instance": UNetTranslator(2, 5, norm="instance", dropout=False),
}


def params_of(module, seed=0):
    """Kernels that keep the size of features, variances around 1."""
    rng = np.random.default_rng(seed)

    def one(path, leaf):
        name = path[-1].key
        if name == "kernel":
            return (1.4 / np.prod(leaf.shape[-4:-1]) ** 0.5 * rng.standard_normal(leaf.shape)).astype(np.float32)
        low = 0.5 if name in ("norm_scale", "norm_variance") else -0.5
        return rng.uniform(low, low + 1, leaf.shape).astype(np.float32)

    return jax.tree_util.tree_map_with_path(one, abstract_params(module))


@functools.cache
def translator(name) -> Translator:
    return Translator(params_of(NETWORKS[name]), NETWORKS[name], name=name)


def picture(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (height, width, channels)).astype(np.float32)
