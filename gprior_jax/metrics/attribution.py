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

from gprior_jax.generators import styles as st
from gprior_jax.generators import synthesis
from gprior_jax.generators.base import Prior, prepare
from gprior_jax.images import arrays as im
from gprior_jax.inversion.devices import in_batches
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.recipe import Recipe
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


class Standing(NamedTuple):
    """Where a distance stands.

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


@jax.jit
def feature_distances(network: Network, images: ArrayLike, references: ArrayLike) -> Array:
    """Distance of every image to its reference: squared differences of features, as the projector compares them.

    Args:
        network: prepared; LPIPS gives its published distance.
        images: ``[B, R, R, C]`` in [-1, 1].
        references: likewise.

    Returns:
        ``[B]``.
    """
    term = squared(network, 1.0)

    def one(pair: tuple[Array, Array]) -> Array:
        return term.loss(pair[0], term.target(pair[1]))

    # One after the other: the features of all images at once need not fit in memory.
    return jax.lax.map(one, (jnp.asarray(images), jnp.asarray(references)))


def generated_images(prior: Prior, key: Key, number: int, batch_size: int | None = None) -> np.ndarray:
    """Images ``[number, R, R, C]`` of random codes, rounded to 8 bits as a file would hold them.

    Noise maps are drawn, and of a conditional generator the classes.

    Args:
        prior: the generator.
        key: of all images together.
        number: of images.
        batch_size: images at once; None makes all at once.
    """
    code_key, noise_key, label_key = jax.random.split(key, 3)
    rows: dict[str, Any] = {"z": synthesis.sample_z(prior, code_key, number), "id": np.arange(number)}
    if prior.num_classes:
        rows["label"] = jax.random.randint(label_key, (number,), 0, prior.num_classes)
    prior = prepare(prior)

    def draw(rows: dict[str, Any]) -> Array:
        noise = st.draw_own_noise(prior, noise_key, rows["id"]) if prior.num_styles else "const"
        return synthesis.synthesize(prior, rows["z"], label=rows.get("label"), noise=noise)

    images = in_batches(draw, batch_size or number, rows)
    return np.asarray(im.from_uint8(im.to_uint8(images)))


def auc(reference: Reference) -> float:
    """Area under the ROC curve: how often a real image is farther off than a generated one; ties count half.

    1 tells all apart, 0.5 none.

    >>> auc(Reference(np.array([1.0, 2.0]), np.array([2.0, 3.0])))
    0.875
    """
    difference = reference.real[None, :] - reference.generated[:, None]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def standing(distance: float, reference: Reference) -> Standing:
    """How a distance compares with the reference.

    >>> reference = Reference(np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 20.0, 30.0, 40.0]))
    >>> found = standing(3.0, reference)
    >>> found.generated_beyond, found.real_within, found.probability > 0.9
    (0.5, 0.0, True)
    """
    beyond = float(np.mean(reference.generated >= distance))
    within = float(np.mean(reference.real <= distance))
    return Standing(float(distance), beyond, within, _probability(distance, reference))


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
        raise ValueError(f"{source} is no reference of 'gprior attribute': {error!r}.") from error
    if any(each.ndim != 1 or len(each) < 2 or not (np.isfinite(each) & (each >= 0)).all() for each in found):
        raise ValueError(f"{source} has fewer than two distances of a kind, or some that are negative or not finite.")
    return found, settings
