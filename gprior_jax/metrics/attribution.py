"""Attribution of images to a generator by projection (Karras et al. 2020, arXiv:1912.04958, section 5).

An image that the generator made is found again in its latent space; a photograph is only approached. So the distance
between an image and its projection tells where it comes from. How far is far is read off two sets of reference
distances: those of generated images, and of real ones that the generator was not trained on.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.noise import draw_own_noise
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.images import arrays as im
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.keys import purpose
from gprior_jax.perceptual import network as networks
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.recipes.common import squared
from gprior_jax.typing import Array, ArrayLike, Key, Progress

Network = LPIPS | PerceptualNetwork


class Projection(NamedTuple):
    """Images and what a generator makes of them.

    Attributes:
        images: ``[B, R, R, C]``, the projections.
        distances: ``[B]``, to the images that were projected.
    """

    images: np.ndarray
    distances: np.ndarray


class Reference(NamedTuple):
    """Distances of images whose origin is known.

    Attributes:
        generated: of images of the generator, ``[N]``.
        real: of images that neither it made nor was trained on, ``[M]``.
    """

    generated: np.ndarray
    real: np.ndarray


class Attribution(NamedTuple):
    """Where a distance lies among those of a reference.

    Attributes:
        distance: itself.
        generated_beyond: part of the generated images whose projections are at least as far off: small means too far
            for one of them.
        real_within: part of the real images whose projections are at least as near: small means too near for one.
        probability: of having been generated, if one image in two was, with normal distributions of the logarithms.
    """

    distance: float
    generated_beyond: float
    real_within: float
    probability: float


def project(
    prior: Prior,
    images: ArrayLike,
    recipe: Recipe,
    *,
    key: Key,
    network: Network | None = None,
    ids: ArrayLike | None = None,
    batch_size: int | None = None,
    devices: int | None = None,
    progress: Progress | None = None,
) -> Projection:
    """Project images and measure how far off they are.

    Args:
        prior: the generator.
        images: ``[B, R, R, C]`` in [-1, 1].
        recipe: how to project; the paper's is :func:`gprior_jax.recipes.projector`.
        key: see :func:`gprior_jax.invert`, likewise the others.
        network: what the distance is measured with, LPIPS as in the paper; None takes the prior's discriminator.
        ids: one integer for each image.
        batch_size: images at once.
        devices: devices to use.
        progress: called about twice a second.

    Raises:
        ValueError: see :func:`gprior_jax.invert`; no network, and a prior without a discriminator.
    """
    network = networks.default(prior) if network is None else network
    result = invert(prior, images, recipe, key=key, ids=ids, batch_size=batch_size, devices=devices, progress=progress)
    return Projection(result.images, np.asarray(feature_distances(network.prepare(), result.images, images)))


def feature_distances(network: Network, images: ArrayLike, references: ArrayLike) -> Array:
    """Distance of every image to its reference: squared differences of features, as the projector compares them.

    Args:
        network: prepared; LPIPS gives its published distance.
        images: ``[B, R, R, C]`` in [-1, 1].
        references: likewise.

    Returns:
        ``[B]``.

    Raises:
        ValueError: pixels of another range.
    """
    im.check_pixels(images)
    im.check_pixels(references, "references")
    return _feature_distances(network, images, references)


@jax.jit
def _feature_distances(network: Network, images: ArrayLike, references: ArrayLike) -> Array:
    term = squared(network, 1.0)
    # One after the other: the features of all images at once need not fit in memory.
    return jax.lax.map(lambda pair: term.between(*pair), (jnp.asarray(images), jnp.asarray(references)))


def draw_images(prior: Prior, key: Key, ids: ArrayLike) -> np.ndarray:
    """Images ``[B, R, R, C]`` of random codes, rounded to 8 bits as a file would hold them.

    Noise maps are drawn, and the classes of a prior with some. Image i does not depend on the others.

    Args:
        prior: the generator; faster when prepared.
        key: of all images together.
        ids: ``[B]`` integers, which of them.
    """
    code_key, label_key = purpose(key, "codes"), purpose(key, "labels")
    own = jax.vmap(jax.random.fold_in, (None, 0))
    z = jax.vmap(lambda key: prior.latent.sample(key, (prior.z_dim,)))(own(code_key, jnp.asarray(ids)))
    label = None
    if prior.num_classes:
        draw = jax.vmap(lambda key: jax.random.randint(key, (), 0, prior.num_classes))
        label = draw(own(label_key, jnp.asarray(ids)))
    noise = draw_own_noise(prior, key, ids) if prior.noise_sizes else "const"
    return im.from_uint8(im.to_uint8(synthesize(prior, z, label=label, noise=noise)))


def auc(reference: Reference) -> float:
    """Area under the ROC curve: how often a real image is farther off than a generated one; ties count half.

    1 tells all apart, 0.5 none.

    >>> auc(Reference(np.array([1.0, 2.0]), np.array([2.0, 3.0])))
    0.875
    """
    difference = reference.real[None, :] - reference.generated[:, None]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def attribute(distance: float, reference: Reference) -> Attribution:
    """How a distance compares with the reference.

    >>> reference = Reference(np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 20.0, 30.0, 40.0]))
    >>> found = attribute(3.0, reference)
    >>> found.generated_beyond, found.real_within, found.probability > 0.9
    (0.5, 0.0, True)
    """
    beyond = float(np.mean(reference.generated >= distance))
    within = float(np.mean(reference.real <= distance))
    return Attribution(float(distance), beyond, within, _probability(distance, reference))


_SMALLEST = 1e-12
"""Of a distance, so that it has a logarithm."""


def _probability(distance: float, reference: Reference) -> float:
    at = np.log(max(distance, _SMALLEST))
    logs = []
    for distances in reference:
        values = np.log(np.maximum(distances, _SMALLEST))
        deviation = max(float(values.std()), 1e-3)
        logs.append(-0.5 * ((at - values.mean()) / deviation) ** 2 - np.log(deviation))
    generated, real = logs
    return float(1.0 / (1.0 + np.exp(np.clip(real - generated, -700.0, 700.0))))


def as_json(reference: Reference, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The reference with the settings that it holds for, as plain values."""
    distances = {name: [float(f"{value:.6g}") for value in values] for name, values in reference._asdict().items()}
    return {"settings": dict(settings), **distances}


def from_json(content: Any, source: str) -> tuple[Reference, dict[str, Any]]:
    """What :func:`as_json` wrote: the reference and its settings.

    Raises:
        ValueError: something else; the message names ``source``.
    """
    try:
        found = Reference(*(np.asarray(content[name], np.float64) for name in Reference._fields))
        settings = dict(content["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise ArgumentError(f"{source} is no reference of an attribution: {error!r}.") from error
    if any(each.ndim != 1 or len(each) < 2 or not (np.isfinite(each) & (each >= 0)).all() for each in found):
        raise ArgumentError(
            f"{source} has fewer than two distances of a kind, or some that are negative or not finite."
        )
    return found, settings
