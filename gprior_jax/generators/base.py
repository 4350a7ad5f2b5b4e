"""The prior: a generator with its weights, and the layer contract that every method builds on.

A generator is an ordered list of named layers. For every layer l, ``from_features(prior, features(prior, z, l), l)``
equals ``synthesize(prior, z)``: :func:`features` runs layers ``[0, l)``, :func:`from_features` the rest.

Latent codes are ``[..., z_dim]``, images ``[..., R, R, C]`` in [-1, 1], channels last, with the same leading axes.
"""

import dataclasses
from functools import partial
from typing import Any, Literal, Protocol, runtime_checkable

import flax.struct
import jax
import jax.numpy as jnp

from gprior_jax.typing import Array, Key, Params


@runtime_checkable
class Generator(Protocol):
    """What a Linen module must offer to serve as a prior. Methods take one code, and are run through ``apply``."""

    z_dim: int

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        ...

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers in order."""
        ...

    def feature_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of what layers ``[0, layer)`` give for one code."""
        ...

    def prepare(self) -> Any:
        """Weights in the form that ``__call__`` applies; a pytree."""
        ...

    def __call__(self, x: Array, start: int = 0, stop: int | None = None, weights: Any = None) -> Array:
        """Run layers ``[start, stop)`` on one code or its features."""
        ...


@dataclasses.dataclass(frozen=True)
class LatentDistribution:
    """Distribution that the generator was trained on, independent for every number of a code.

    Attributes:
        kind: ``"normal"`` (standard normal) or ``"uniform"``.
        low: lower end of the uniform distribution.
        high: upper end of the uniform distribution.
    """

    kind: Literal["normal", "uniform"] = "normal"
    low: float = -1.0
    high: float = 1.0

    def sample(self, key: Key, shape: tuple[int, ...]) -> Array:
        """Draw float32 numbers of ``shape``."""
        if self.kind == "normal":
            return jax.random.normal(key, shape)
        return jax.random.uniform(key, shape, minval=self.low, maxval=self.high)


@flax.struct.dataclass
class Critic:
    """A discriminator with its weights.

    Attributes:
        params: weights, nested dicts.
        module: the Linen module (static).
    """

    params: Params
    module: Any = flax.struct.field(pytree_node=False)


@flax.struct.dataclass
class Prior:
    """A pretrained generator: a pytree of weights with its static, hashable architecture.

    Attributes:
        params: weights as stored, nested dicts of arrays.
        module: the Linen module (static).
        latent: distribution of the latent codes (static).
        critic: the discriminator trained with it, where there is one; the source of discriminator features.
        weights: weights scaled and prepared for use, see :func:`prepare`; None until then.
        name: for reports (static).
    """

    params: Params
    module: Any = flax.struct.field(pytree_node=False)
    latent: LatentDistribution = flax.struct.field(pytree_node=False, default=LatentDistribution())
    critic: Critic | None = None
    weights: Any = None
    name: str = flax.struct.field(pytree_node=False, default="")

    @property
    def z_dim(self) -> int:
        """Length of a latent code."""
        return self.module.z_dim

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return self.module.resolution

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, ``(R, R, C)``."""
        return self.module.feature_shape(self.num_layers)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers in order."""
        return self.module.layer_names

    @property
    def num_layers(self) -> int:
        """Number of layers; layer ``num_layers`` stands for the image."""
        return len(self.module.layer_names)

    def feature_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of ``features(prior, z, layer)`` for one code."""
        return self.module.feature_shape(check_layer(self, layer))


def check_layer(prior: Prior, layer: int, lowest: int = 0, highest: int | None = None) -> int:
    """Return ``layer`` if the prior can be cut there.

    Raises:
        ValueError: outside ``[lowest, highest]`` (highest: the number of layers unless given).
    """
    highest = prior.num_layers if highest is None else highest
    if not lowest <= layer <= highest:
        raise ValueError(
            f"layer {layer} is out of range: {prior.name or 'this prior'} can be cut at layers {lowest} to {highest}."
        )
    return layer


def run_layers(prior: Prior, x: Array, start: int = 0, stop: int | None = None, remat: bool = False) -> Array:
    """Run layers ``[start, stop)`` on one code or one feature map, with prepared weights where the prior has them.

    ``x`` is cast to the dtype of the weights, which is that of the result.

    Args:
        prior: the generator.
        x: one code for ``start=0``, else features of layer ``start``.
        start: first layer to run.
        stop: layer to stop before; None runs to the image.
        remat: wrap each resolution block in ``jax.checkpoint``: its activations are recomputed in the backward pass.
    """

    def run(prior: Prior, x: Array, start: int, stop: int) -> Array:
        return prior.module.apply({"params": prior.params}, x, start, stop, prior.weights)

    stop = prior.num_layers if stop is None else stop
    x = x.astype(jax.tree.leaves(prior.params)[0].dtype)
    if not remat:
        return run(prior, x, start, stop)
    for first, last in _blocks(prior, start, stop):
        x = jax.checkpoint(run, static_argnums=(2, 3))(prior, x, first, last)
    return x


def _blocks(prior: Prior, start: int, stop: int) -> list[tuple[int, int]]:
    """Split ``[start, stop)`` where the size of the feature map changes."""
    sizes = [prior.module.feature_shape(layer + 1)[0] for layer in range(start, stop)]
    cuts = [start + i for i in range(1, len(sizes)) if sizes[i] != sizes[i - 1]]
    return list(zip([start, *cuts], [*cuts, stop], strict=True)) if start < stop else []


@jax.jit
def prepare(prior: Prior) -> Prior:
    """Scale and prepare the weights once, so that a loop does not repeat it.

    Returns:
        the prior with :attr:`Prior.weights` set. They follow ``params`` no longer: prepare again after changing these.
    """
    return dataclasses.replace(prior, weights=prior.module.apply({"params": prior.params}, method="prepare"))


def astype(prior: Prior, dtype: Any) -> Prior:
    """Cast the weights to a floating dtype; images and features are computed in it.

    Args:
        prior: any prior; the result is not prepared.
        dtype: ``"float32"``, ``"bfloat16"``, ...
    """
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), prior.params)
    return dataclasses.replace(prior, params=params, weights=None)


def sample_z(prior: Prior, key: Key, num: int) -> Array:
    """Draw latent codes ``[num, z_dim]``; the first codes do not depend on ``num``.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> gp.sample_z(prior, jax.random.key(0), 8).shape == (8, prior.z_dim)
    True
    """
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(num))
    return jax.vmap(lambda k: prior.latent.sample(k, (prior.z_dim,)))(keys)


def synthesize(prior: Prior, z: Array, *, space: Literal["z"] = "z") -> Array:
    """Images of latent codes.

    Args:
        prior: the generator.
        z: ``[..., z_dim]``.
        space: the space the codes live in; ``"z"`` for generators without a mapping network.

    Returns:
        ``[..., R, R, C]``, about [-1, 1] (a generator without a final tanh can leave that range a little).

    Raises:
        ValueError: another space, or codes of another length.
    """
    if space != "z":
        raise ValueError(f"space={space!r} needs a style-based prior; {prior.name or 'this prior'} has space 'z' only.")
    return features(prior, z, prior.num_layers)


def features(prior: Prior, z: Array, layer: int) -> Array:
    """Features of latent codes after the first ``layer`` layers (G1).

    Args:
        prior: the generator.
        z: ``[..., z_dim]``.
        layer: 0 gives the codes back, ``prior.num_layers`` the images.

    Returns:
        ``[..., *prior.feature_shape(layer)]``.

    Raises:
        ValueError: a layer out of range, or codes of another length.
    """
    check_layer(prior, layer)
    z = jnp.asarray(z)
    if z.shape[-1:] != (prior.z_dim,):
        raise ValueError(f"codes of shape {z.shape}: {prior.name or 'this prior'} takes [..., {prior.z_dim}].")
    return _run_batched(prior, z, 0, layer)


def from_features(prior: Prior, f: Array, layer: int, styles: None = None) -> Array:
    """Images from features of layer ``layer`` (G2).

    Args:
        prior: the generator.
        f: ``[..., *prior.feature_shape(layer)]``.
        layer: where ``f`` was taken.
        styles: only for style-based generators.

    Returns:
        ``[..., R, R, C]``.

    Raises:
        ValueError: a layer out of range, features of another shape, or styles for a generator without them.
    """
    check_layer(prior, layer)
    if styles is not None:
        raise ValueError(f"{prior.name or 'this prior'} has no styles: leave styles=None.")
    f, shape = jnp.asarray(f), prior.feature_shape(layer)
    if f.shape[f.ndim - len(shape) :] != shape:
        raise ValueError(f"features of shape {f.shape}: layer {layer} of this prior takes [..., {shape}].")
    return _run_batched(prior, f, layer, None)


@partial(jax.jit, static_argnums=(2, 3))
def _run_batched(prior: Prior, x: Array, start: int, stop: int | None) -> Array:
    """:func:`run_layers` over all leading axes."""
    rank = len(prior.feature_shape(start))
    run = partial(run_layers, prior, start=start, stop=stop)
    for _ in range(x.ndim - rank):
        run = jax.vmap(run)
    return run(x)
