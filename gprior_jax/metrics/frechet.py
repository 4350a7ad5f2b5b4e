"""Distances between sets of features: Fréchet (FID) and kernel (KID), with any perceptual network.

The published figures use Inception-v3 (Heusel et al. 2017, arXiv:1706.08500; Binkowski et al. 2018, arXiv:1801.01401).
Here the network is an argument: figures of one network compare among themselves only. The distances are computed on
the host in float64, as both are small differences of large sums.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.images import arrays as im
from gprior_jax.inversion.batching import batches
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.typing import Array, ArrayLike

Counter = Callable[[int, int], None]
"""Takes how many images are done, and of how many."""

BATCH_SIZE = 16

# Of the kernel matrix, so that it need not be held as a whole.
_ROWS_AT_ONCE = 1024


def frechet_distance(features_a: ArrayLike, features_b: ArrayLike) -> float:
    """Squared Fréchet distance of two Gaussians fitted to features (arXiv:1706.08500, equation 6).

    ``|mean_a - mean_b|^2 + tr(C_a) + tr(C_b) - 2 tr((C_a C_b)^(1/2))``. The last trace is the sum of the singular
    values of ``R_a R_b^T``, with C = R^T R: no covariance is squared or inverted, so singular ones (fewer samples than
    features) are as exact as others.

    Args:
        features_a: ``[N, D]``; covariances have the divisor N - 1.
        features_b: ``[M, D]``.

    Returns:
        The distance, at least 0; 0 for equal features, NaN where a feature is not finite. Host function, not for jit.

    Raises:
        ValueError: fewer than two rows, or other than two axes or the same D.

    >>> frechet_distance(np.eye(3), np.eye(3) + np.array([2.0, 0.0, 0.0])).__round__(6)
    4.0
    """
    a, b = _checked(features_a, features_b)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("nan")
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    shift = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2)
    shared = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    return max(float(shift + np.sum(root_a**2) + np.sum(root_b**2) - 2 * shared), 0.0)


def kernel_distance(features_a: ArrayLike, features_b: ArrayLike) -> float:
    """Kernel distance: unbiased squared maximum mean discrepancy (arXiv:1801.01401, section 4 and equation 4).

    The kernel is ``(x.y / D + 1)^3``. All rows are used at once, where the paper averages over subsets of 1000: the
    expectation is the same.

    Args:
        features_a: ``[N, D]``.
        features_b: ``[M, D]``.

    Returns:
        The distance; its expectation is 0 for sets of one distribution, so it can be slightly negative. NaN where a
        feature is not finite. Host function, not for jit.

    Raises:
        ValueError: fewer than two rows, or other than two axes or the same D.

    >>> rng = np.random.default_rng(0)
    >>> same, other = rng.normal(size=(2, 200, 8))
    >>> round(kernel_distance(same, other), 2), round(kernel_distance(same, other + 1.0), 2)
    (-0.02, 7.01)
    """
    a, b = _checked(features_a, features_b)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("nan")
    within = [(_kernel_sum(x, x) - np.sum(_kernel(np.sum(x * x, axis=1), x.shape[1]))) for x in (a, b)]
    n, m = len(a), len(b)
    return float(within[0] / (n * (n - 1)) + within[1] / (m * (m - 1)) - 2 * _kernel_sum(a, b) / (n * m))


def network_features(network: PerceptualNetwork, images: ArrayLike, batch_size: int = BATCH_SIZE) -> np.ndarray:
    """Pooled features of a set of images.

    Args:
        network: any perceptual network; it resizes the images itself if it wants to.
        images: ``[N, H, W, C]`` in [0, 1].
        batch_size: images at once.

    Returns:
        float32 ``[N, D]``: every image's :meth:`~PerceptualNetwork.vector`. Host function, not for jit.

    Raises:
        ValueError: images that are not ``[N, H, W, C]``, or pixels of another range.

    >>> import gprior_jax as gp
    >>> pictures = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    >>> network_features(gp.zoo.load_perceptual("builtin"), pictures).shape
    (2, 800)
    """
    im.check_unit(images, "the images")
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or not len(images):
        raise ArgumentError(f"images have shape {images.shape}: give [N, H, W, C], N at least 1.")
    return features_of(network, images.__getitem__, len(images), batch_size=batch_size)


def features_of(
    network: PerceptualNetwork,
    read: Callable[[int], np.ndarray],
    number: int,
    *,
    batch_size: int = BATCH_SIZE,
    progress: Counter | None = None,
) -> np.ndarray:
    """:func:`network_features` of images that are read a batch at a time.

    Args:
        network: any perceptual network.
        read: gives image i, ``[H, W, C]`` in [0, 1], all of one size.
        number: of images, at least 1.
        batch_size: images at once.
        progress: is told how many images are done, after every batch.

    Returns:
        float32 ``[number, D]``.

    Raises:
        ValueError: pixels of another range.

    >>> import gprior_jax as gp
    >>> network = gp.zoo.load_perceptual("builtin")
    >>> pictures = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    >>> features_of(network, pictures.__getitem__, 2).shape
    (2, 800)
    """
    network = network.prepare()

    def of_rows(rows: np.ndarray) -> Array:
        images = np.stack([read(int(i)) for i in rows])
        im.check_unit(images, "the images")
        return _batch_features(network, jnp.asarray(images, jnp.float32))

    return counted_batches(of_rows, number, batch_size, progress)


def counted_batches(
    function: Callable[[np.ndarray], ArrayLike], number: int, batch_size: int, progress: Counter | None
) -> np.ndarray:
    """Features of images that a function has by their number: float32 ``[number, D]``, ``batch_size`` at once.

    The last batch is filled up: one shape, one compilation.
    """
    parts, done = [], 0
    for rows, own in batches(number, min(batch_size, number)):
        parts.append(np.asarray(function(rows), np.float32)[:own])
        done += own
        if progress is not None:
            progress(done, number)
    return np.concatenate(parts)


def fid(network: PerceptualNetwork, images: ArrayLike, references: ArrayLike, batch_size: int = BATCH_SIZE) -> float:
    """:func:`frechet_distance` of the :func:`network_features` of two sets of images.

    Numbers compare with others of the same network only: published ones are of Inception-v3.

    Args:
        network: any perceptual network.
        images: ``[N, H, W, C]`` in [0, 1], N at least 2.
        references: ``[M, H, W, C]``, likewise.
        batch_size: images at once.

    Returns:
        0 for equal sets, and more the further they are apart; of small sets it comes out too large.

    Raises:
        ValueError: fewer than two images, other shapes, or pixels of another range.

    >>> import gprior_jax as gp
    >>> pictures = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    >>> round(fid(gp.zoo.load_perceptual("builtin"), pictures, pictures[::-1]), 3)  # The order does not count.
    0.0
    """
    return frechet_distance(*(network_features(network, x, batch_size) for x in (images, references)))


def kid(network: PerceptualNetwork, images: ArrayLike, references: ArrayLike, batch_size: int = BATCH_SIZE) -> float:
    """:func:`kernel_distance` of the :func:`network_features` of two sets of images; unbiased for small ones, too.

    Args:
        network: see :func:`fid`, likewise the others.
        images: likewise.
        references: likewise.
        batch_size: likewise.

    Returns:
        about 0 for sets of one distribution; it may be slightly negative.

    Raises:
        ValueError: see :func:`fid`.

    >>> import gprior_jax as gp
    >>> network = gp.zoo.load_perceptual("builtin")
    >>> near, far = (np.random.default_rng(0).random((2, 64, 64, 3), np.float32) * size for size in (0.1, 1.0))
    >>> kid(network, near, near) < kid(network, near, far)
    True
    """
    return kernel_distance(*(network_features(network, x, batch_size) for x in (images, references)))


@jax.jit
def _batch_features(network: PerceptualNetwork, images: Array) -> Array:
    return jax.vmap(lambda image: network.vector(im.from_unit(image)))(images)


def _checked(features_a: ArrayLike, features_b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(features_a, np.float64), np.asarray(features_b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ArgumentError(
            f"features of shapes {a.shape} and {b.shape}: give [N, D] and [M, D], at least two rows each."
        )
    return a, b


def _covariance_root(features: np.ndarray) -> np.ndarray:
    """R with R^T R = the covariance, ``[min(N, D), D]``."""
    centred = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred


def _kernel(products: np.ndarray, dimensions: int) -> np.ndarray:
    base = products / dimensions + 1.0
    return base * base * base  # A power of floats takes ten times as long.


def _kernel_sum(a: np.ndarray, b: np.ndarray) -> float:
    """Sum of the kernel over all pairs of rows."""
    starts = range(0, len(a), _ROWS_AT_ONCE)
    return float(sum(_kernel(a[i : i + _ROWS_AT_ONCE] @ b.T, a.shape[1]).sum() for i in starts))
