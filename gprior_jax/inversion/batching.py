"""Many images as batches of one shape, so that one compilation serves all."""

from collections.abc import Callable, Iterator

import jax
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.typing import ArrayLike, PyTree


def batches(count: int, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Rows of every batch, ``[size]``, and how many of them are its own: the last is filled up with its last row.

    >>> [(rows.tolist(), own) for rows, own in batches(5, 2)]
    [([0, 1], 2), ([2, 3], 2), ([4, 4], 1)]
    """
    if size < 1:
        raise ArgumentError(f"batch_size {size}: use at least 1.")
    for start in range(0, count, size):
        yield np.minimum(np.arange(start, start + size), count - 1), min(size, count - start)


def in_batches(function: Callable[..., ArrayLike], size: int, *arguments: PyTree) -> np.ndarray:
    """Apply a function of batches to many images, ``size`` at once, on the host.

    Args:
        function: of arrays with a leading axis of images; gives one such array.
        size: images at once.
        arguments: pytrees whose leaves have a leading axis of all images.

    >>> in_batches(lambda x: x + 1, 2, np.arange(5))
    array([1, 2, 3, 4, 5])
    """
    parts = []
    for rows, own in batches(len(jax.tree.leaves(arguments)[0]), size):
        part = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf)[rows], arguments)
        parts.append(np.asarray(function(*part))[:own])
    return np.concatenate(parts)


def default_batch_size(resolution: int, images: int) -> int:
    """Images at once where nobody names a number: what a few gigabytes hold with 20 codes.

    >>> default_batch_size(64, 100), default_batch_size(1024, 100)
    (8, 1)
    """
    return min(images, max(1, min(8, 8 * 128**2 // resolution**2)))


def core_batch_size(resolution: int, images: int, cores: int, rows: int = 1) -> int:
    """Images at once where every core of a CPU takes its own: all, or fewer where some after the others is better.

    A core has no more rows at once than :func:`default_batch_size` names: more take memory, and longer where they
    leave the caches (``benchmarks/RESULTS.md``, "A batch against single runs"). Batches are as equal as can be.

    Args:
        resolution: of the images.
        images: that are asked for at once.
        cores: that they are split over.
        rows: of an image: its restarts and samples.

    >>> [core_batch_size(64, images, 2) for images in (3, 16, 18, 64)], core_batch_size(256, 6, 2)
    ([4, 16, 10, 16], 4)
    """
    own = -(-images // cores)
    most = max(1, default_batch_size(resolution, images) // rows)
    return cores * -(-own // -(-own // most))


_ACCELERATOR_BATCH = 64
"""Where steps of fewer images leave an accelerator idle; what does not fit into its memory is found before it runs."""


def inversion_batch_size(resolution: int, images: int) -> int:
    """Images at once of a run over files where nobody names a number.

    On an accelerator as many as keep it busy: the run looks at the compiled steps (:mod:`gprior_jax.inversion.meter`)
    and goes on with as many as fit into its memory. A CPU gains nothing by more than a few.
    """
    if jax.default_backend() == "cpu":
        return default_batch_size(resolution, images)
    return max(1, min(images, _ACCELERATOR_BATCH))
