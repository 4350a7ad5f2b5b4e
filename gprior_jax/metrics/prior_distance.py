"""Fréchet and kernel distance of what a prior draws to real images: how near a prior is to what it was trained on.

As in StyleGAN2-ADA's ``metrics/``: codes, classes and noise are drawn afresh for every image, images are rounded to 8
bits as in a file, and nothing is mirrored. The network is an argument here, and so is the number of images: figures of
other networks or numbers do not compare.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import as_labels
from gprior_jax.generators.noise import draw_own_noise
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.synthesis import sample_z, synthesize
from gprior_jax.metrics.frechet import BATCH_SIZE, Counter, counted_batches, frechet_distance, kernel_distance
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.typing import Array, ArrayLike, Key

NUM_SAMPLES = 5000
"""The published figures take 50,000, which is a matter of hours on a CPU; with fewer, distances are larger."""


class SetDistance(NamedTuple):
    """Distances of two sets of images.

    Attributes:
        fid: :func:`gprior_jax.metrics.frechet_distance`.
        kid: :func:`gprior_jax.metrics.kernel_distance`.
    """

    fid: float
    kid: float


def set_distance(features_a: ArrayLike, features_b: ArrayLike) -> SetDistance:
    """Both distances of two sets of features.

    Args:
        features_a: ``[N, D]``, N at least 2.
        features_b: ``[M, D]``, likewise.

    Raises:
        ValueError: fewer than two rows, or other than two axes or the same D.

    >>> found = set_distance(np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]]))
    >>> round(found.fid, 3)  # Their means are one apart, their deviations equal.
    1.0
    """
    return SetDistance(frechet_distance(features_a, features_b), kernel_distance(features_a, features_b))


def prior_distance(
    prior: Prior,
    network: PerceptualNetwork,
    reference_features: ArrayLike,
    key: Key,
    *,
    num_samples: int = NUM_SAMPLES,
    truncation: float = 1.0,
    reference_labels: ArrayLike | None = None,
    batch_size: int = BATCH_SIZE,
    progress: Counter | None = None,
) -> SetDistance:
    """Distances of images that a prior draws to real ones.

    Args:
        prior: the generator.
        network: what judges.
        reference_features: ``[M, D]``, of :func:`gprior_jax.metrics.network_features` with the same network.
        key: draws the images; see :func:`drawn_features` for this and what follows.
        num_samples: images to draw.
        truncation: psi of a prior with styles.
        reference_labels: classes of the real images, ``[M]``, of a prior with classes.
        batch_size: images at once.
        progress: is told how many images are done.

    Raises:
        ValueError: labels or a truncation that the prior does not have, or numbers out of range.

    >>> import gprior_jax as gp
    >>> from gprior_jax.perceptual import network
    >>> prior = gp.load("builtin")
    >>> judge = network.discriminator(prior.critic, prior.critic.module.layer_names[-1:])
    >>> references = drawn_features(prior, judge, jax.random.key(1), num_samples=4)
    >>> prior_distance(prior, judge, references, jax.random.key(0), num_samples=4).fid > 0
    True
    """
    found = drawn_features(
        prior,
        network,
        key,
        num_samples=num_samples,
        truncation=truncation,
        reference_labels=reference_labels,
        batch_size=batch_size,
        progress=progress,
    )
    return set_distance(found, reference_features)


def drawn_features(
    prior: Prior,
    network: PerceptualNetwork,
    key: Key,
    *,
    num_samples: int = NUM_SAMPLES,
    truncation: float = 1.0,
    reference_labels: ArrayLike | None = None,
    batch_size: int = BATCH_SIZE,
    progress: Counter | None = None,
) -> np.ndarray:
    """Features of images that a prior draws, float32 ``[num_samples, D]``, every image's ``network.vector``.

    Args:
        prior: the generator; where its layers take noise, maps are drawn for every image.
        network: what judges.
        key: draws codes and noise; the first images do not depend on ``num_samples``, but for their classes.
        num_samples: images to draw.
        truncation: psi of a prior with styles: images nearer to the mean below 1.
        reference_labels: classes of real images, integers ``[M]``, of a prior with classes: those of the drawn images
            have the same proportions.
        batch_size: images at once.
        progress: is told how many images are done, after every batch.

    Raises:
        ValueError: labels or a truncation that the prior does not have, or numbers out of range.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin")
    >>> drawn_features(prior, gp.zoo.load_perceptual("builtin"), jax.random.key(0), num_samples=2, batch_size=2).shape
    (2, 800)
    """
    if num_samples < 1 or batch_size < 1:
        raise ArgumentError(f"num_samples {num_samples}, batch_size {batch_size}: both must be at least 1.")
    labels = None if reference_labels is None else in_proportion(reference_labels, num_samples)
    one_hot = as_labels(prior, labels, (num_samples,))
    rows_of_labels = None if one_hot is None else np.asarray(one_hot)
    prior, network = prepare(prior), network.prepare()
    z = np.asarray(sample_z(prior, key, num_samples))

    def of_rows(rows: np.ndarray) -> Array:
        label = None if rows_of_labels is None else rows_of_labels[rows]
        return _drawn(prior, network, key, truncation, z[rows], label, rows)

    return counted_batches(of_rows, num_samples, batch_size, progress)


def in_proportion(labels: ArrayLike, number: int) -> np.ndarray:
    """So many labels with the proportions of those given, integers ``[number]``.

    >>> in_proportion([2, 0, 0, 0], 8).tolist()
    [0, 0, 0, 0, 0, 0, 2, 2]
    """
    labels = np.sort(np.asarray(labels))
    return labels[np.arange(number) * len(labels) // number]


@partial(jax.jit, static_argnames="truncation")
def _drawn(
    prior: Prior, network: PerceptualNetwork, key: Key, truncation: float, z: Array, label: Array | None, ids: Array
) -> Array:
    noise = draw_own_noise(prior, key, ids) if prior.noise_sizes else "const"
    images = synthesize(prior, z, label=label, noise=noise, truncation_psi=truncation)
    # The rounding of images.to_uint8, which is the host's.
    levels = jnp.floor(jnp.clip((images + 1.0) * 127.5, 0.0, 255.0) + 0.5)
    return jax.vmap(network.vector)(levels / 127.5 - 1.0)
