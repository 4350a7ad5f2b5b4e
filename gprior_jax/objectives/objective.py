"""Objectives: named, weighted terms that compare a reconstruction with what was observed.

A term is a pytree with two functions for one image: ``target(y, known)``, computed once, and ``loss(y_hat, target)``,
computed in every step. All terms are means, so that weights do not depend on sizes. ``known`` is the operator's mask
(:attr:`gprior_jax.operators.Operator.known`): by default means are taken over the known area alone; with
``masked=False`` over all pixels, as the published code does.
"""

import dataclasses
from typing import Literal, NamedTuple

import flax.struct
import jax.numpy as jnp

from gprior_jax.images import arrays as im
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.typing import Array, PyTree

Distance = Literal["mse", "l1", "huber"]

HUBER_DELTA = 0.1
"""Difference of pixels in [-1, 1] at which ``"huber"`` goes from quadratic to linear: 13 of 255 grey levels."""


def distance(a: Array, b: Array, kind: Distance, weights: Array | None = None) -> Array:
    """Mean squared, mean absolute or mean Huber difference, a scalar.

    Huber's (1964) is ``d**2`` below :data:`HUBER_DELTA` and ``delta * (2 * |d| - delta)`` above: scaled so that it
    equals the squared difference where that is small, and grows like the absolute one where an outlier is.

    Args:
        a: any shape.
        b: the same.
        kind: which.
        weights: ``[H, W, 1]``, weights of mean 1 for the pixels of ``[H, W, C]``; None weighs all alike.

    >>> float(distance(jnp.zeros(4), jnp.full(4, 3.0), "mse"))
    9.0
    """
    difference = a - b
    values = jnp.square(difference) if kind == "mse" else jnp.abs(difference)
    if kind == "huber":
        linear = HUBER_DELTA * (2.0 * values - HUBER_DELTA)
        values = jnp.where(values < HUBER_DELTA, jnp.square(values), linear)
    return jnp.mean(values if weights is None else values * weights)


class PixelTarget(NamedTuple):
    """What a pixel term compares with: the observation, weights of mean 1 (None where all are known), the floor."""

    observed: Array
    weights: Array | None
    floor: Array


@flax.struct.dataclass
class Pixel:
    """Difference of pixels in [-1, 1].

    Attributes:
        weight: factor in the total.
        kind: mean squared, absolute or Huber's difference (static).
        floor: the loss is never below this number, and its gradient is zero there: the observation is not fitted
            closer than its noise. PULSE's epsilon (Menon et al. 2020, ``loss.py``, 2e-3 on pixels in [0, 1]).
        masked: take the mean over the known pixels (static); False is mGANprior's mean over all of them.
        floor_from_noise: raise the floor to the mean square of the noise that the observation seems to have
            (:func:`gprior_jax.images.arrays.noise_level`; static); for ``"mse"``.
    """

    weight: float | Array = 1.0
    kind: Distance = flax.struct.field(pytree_node=False, default="mse")
    floor: float | Array = 0.0
    masked: bool = flax.struct.field(pytree_node=False, default=True)
    floor_from_noise: bool = flax.struct.field(pytree_node=False, default=False)

    def __post_init__(self):
        if self.floor_from_noise and self.kind != "mse":
            raise ValueError(f"the noise level is a floor of the mean square, not of {self.kind!r}: leave it out.")

    @property
    def name(self) -> str:
        """Name in results and histories."""
        return f"pixel_{self.kind}"

    def prepare(self) -> "Pixel":
        """Nothing to prepare."""
        return self

    def target(self, observed: Array, known: Array | None = None) -> PixelTarget:
        """The observation itself, the weights of its pixels, and the floor."""
        floor = jnp.asarray(self.floor, observed.dtype)
        if self.floor_from_noise:
            # Twice: pixels range over 2, the noise level is told as a part of the range.
            floor = jnp.maximum(floor, jnp.square(2.0 * im.noise_level(observed)))
        return PixelTarget(observed, mean_one(known) if self.masked else None, floor)

    def loss(self, observed: Array, target: PixelTarget) -> Array:
        """Distance of one image, a scalar."""
        return jnp.maximum(distance(observed, target.observed, self.kind, target.weights), target.floor)


class PerceptualTarget(NamedTuple):
    """What a perceptual term compares with: features, and for every layer weights of mean 1 (None: all alike)."""

    features: tuple[Array, ...]
    weights: tuple[Array | None, ...]


@flax.struct.dataclass
class Perceptual:
    """Difference of the features of a perceptual network, summed over its layers, times the network's scale.

    Under a mask both images have the same zeros in the holes, and features are weighted by the part of their cell that
    is known, so that a hole neither counts nor dilutes the mean.

    Attributes:
        network: a loaded network, or ``"default"`` for the one that comes with the prior; LPIPS with ``kind="mse"`` is
            the published distance.
        weight: factor in the total.
        kind: mean absolute (mGANprior's default) or mean squared difference (static).
        masked: weigh features by the known area (static); False is mGANprior's mean over all of them.
        max_side: larger images are reduced to this side first, by area (static); None leaves them.
    """

    network: PerceptualNetwork | LPIPS | Literal["default"]
    weight: float | Array = 1.0
    kind: Distance = flax.struct.field(pytree_node=False, default="l1")
    masked: bool = flax.struct.field(pytree_node=False, default=True)
    max_side: int | None = flax.struct.field(pytree_node=False, default=None)

    @property
    def name(self) -> str:
        """Name in results and histories."""
        return "perceptual"

    def prepare(self) -> "Perceptual":
        """The term with the network's weights prepared."""
        return dataclasses.replace(self, network=_loaded(self.network).prepare())

    def target(self, observed: Array, known: Array | None = None) -> PerceptualTarget:
        """Features of the observation, and their weights."""
        features = self._features(observed)
        area = known if self.masked else None
        return PerceptualTarget(features, tuple(area_weights(area, (f.shape[0], f.shape[1])) for f in features))

    def loss(self, observed: Array, target: PerceptualTarget) -> Array:
        """Distance of one image, a scalar."""
        layers = zip(self._features(observed), target.features, target.weights, strict=True)
        values = [distance(a, b, self.kind, weights) for a, b, weights in layers]
        return _loaded(self.network).scale * _sum(values)

    def _features(self, image: Array) -> tuple[Array, ...]:
        return _loaded(self.network).features(at_most(image, self.max_side))


def gram(features: Array, weights: Array | None = None) -> Array:
    """Mean product of every two channels, ``[C, C]``: what of an image does not depend on where it is.

    Args:
        features: ``[h, w, C]``.
        weights: ``[h, w, 1]`` of mean 1; None weighs all cells alike.

    >>> gram(jnp.ones((2, 2, 1))).tolist()
    [[1.0]]
    """
    weighted = features if weights is None else features * weights
    return jnp.einsum("hwc,hwd->cd", weighted, features) / (features.shape[0] * features.shape[1])


@flax.struct.dataclass
class Style:
    """Difference of the :func:`gram` matrices of a perceptual network's features: the mean of its square, per layer.

    Attributes:
        network: a loaded network; its ``scale`` does not count.
        weight: factor in the total.
        image: ``[H, W, C]`` in [-1, 1] whose style is wanted; None takes that of what was observed.
        region: ``[H, W, 1]``, where the reconstruction shall have the style (1); None is everywhere that is known.
        max_side: see :class:`Perceptual` (static).
    """

    network: PerceptualNetwork | LPIPS | Literal["default"]
    weight: float | Array = 1.0
    image: Array | None = None
    region: Array | None = None
    max_side: int | None = flax.struct.field(pytree_node=False, default=None)
    kind = "mse"
    masked = True

    @property
    def name(self) -> str:
        """Name in results and histories."""
        return "style"

    def prepare(self) -> "Style":
        """The term with the network's weights prepared."""
        return dataclasses.replace(self, network=_loaded(self.network).prepare())

    def target(self, observed: Array, known: Array | None = None) -> tuple[Array | None, tuple[Array, ...]]:
        """The region, and the Gram matrices of what has the style."""
        region = known if self.region is None else self.region
        if self.image is None:
            return region, self._grams(observed, region)
        return region, self._grams(self.image, None)

    def loss(self, observed: Array, target: tuple[Array | None, tuple[Array, ...]]) -> Array:
        """Distance of one image, a scalar."""
        region, wanted = target
        found = self._grams(observed, region)
        return _sum([jnp.mean(jnp.square(a - b)) for a, b in zip(found, wanted, strict=True)])

    def _grams(self, image: Array, region: Array | None) -> tuple[Array, ...]:
        features = _loaded(self.network).features(at_most(image, self.max_side))
        return tuple(gram(f, area_weights(region, (f.shape[0], f.shape[1]))) for f in features)


def _loaded(network: PerceptualNetwork | LPIPS | str) -> PerceptualNetwork | LPIPS:
    if isinstance(network, str):
        raise ValueError("a perceptual term needs a network: only a recipe can put a prior's own for 'default'.")
    return network


def at_most(image: Array, side: int | None) -> Array:
    """An image whose longer side is at most ``side`` pixels, reduced by area where it is larger.

    >>> at_most(jnp.ones((8, 4, 3)), 4).shape
    (4, 2, 3)
    """
    longest = max(image.shape[:2])
    if side is None or longest <= side:
        return image
    height, width = (max(1, round(size * side / longest)) for size in image.shape[:2])
    return im.resize(image, (height, width), "area")


def mean_one(known: Array | None) -> Array | None:
    """A mask as weights of mean 1, so that a weighted mean over all pixels is the mean over the known ones."""
    return None if known is None else known / jnp.maximum(jnp.mean(known), 1e-6)


def area_weights(known: Array | None, size: tuple[int, int]) -> Array | None:
    """Weights of mean 1 for feature maps of ``size``: the known part of every cell, ``[*size, 1]``."""
    return None if known is None else mean_one(im.resize(known, size, "area"))


def _sum(values: list[Array]) -> Array:
    return sum(values, start=jnp.asarray(0))  # Weakly typed: the sum keeps the dtype of the values.


Term = Pixel | Perceptual | Style


@flax.struct.dataclass
class Objective:
    """A weighted sum of named terms.

    Attributes:
        terms: the terms; their names are distinct.
    """

    terms: tuple[Term, ...]

    def __post_init__(self):
        names = [term.name for term in self.terms]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"an objective needs terms of distinct names, got {names}.")

    def prepare(self) -> "Objective":
        """The objective with everything computed that no step needs to repeat."""
        return Objective(tuple(term.prepare() for term in self.terms))

    def targets(self, observed: Array, known: Array | None = None) -> PyTree:
        """What every term compares with, for one observation.

        Args:
            observed: ``[H, W, C]`` in [-1, 1].
            known: ``[H, W, 1]``, 1 where a pixel of it was observed; None where all were.
        """
        return tuple(term.target(observed, known) for term in self.terms)

    def __call__(self, observed: Array, targets: PyTree, penalties: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        """Weighted sum and named terms, unweighted.

        Args:
            observed: the operator applied to the reconstruction.
            targets: what :meth:`targets` returned.
            penalties: terms of the variables (:meth:`gprior_jax.latents.Z.penalty`), added with weight 1.

        Returns:
            The total (a scalar), and ``{name: scalar}``.
        """
        values = {t.name: t.loss(observed, g) for t, g in zip(self.terms, targets, strict=True)}
        weighted = [term.weight * values[term.name] for term in self.terms]
        return _sum([*weighted, *penalties.values()]), values | penalties
