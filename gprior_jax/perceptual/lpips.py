"""LPIPS, the learned distance between two images (Zhang et al. 2018, arXiv:1801.03924), version 0.1.

Features of a trunk trained on ImageNet, unit-normalised over channels and weighted by non-negative numbers that were
fitted to people's judgements (ibid., section 3 and equation 1; constants of ``lpips/lpips.py`` in lpips 0.1.4).
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.images.arrays import as_rgb, check_pixels
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.summary import fingerprint
from gprior_jax.typing import Array, Params

SHIFT = (-0.030, -0.088, -0.188)
"""Subtracted from RGB in [-1, 1] (lpips 0.1.4, ``ScalingLayer``)."""

SCALE = (0.458, 0.448, 0.450)
"""Divides the result (ibid.)."""

EPSILON = 1e-10
"""Added to the length of a feature vector (ibid., ``normalize_tensor``)."""


class Trunk(NamedTuple):
    """A network under LPIPS.

    Attributes:
        make: its module.
        taps: channels of each layer whose features are compared, in order.
        smallest: side of the smallest image that leaves a pixel at every tap.
    """

    make: Callable[[], Any]
    taps: dict[str, int]
    smallest: int


TRUNKS: dict[str, Trunk] = {
    "vgg16": Trunk(VGG16, {"relu1_2": 64, "relu2_2": 128, "relu3_3": 256, "relu4_3": 512, "relu5_3": 512}, 16),
    "alexnet": Trunk(AlexNet, {"relu1": 64, "relu2": 192, "relu3": 384, "relu4": 256, "relu5": 256}, 31),
}
"""Trunks by name, with their taps (lpips 0.1.4, ``lpips/pretrained_networks.py``)."""


class LPIPSNetwork(nn.Module):
    """The trunk and the linear weights of LPIPS, for one image.

    Its weights are ``{"convolutions": the trunk's, "linear": {tap: [C]}}``.

    Attributes:
        trunk: a name in :data:`TRUNKS`.
    """

    trunk: str = "vgg16"

    def __post_init__(self):
        if self.trunk not in TRUNKS:
            raise ArgumentError(f"LPIPS has no trunk {self.trunk!r}: it has {', '.join(TRUNKS)}.")
        super().__post_init__()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The smallest image, for ``init``; any larger size works."""
        return (TRUNKS[self.trunk].smallest,) * 2 + (3,)

    def setup(self):
        """Declare the layers (Linen)."""
        self.convolutions = TRUNKS[self.trunk].make()
        taps = TRUNKS[self.trunk].taps
        self.linear = self.param("linear", lambda _: {tap: jnp.ones(width) for tap, width in taps.items()})

    def prepare(self) -> tuple[Any, tuple[Array, ...]]:
        """The trunk's prepared weights and the roots of the linear ones, to be computed once for :meth:`embed`."""
        return self.convolutions.prepare(), tuple(_root(self.linear[tap]) for tap in TRUNKS[self.trunk].taps)

    def embed(self, image: Array, prepared: tuple[Any, tuple[Array, ...]] | None = None) -> tuple[Array, ...]:
        """What :meth:`LPIPS.embed` documents, with what :meth:`prepare` returned where given."""
        smallest = TRUNKS[self.trunk].smallest
        if min(image.shape[:2]) < smallest:
            raise ArgumentError(
                f"LPIPS with {self.trunk} needs images of at least {smallest} pixels a side, got "
                f"{image.shape[0]}x{image.shape[1]}: enlarge them first."
            )
        weights, roots = prepared or self.prepare()
        shift, scale = (np.asarray(v, np.float32) for v in (SHIFT, SCALE))
        image = as_rgb(image)
        maps = self.convolutions.features((image - shift) / scale, tuple(TRUNKS[self.trunk].taps), weights)
        return tuple(_unit(x) * root for x, root in zip(maps, roots, strict=True))

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        self.prepare()


@flax.struct.dataclass
class LPIPS:
    """LPIPS of one pair of images; a pytree, to be passed to transformed functions and batched with ``vmap``.

    Attributes:
        weights: weights as stored, see :class:`LPIPSNetwork`; negative linear ones count as zero.
        module: the :class:`LPIPSNetwork` (static).
        prepared: weights prepared for use, see :meth:`prepare`; None until then.

    >>> module = LPIPSNetwork("alexnet")
    >>> white = jnp.ones(module.input_shape)
    >>> lpips = LPIPS(module.init(jax.random.key(0), white, method="init_all")["params"], module).prepare()
    >>> bool(lpips.distance(white, white) == 0), bool(lpips.distance(white, -white) > 0)
    (True, True)
    """

    weights: Params
    module: Any = flax.struct.field(pytree_node=False)
    prepared: Any = None

    def prepare(self) -> "LPIPS":
        """The same with its weights prepared once, so that a loop does not repeat it."""
        return self if self.prepared is not None else dataclasses.replace(self, prepared=_prepare(self))

    def summary(self) -> dict[str, Any]:
        """The distance as JSON: what decides it."""
        return {"kind": "LPIPS", "trunk": self.module.trunk, "weights": fingerprint(self.weights)}

    def embed(self, image: Array) -> tuple[Array, ...]:
        """Features such that :func:`difference` of two images' is their distance: of a target, computed once.

        Args:
            image: ``[H, W, 3]`` in [-1, 1], sides of at least 16 pixels with VGG-16, 31 with AlexNet; gray and RGBA
                are shown to it as :func:`gprior_jax.images.arrays.as_rgb` has them.

        Returns:
            One map ``[h, w, C]`` per tap: unit vectors over channels, times the roots of the linear weights.

        Raises:
            ValueError: the image is too small, or pixels of another range.
        """
        check_pixels(image, "the image")
        return self.module.apply({"params": self.weights}, image, self.prepared, method="embed")

    @property
    def layers(self) -> tuple[str, ...]:
        """The taps."""
        return tuple(TRUNKS[self.module.trunk].taps)

    @property
    def scale(self) -> float:
        """Factor on the distance of :meth:`features`: none."""
        return 1.0

    def features(self, image: Array) -> tuple[Array, ...]:
        """:meth:`embed` scaled such that mean squared differences, summed over the taps, are the distance.

        With it LPIPS serves as the network of :class:`gprior_jax.objectives.Perceptual` with ``kind="mse"``.
        """
        return tuple(x * x.shape[-1] ** 0.5 for x in self.embed(image))

    def distance(self, image: Array, reference: Array) -> Array:
        """Distance of two images ``[H, W, 3]`` in [-1, 1]: a scalar, at least 0, which is 0 for equal images.

        Raises:
            ValueError: the images differ in shape or are too small.
        """
        if image.shape != reference.shape:
            raise ArgumentError(f"LPIPS compares images of one shape, got {image.shape} and {reference.shape}.")
        return difference(self.embed(image), self.embed(reference))


def difference(a: tuple[Array, ...], b: tuple[Array, ...]) -> Array:
    """Squared difference of two embeddings: summed over channels, averaged over space, summed over taps.

    Args:
        a: maps ``[h, w, C]``, what :meth:`LPIPS.embed` returned.
        b: likewise, of an image of the same size.

    >>> float(difference((jnp.zeros((2, 2, 3)),), (jnp.full((2, 2, 3), 2.0),)))
    12.0
    """
    return sum((jnp.mean(jnp.sum(jnp.square(x - y), -1)) for x, y in zip(a, b, strict=True)), start=jnp.asarray(0))


@jax.jit
def _prepare(lpips: LPIPS) -> Any:
    return lpips.module.apply({"params": lpips.weights}, method="prepare")


def _unit(x: Array) -> Array:
    """Vectors of length 1 over the last axis, or of length 0 where all features are."""
    return x / (_root(jnp.sum(jnp.square(x), -1, keepdims=True)) + EPSILON)


def _root(x: Array) -> Array:
    """Square root; 0 at 0 and below, with gradient 0 where that of the root is infinite."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1)), 0)
