"""Discriminators on features of a network that is not trained (Sauer et al. 2021, arXiv:2111.01007).

Features of four depths are mixed by fixed random matrices, across channels and from the deepest up across scales, so
that no discriminator can rest on the easy ones alone; each mixed map then has a small discriminator of its own, which
judges patches. Trained so, a generator needs a fraction of the images.

Before its last convolution a discriminator is shown how much every channel differs between the images of a group, as
the last block of a PGGAN's is of one: without that, generators drew ever fewer faces (benchmarks/RESULTS.md,
"Training"). In the official program the normalisation over the batch lets it know.

The discriminators' kernels are divided by their largest singular value (Miyato et al. 2018, arXiv:1802.05957), found
by power iteration, one step with every training step. The official ones normalise over the batch as well; without that
a prior was nearer to its images after the same number of steps (ibid.).
"""

import itertools
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.discriminators.minibatch import minibatch_stddev
from gprior_jax.images.arrays import as_rgb
from gprior_jax.nn.batched import convolve, pixel_product
from gprior_jax.perceptual.efficientnet import BLOCKS, EfficientNetLite0
from gprior_jax.typing import Array, Key, Params

LAYERS = ("block3", "block5", "block11", "block16")
"""The last blocks at 1/4, 1/8, 1/16 and 1/32 of the image's side (``pg_modules/projector.py``)."""

_DEVIATIONS = (9.0, 9.0, 8.0, 3.5)
"""Standard deviations of these layers, about, on portraits and on cells at 64 px."""

WIDTH = 32
"""Channels of the finest mixed map; each deeper one has twice as many. The official program has 64, for images of
sixteen times the pixels."""

HEAD_WIDTH = 64
"""Channels of the discriminators."""

_PATCHES = 4
"""Maps are halved until their sides are at most this; what is left are logits of patches."""

_HALVING = 4
"""Side of the kernels that halve (ibid.); the others have 3."""

_SMALLEST = 64
"""Side of an image whose deepest map still has four pixels."""

_SLOPE = 0.2
"""Of leaky ReLU (``pg_modules/blocks.py``)."""

_EPSILON = 1e-5


class Frozen(NamedTuple):
    """What is never trained.

    Attributes:
        network: weights of EfficientNet-Lite0.
        across: matrices ``[C, W]`` that mix the channels of every layer.
        down: matrices that take the mixed maps but the finest to the channels of the next finer one.
    """

    network: Params
    across: tuple[Array, ...]
    down: tuple[Array, ...]


def freeze(network: Params, key: Key) -> Frozen:
    """Draw the mixing matrices for a network's weights."""
    widths = [WIDTH << level for level in range(len(LAYERS))]
    channels = [BLOCKS[name].features for name in LAYERS]

    def draw(key: Key, shapes: list[tuple[int, int]]) -> tuple[Array, ...]:
        keys = jax.random.split(key, len(shapes))
        return tuple(jax.random.normal(k, shape) / shape[0] ** 0.5 for k, shape in zip(keys, shapes, strict=True))

    across_key, down_key = jax.random.split(key)
    across = draw(across_key, list(zip(channels, widths, strict=True)))
    return Frozen(network, across, draw(down_key, [(wide, narrow) for narrow, wide in itertools.pairwise(widths)]))


def side(resolution: int) -> int:
    """Side that images are enlarged to, for the deepest map not to be a single pixel."""
    return max(resolution, _SMALLEST)


def mixed_features(frozen: Frozen, image: Array, size: int) -> tuple[Array, ...]:
    """Mixed maps ``[h, w, C]`` of one image ``[H, W, 1, 3 or 4]`` in [-1, 1], the finest first.

    Args:
        frozen: weights.
        image: the image.
        size: :func:`side` of the final resolution; a smaller image is enlarged to it, bilinear.
    """
    image = jax.image.resize(as_rgb(image), (size, size, 3), "bilinear")
    maps: Any = EfficientNetLite0().apply({"params": frozen.network}, image, LAYERS, method="features")
    found: list[Array] = []
    for features, deviation, across in zip(maps[::-1], _DEVIATIONS[::-1], frozen.across[::-1], strict=True):
        x = pixel_product(features / deviation, across)
        if found:
            coarse = pixel_product(found[-1], frozen.down[len(LAYERS) - 1 - len(found)])
            x = (x + jax.image.resize(coarse, x.shape, "bilinear")) * 0.5**0.5
        found.append(x)
    return tuple(found[::-1])


def _head_shapes(level: int, resolution: int) -> list[tuple[int, int, int]]:
    """Kernel side, channels in and channels out of the convolutions of one discriminator before its logits."""
    size, features = -(-side(resolution) // (4 << level)), WIDTH << level
    found = []
    while size > _PATCHES:
        found.append((_HALVING, features, HEAD_WIDTH))
        size, features = size // 2, HEAD_WIDTH
    return [*found, (3, 2 * features, HEAD_WIDTH)]  # With the deviation of every channel.


def init_heads(resolution: int, num_classes: int, key: Key) -> Params:
    """Weights of the discriminators.

    Args:
        resolution: side of the final images, pixels.
        num_classes: classes, of conditional ones, that have logits for each; or 0.
        key: of the weights.
    """

    def layer(key: Key, kernel: int, rows: int, columns: int) -> Params:
        kernel_key, vector_key = jax.random.split(key)
        weights = jax.random.normal(kernel_key, (kernel, kernel, rows, columns)) / (kernel**2 * rows) ** 0.5
        return {"kernel": weights, "bias": jnp.zeros(columns), "singular": jax.random.normal(vector_key, (columns,))}

    heads = {}
    for level in range(len(LAYERS)):
        shapes = [*_head_shapes(level, resolution), (1, HEAD_WIDTH, max(num_classes, 1))]
        keys = jax.random.split(jax.random.fold_in(key, level), len(shapes))
        heads[f"head{level}"] = {f"layer{i}": layer(keys[i], *shape) for i, shape in enumerate(shapes)}
    return iterate(iterate(heads))


def _flat(kernel: Any) -> Array:
    return kernel.reshape(-1, kernel.shape[-1])


def iterate(heads: Params) -> Params:
    """One step of power iteration for the singular vector of every kernel."""

    def one(layer: dict[str, Any]) -> dict[str, Any]:
        matrix = _flat(layer["kernel"])
        vector = matrix.T @ (matrix @ layer["singular"])
        return layer | {"singular": vector / (jnp.linalg.norm(vector) + _EPSILON)}

    return {head: {name: one(layer) for name, layer in layers.items()} for head, layers in heads.items()}


def _normalized(layer: Any) -> Array:
    """The kernel over its largest singular value, as far as that is known."""
    vector = jax.lax.stop_gradient(layer["singular"])
    return layer["kernel"] / (jnp.linalg.norm(_flat(layer["kernel"]) @ vector) + _EPSILON)


def logits(heads: Params, maps: tuple[Array, ...], labels: Array | None, group_size: int) -> tuple[Array, ...]:
    """Logits of patches for every scale, larger for more real.

    Args:
        heads: weights.
        maps: mixed maps ``[B, h, w, C]`` of a batch, the finest first.
        labels: ``[B, num_classes]``, for conditional discriminators.
        group_size: images that are compared, see :func:`gprior_jax.discriminators.minibatch.minibatch_stddev`.

    Returns:
        ``[B, h, w]`` with h and w at most 4, for every map.
    """
    return tuple(_head(heads[f"head{level}"], x, labels, group_size) for level, x in enumerate(maps))


def _head(layers: Params, x: Array, labels: Array | None, group_size: int) -> Array:
    *hidden, last = (layers[f"layer{i}"] for i in range(len(layers)))
    for layer in hidden:
        if layer is hidden[-1]:
            x = minibatch_stddev(x, group_size, x.shape[-1])
        kernel = _normalized(layer)
        stride = 2 if kernel.shape[0] == _HALVING else 1
        convolved = jax.vmap(partial(convolve, kernel=kernel, stride=stride))(x) + layer["bias"]
        x = jax.nn.leaky_relu(convolved, _SLOPE)
    x = jnp.dot(x, _normalized(last)[0, 0]) + last["bias"]
    return x[..., 0] if labels is None else jnp.einsum("bhwk,bk->bhw", x, labels)
