"""Statistics of batch norms that come from drawn codes, and how far the stored ones are from them.

A batch norm trains with the mean and variance of a batch and draws with stored ones, which the training program keeps
as running means. Where these are not those of the weights (saved early, kept with another momentum, or of weights that
were averaged afterwards), images saturate. Computed anew from many drawn codes they are those of the weights again:
the "standing statistics" of Brock et al. 2019 (arXiv:1809.11096, appendix C.2).
"""

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import as_labels
from gprior_jax.generators.prior import Prior
from gprior_jax.keys import purpose
from gprior_jax.nn.batch_norm import STATISTICS
from gprior_jax.typing import Array, Key, Params

Moments = dict[str, dict[str, np.ndarray]]
"""By layer, ``norm{i}_mean`` and ``norm{i}_var`` of what its batch norms are given."""

_CODES_AT_ONCE = 32
_BATCH = "batch"
_SATURATED = 0.99


def has_batch_norms(prior: Prior) -> bool:
    """Whether the generator has batch norms whose statistics can be computed anew."""
    return hasattr(prior.module, "observe") and bool(_norms(prior.params))


def with_batch_statistics(prior: Prior, key: Key, number: int) -> Prior:
    """The prior with batch norms that store the statistics of drawn codes.

    They are computed from the first layer to the last, each with those before it in place, so that images of these
    codes are what a batch of them gives in training.

    Args:
        prior: a generator with batch norms; if it has classes, each code is of a random one.
        key: draws codes and classes.
        number: of codes.

    Returns:
        The prior with other ``params``; not prepared.

    Raises:
        ValueError: no batch norms, or fewer than two codes.

    >>> from gprior_jax.generators.dcgan import DCGAN, example_layers
    >>> module = DCGAN(example_layers(width=2, resolution=16), z_dim=3)
    >>> params = module.init(jax.random.key(0), jnp.zeros(3), method="init_all")["params"]
    >>> with_batch_statistics(Prior(params, module), jax.random.key(1), 8).params["layer0"]["norm0_mean"].shape
    (4,)
    """
    if not has_batch_norms(prior):
        raise ArgumentError(f"{prior} has no batch norms: its statistics cannot be computed anew.")
    if number < 2:
        raise ArgumentError(f"statistics of {number} codes: use at least 2, some hundreds are better.")
    z, labels = _drawn(prior, key, number)
    params = dict(prior.params)
    for layer, norm in _norms(params):
        found = _observed(prior.module, params, z, labels)[layer]
        new = {name: jnp.asarray(found[name], jnp.float32) for name in (f"{norm}_mean", f"{norm}_var")}
        params[layer] = params[layer] | new
    return dataclasses.replace(prior, params=params, weights=None)


class Drift(NamedTuple):
    """How far the stored statistics of a generator are from those of drawn codes.

    Attributes:
        layer: the layer whose norm is farthest.
        shift: mean distance of its means, in stored standard deviations.
        ratio: median ratio of its variances, of the codes to stored.
        saturated: part of the pixels of their images that are at an end of their range.
        saturated_in_batch: the same with the statistics of the codes.
    """

    layer: str
    shift: float
    ratio: float
    saturated: float
    saturated_in_batch: float

    @property
    def is_far(self) -> bool:
        """Whether images are not what training gave.

        Running means of a training that went on are within 0.1 deviations and a factor of 1.5 (measured on published
        files); the bounds leave much room for such.
        """
        return self.shift > 1.0 or not 0.25 < self.ratio < 4.0


def drift(prior: Prior, key: Key, number: int = 64) -> Drift:
    """How far the stored statistics are from those of drawn codes.

    Args:
        prior: a generator with batch norms (:func:`has_batch_norms`).
        key: draws codes and classes.
        number: of codes, all at once.
    """
    kept, *ends = _compare(prior.module, prior.params, *_drawn(prior, key, number))
    sums = _Sums()
    sums.add(kept)
    found = sums.pooled()
    worst = max((_distance(prior.params[layer], found[layer], norm), layer) for layer, norm in _norms(prior.params))
    (_, shift, ratio), layer = worst
    return Drift(layer, shift, ratio, *map(float, ends))


@partial(jax.jit, static_argnums=0)
def _compare(module: Any, params: Params, z: Array, labels: Array | None) -> tuple[Any, Array, Array]:
    """Moments of every image with stored statistics, and what saturates with these and with those of the batch."""
    kept, stored = _observe(module, params, z, labels, None)
    _, batch = _observe(module, params, z, labels, _BATCH)
    ends = [jnp.mean(jnp.abs(images) > _SATURATED) for images in (stored, batch)]
    return kept, ends[0], ends[1]


def _distance(stored: Params, found: dict[str, np.ndarray], norm: str) -> tuple[float, float, float]:
    """How far one norm's statistics are: a measure, the shift, the ratio."""
    mean, var = (np.asarray(stored[f"{norm}_{name}"], np.float64) for name in ("mean", "var"))
    var = np.maximum(var, 1e-12)
    shift = float(np.mean(np.abs(found[f"{norm}_mean"] - mean) / np.sqrt(var)))
    ratio = float(np.median(found[f"{norm}_var"] / var))
    return max(shift, abs(float(np.log(max(ratio, 1e-12))))), shift, ratio


def _norms(params: Params) -> list[tuple[str, str]]:
    """Layer and name of every batch norm, in order."""
    layers = sorted(params, key=lambda name: int(name.removeprefix("layer")))
    return [
        (layer, key.removesuffix("_mean")) for layer in layers for key in sorted(params[layer]) if key.endswith("_mean")
    ]


def _drawn(prior: Prior, key: Key, number: int) -> tuple[Array, Array | None]:
    z = prior.latent.sample(purpose(key, "codes"), (number, prior.z_dim))
    if prior.label is not None:
        return z, jnp.broadcast_to(prior.label, (number, len(prior.label)))
    if not prior.num_classes:
        return z, None
    classes = jax.random.randint(purpose(key, "classes"), (number,), 0, prior.num_classes)
    return z, as_labels(prior, classes, (number,))


def _observe(module: Any, params: Params, z: Array, labels: Array | None, axis_name: str | None) -> tuple[Any, Array]:
    """Moments and images of a batch of codes."""

    def one(z: Array, label: Array | None) -> tuple[Array, Any]:
        return module.apply({"params": params}, z, label, axis_name, method="observe", mutable=[STATISTICS])

    images, kept = jax.vmap(one, axis_name=_BATCH)(z, labels)
    return kept[STATISTICS], images


@partial(jax.jit, static_argnums=0)
def _moments(module: Any, params: Params, z: Array, labels: Array | None) -> Any:
    return _observe(module, params, z, labels, None)[0]


def _observed(module: Any, params: Params, z: Array, labels: Array | None) -> Moments:
    """Moments over all codes, of layers with their stored statistics; a few codes at once."""
    sums = _Sums()
    for start in range(0, len(z), _CODES_AT_ONCE):
        part = slice(start, start + _CODES_AT_ONCE)
        sums.add(_moments(module, params, z[part], None if labels is None else labels[part]))
    return sums.pooled()


class _Sums:
    """Moments of a set of images from those of each."""

    def __init__(self):
        self._of: Moments = {}
        self._images = 0

    def add(self, kept: Any) -> None:
        """Add the moments of some images, ``[B, C]`` of every norm."""
        self._images += len(jax.tree.leaves(kept)[0])
        for layer, found in kept.items():
            total = self._of.setdefault(layer, {})
            for name, value in found.items():
                each = np.asarray(value, np.float64)
                total[name] = total.get(name, 0.0) + each.sum(0)
                if name.endswith("_mean"):
                    total[f"{name}_squared"] = total.get(f"{name}_squared", 0.0) + np.square(each).sum(0)

    def pooled(self) -> Moments:
        """Of all images: their means, and as variance the mean one and the variance of the means."""
        return {layer: self._pooled(total) for layer, total in self._of.items()}

    def _pooled(self, total: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        pooled = {}
        for name in [name for name in total if name.endswith("_mean")]:
            mean, variance = total[name] / self._images, f"{name.removesuffix('_mean')}_var"
            between = np.maximum(total[f"{name}_squared"] / self._images - np.square(mean), 0.0)
            pooled |= {name: mean, variance: total[variance] / self._images + between}
        return pooled
