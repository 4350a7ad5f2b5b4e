"""What each of several composed codes does in a picture (Gu et al. 2020, arXiv:1912.07116, section 4).

The paper asks for the role of a code by leaving out those of its channels that weigh most, and looking where the
picture changes. All functions are for the variables of one image of :class:`gprior_jax.latents.MultiCode`, pure, and to
be batched with ``jax.vmap``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gprior_jax.generators.prior import Prior
from gprior_jax.latents import MultiCode, Variables
from gprior_jax.latents.composition import weighted_sum
from gprior_jax.typing import Array, ArrayLike

THRESHOLD = 0.2
"""Channel weights above it are left out (the paper, section 4.1, where the role of each code is shown)."""


class Parts(NamedTuple):
    """What codes add up to.

    Attributes:
        features: of every code, with its weights, ``[N, h, w, C]``; their sum is composed.
        styles: of the later layers, ``[num_styles, w_dim]``, where they take some. They stay whatever is left out.
    """

    features: Array
    styles: Array | None


def parts_of(prior: Prior, parametrization: MultiCode, variables: Variables) -> Parts:
    """What the codes of one image add up to.

    Args:
        prior: the generator.
        parametrization: of the result, fitted: with its layer.
        variables: ``{"codes": [N, D], "alpha": [N, C], ...}`` of one image.

    >>> import gprior_jax as gp
    >>> prior, codes = gp.load("builtin"), MultiCode(2, 4)
    >>> parts = jax.jit(parts_of, static_argnums=1)(prior, codes, codes.init(prior, jax.random.key(0)))
    >>> parts.features.shape
    (2, 8, 8, 128)
    """
    return Parts(*parametrization.parts(prior, variables))


def picture_of(prior: Prior, parametrization: MultiCode, parts: Parts, kept: ArrayLike) -> Array:
    """The picture of a part of the codes.

    Args:
        prior: the generator.
        parametrization: of the result.
        parts: see :func:`parts_of`.
        kept: the part of every code, ``[N]``, or of its channels, ``[N, C]``; 1 keeps it, 0 leaves it out.

    Returns:
        ``[R, R, C]``, about [-1, 1].

    >>> import gprior_jax as gp
    >>> prior, codes = gp.load("builtin"), MultiCode(2, 4)
    >>> parts = jax.jit(parts_of, static_argnums=1)(prior, codes, codes.init(prior, jax.random.key(0)))
    >>> second = jnp.array([0.0, 1.0])  # The first is left out.
    >>> jax.jit(picture_of, static_argnums=1)(prior, codes, parts, second).shape
    (64, 64, 3)
    """
    return parametrization.from_composed(prior, _composed(parts, kept), parts.styles)


def _composed(parts: Parts, kept: ArrayLike) -> Array:
    """The features of a part of the codes, ``[h, w, C]``; see :func:`picture_of`."""
    kept = jnp.asarray(kept, parts.features.dtype)
    number, channels = len(parts.features), parts.features.shape[-1]
    # Not as the sum of a product: jaxlib 0.10.2 on a CPU sums `features * kept` wrongly where only `kept` is batched
    # (every row is the first; 2 rows of 20 codes of 16x16x128, say).
    return weighted_sum(parts.features, jnp.broadcast_to(kept.reshape(number, -1), (number, channels)))


def carried(alpha: ArrayLike, threshold: float = THRESHOLD) -> Array:
    """The channels that each code carries as the paper counts: those of a weight above a threshold, ``[N, C]``.

    >>> carried(jnp.asarray([[0.5, 0.1, -0.5]])).tolist()
    [[True, False, False]]
    """
    return jnp.asarray(alpha) > threshold


def without_each(entries: ArrayLike) -> Array:
    """What is kept where each code in turn lacks some of its channels: ``[N, N, C]`` for :func:`picture_of`.

    Args:
        entries: what it lacks, ``[N, C]``, true.

    >>> without_each(jnp.asarray([[True, False], [True, True]])).tolist()
    [[[0.0, 1.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 0.0]]]
    """
    entries = jnp.asarray(entries, bool)
    turn = jnp.eye(len(entries), dtype=bool)[..., None]
    return jnp.where(turn & entries[None], 0.0, 1.0)


def difference(image: ArrayLike, other: ArrayLike) -> Array:
    """How far two pictures are apart at every pixel, as they are seen: ``[H, W]``, in [0, 2].

    Args:
        image: ``[H, W, C]``, clipped to [-1, 1].
        other: likewise.

    >>> difference(jnp.zeros((1, 2, 3)), jnp.array([[[0.0, 0.0, 0.75], [5.0, 1.0, 1.0]]])).tolist()
    [[0.25, 1.0]]
    """
    first, second = (jnp.clip(jnp.asarray(each), -1.0, 1.0) for each in (image, other))
    return jnp.abs(first - second).mean(axis=-1)


def contribution(prior: Prior, parametrization: MultiCode, parts: Parts, direction: ArrayLike) -> Array:
    """What a part of the codes adds to the picture, to first order: ``[R, R, C]``.

    The change of the picture for a small part of them left out, for all of them. Unlike a picture without them it says
    something where features of codes cancel each other: there the picture without any of them has fallen apart.

    Args:
        prior: the generator.
        parametrization: of the result.
        parts: see :func:`parts_of`.
        direction: the part of every code, ``[N]``: 1 for the one that is asked for, else 0.

    Returns:
        may be of either sign; all codes together add up to the derivative along the whole.

    >>> import gprior_jax as gp
    >>> prior, codes = gp.load("builtin"), MultiCode(2, 4)
    >>> parts = jax.jit(parts_of, static_argnums=1)(prior, codes, codes.init(prior, jax.random.key(0)))
    >>> added = jax.jit(contribution, static_argnums=1)(prior, codes, parts, jnp.array([1.0, 0.0]))
    >>> added.shape
    (64, 64, 3)
    """
    composed = _composed(parts, jnp.ones(len(parts.features)))

    def drawn(features: Array) -> Array:
        return parametrization.from_composed(prior, features, parts.styles)

    # Composed features are linear in the parts: what is left to differentiate is behind them.
    return jax.jvp(drawn, (composed,), (_composed(parts, direction),))[1]


def importance(maps: ArrayLike) -> Array:
    """How much each code matters by its map: the mean.

    Args:
        maps: ``[N, H, W]``, such as :func:`difference` of the picture with and without each code.

    Returns:
        ``[N]``. It need not agree with what is lost in PSNR without a code, which squares differences.

    >>> importance(jnp.array([[[0.0, 0.0]], [[0.5, 1.5]]])).tolist()
    [0.0, 1.0]
    """
    return jnp.asarray(maps).mean(axis=(1, 2))


def similarity(maps: ArrayLike) -> Array:
    """How much alike the maps of codes are: the mean correlation of two of them; codes with roles of their own have 0.

    Maps that are the same everywhere, as of a code without influence, are left out.

    Args:
        maps: ``[N, H, W]``.

    Returns:
        A scalar in [-1, 1]; NaN where fewer than two maps are left.

    >>> maps = jnp.asarray([[[0.0, 1.0]], [[0.0, 2.0]], [[5.0, 5.0]]])
    >>> round(float(similarity(maps)), 4)
    1.0
    """
    maps = jnp.asarray(maps)
    flat = maps.reshape(len(maps), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    norms = jnp.linalg.norm(flat, axis=1, keepdims=True)
    unit = jnp.where(norms > 0, flat / jnp.where(norms > 0, norms, 1.0), 0.0)
    number = (norms > 0).sum()
    # The sum of all products of unit vectors, without those of each with itself.
    products = jnp.square(unit.sum(axis=0)).sum() - number
    return jnp.where(number > 1, products / jnp.maximum(number * (number - 1), 1), jnp.nan)


def removed_in_order(order: ArrayLike) -> Array:
    """What is kept where codes are left out one after the other: ``[N, N]``, row k without the first k.

    Args:
        order: the codes, ``[N]``; the last is never left out.

    >>> removed_in_order(jnp.asarray([2, 0, 1])).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    """
    rank = jnp.argsort(jnp.asarray(order))
    return (rank[None, :] >= jnp.arange(len(rank))[:, None]).astype(jnp.float32)


def channel_shares(parts: Parts) -> Array:
    """Each code's share of every channel: of the mean squares of what codes add, before they cancel; ``[N, C]``.

    A channel that no code excites is nobody's: 0 for all.

    >>> parts = Parts(jnp.ones((3, 2, 2, 1)) * jnp.array([2.0, -2.0, 0.0])[:, None, None, None], None)
    >>> channel_shares(parts).ravel().tolist()  # However they cancel.
    [0.5, 0.5, 0.0]
    """
    energy = jnp.square(parts.features.astype(jnp.float32)).mean(axis=(1, 2))
    total = energy.sum(axis=0)
    return jnp.where(total > 0, energy / jnp.where(total > 0, total, 1.0), 0.0)


def codes_a_channel(shares: ArrayLike) -> Array:
    """How many codes a channel is made of: one over the sum of squares of their shares, ``[C]`` of ``[N, C]``.

    >>> codes_a_channel(jnp.asarray([[0.5, 1.0], [0.5, 0.0]])).tolist()
    [2.0, 1.0]
    """
    squares = jnp.square(jnp.asarray(shares)).sum(axis=0)
    return jnp.where(squares > 0, 1.0 / jnp.where(squares > 0, squares, 1.0), 0.0)
