"""Standing statistics: those of norms, taken anew from what a generator draws (Brock et al. 2019, arXiv:1809.11096).

Statistics that ran along with training lag behind the weights, and belong to codes as they were drawn there; the paper
takes them from many batches of the final generator, at the truncation that images are to be drawn with.
"""

import dataclasses
from functools import partial
from typing import Any

import flax.traverse_util
import jax
import jax.numpy as jnp

from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.residual import Residual
from gprior_jax.generators.styles import map_code
from gprior_jax.keys import purpose
from gprior_jax.nn.batch_norm import STATISTICS
from gprior_jax.typing import Array, Key, Params

NUM_BATCHES = 16
"""ajbrock/BigGAN-PyTorch ``utils.py``, ``num_standing_accumulations``."""

_AXIS = "batch"


def with_standing_statistics(prior: Prior, key: Key, num_batches: int = NUM_BATCHES, batch_size: int = 16) -> Prior:
    """A BigGAN whose norms have standing statistics: the mean of those of batches of drawn codes and classes.

    Of a generator at a truncation, they are of that one, and take the place of the stored sets.

    Args:
        prior: BigGAN or BigGAN-deep; held to a class, only it is drawn.
        key: of codes and classes.
        num_batches: whose statistics are averaged.
        batch_size: codes in each, at once in memory.

    Raises:
        ValueError: another generator, or numbers below 1.

    >>> from gprior_jax.generators.biggan import BigGAN
    >>> module = BigGAN((8, 8), z_dim=4, num_classes=2, embed_dim=3, attention=())
    >>> params = module.init(jax.random.key(0), jnp.zeros(4), method="init_all")["params"]
    >>> found = with_standing_statistics(Prior(params, module), jax.random.key(1), 2, 4)
    >>> found.params["output_norm"]["stored_mean"].shape
    (1, 8)
    """
    if not isinstance(prior.module, Residual):
        raise ArgumentError(f"{prior} is no BigGAN: it keeps the statistics that it has.")
    if min(num_batches, batch_size) < 1:
        raise ArgumentError(f"num_batches {num_batches}, batch_size {batch_size}: use at least 1.")
    sums: Any = None
    for index in range(num_batches):
        own = _of_batch(prior, jax.random.fold_in(purpose(key, "standing statistics"), index), batch_size)
        sums = own if sums is None else jax.tree.map(jnp.add, sums, own)
    return with_statistics(prior, jax.tree.map(lambda leaf: leaf / num_batches, sums))


def with_statistics(prior: Prior, statistics: Params) -> Prior:
    """A BigGAN with other statistics in its norms, ``stored_mean`` and ``stored_var`` ``[C]`` of each."""
    flat: Any = flax.traverse_util.flatten_dict(prior.params, sep="/")
    own: Any = flax.traverse_util.flatten_dict(statistics, sep="/")
    own = {name: leaf[None].astype(flat[name].dtype) for name, leaf in own.items()}
    params = flax.traverse_util.unflatten_dict(flat | own, sep="/")
    module: Any = prior.module
    module = module.clone(num_sets=1) if hasattr(module, "num_sets") else module
    return dataclasses.replace(prior, params=params, module=module, weights=None)


@partial(jit, use="once", static_argnums=2)
def _of_batch(prior: Prior, key: Key, batch_size: int) -> Params:
    """The statistics of one batch."""
    code_key, label_key = jax.random.split(key)
    z = prior.latent.sample(code_key, (batch_size, prior.z_dim))
    labels = None
    if prior.num_classes:
        drawn = jax.random.randint(label_key, (batch_size,), 0, prior.num_classes)
        labels = jax.nn.one_hot(drawn, prior.num_classes)
    return batch_statistics(prior, jax.vmap(partial(map_code, prior))(z, labels))


def batch_statistics(prior: Prior, styles: Array) -> Params:
    """Mean and variance of what comes into every norm, where all take those of this batch.

    Args:
        prior: BigGAN or BigGAN-deep.
        styles: ``[B, num_styles, w_dim]``.
    """

    def run(styles: Array) -> Params:
        variables = {"params": prior.params}
        _, found = prior.module.apply(variables, None, styles=styles, axis_name=_AXIS, mutable=[STATISTICS])
        return found[STATISTICS]

    return jax.tree.map(lambda leaf: leaf[0], jax.vmap(run, axis_name=_AXIS)(styles))
