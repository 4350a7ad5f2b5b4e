"""Image restoration with a prior: one function a task, for batches of images on the host.

Every task is an inversion through the operator that the observation went through, and a finish that keeps what was
observed:

>>> import gprior_jax as gp, jax
>>> prior = gp.load("builtin")
>>> key = jax.random.key(0)
>>> images = gp.synthesize(prior, gp.sample_z(prior, key, 2))
>>> small = jax.vmap(gp.operators.Downsample(4, "bicubic"))(images)
>>> recipe = gp.recipes.restoration("upscale", prior, num_codes=2, num_steps=3)
>>> gp.tasks.upscale(prior, small, key=key, recipe=recipe).images.shape
(2, 64, 64, 3)
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import recipes
from gprior_jax.generators.base import Prior
from gprior_jax.images import arrays as im
from gprior_jax.inversion.devices import in_batches
from gprior_jax.inversion.driver import Result, invert
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.objectives import distance, mean_one
from gprior_jax.operators import Blur, Downsample, DownsampleMethod, Identity, Luma, Mask, broadcast
from gprior_jax.tasks.finishing import Blend, blend, keep_luma, keep_reduction
from gprior_jax.typing import Array, ArrayLike, Key, Progress

Noise = Literal["gaussian", "poisson", "impulse"]


class Restoration(NamedTuple):
    """What a task made of a batch of images, on the host. K is the number of samples; all images are in [-1, 1].

    Attributes:
        images: ``[B, R, R, C]``, the result: the sample of least objective.
        samples: ``[B, K, R, R, C]``, all results, the least objective first.
        mean: ``[B, R, R, C]``, of the samples, pixel by pixel.
        std: ``[B, R, R]``, standard deviation over the samples, averaged over channels; 0 for one sample.
        reconstruction: ``[B, R, R, C]``, the generator's image behind ``images``, before anything was kept.
        consistency: ``[B]``, PSNR in dB between what was observed and ``images``, rounded to 8 bits as a file holds
            them, through the operator, over the known pixels; infinite where they are equal.
        result: of the inversion; its arrays start with ``[B, K]``.
    """

    images: np.ndarray
    samples: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    reconstruction: np.ndarray
    consistency: np.ndarray
    result: Result


class BatchOptions(TypedDict, total=False):
    """Keyword arguments of :func:`restore` that say how many results, where and how they are made."""

    samples: int
    ids: ArrayLike | None
    batch_size: int | None
    devices: int | None
    progress: Progress | None


class Options(BatchOptions, total=False):
    """Keyword arguments that all tasks share, see :func:`restore`."""

    recipe: Recipe | None


Finish = Callable[[Array, Array, Any], Array]
"""``(reconstruction, observed, operator) -> result``, for one image."""


def restore(
    prior: Prior,
    observed: ArrayLike,
    operator: Any,
    recipe: Recipe,
    *,
    key: Key,
    finish: Finish | None = None,
    samples: int = 1,
    ids: ArrayLike | None = None,
    batch_size: int | None = None,
    devices: int | None = None,
    progress: Progress | None = None,
) -> Restoration:
    """Find images that the prior can draw and that look as observed through an operator.

    Args:
        prior: the generator.
        observed: ``[B, h, w, C]`` in [-1, 1], what ``operator`` gives.
        operator: any operator; its leaves have a leading axis of B images.
        recipe: how.
        key: the run's key.
        finish: makes the result of one reconstruction, with the operator of that image; None clips it to [-1, 1].
        samples: K, independent solutions of every image.
        ids: see :func:`gprior_jax.inversion.driver.invert`, likewise the other arguments.
        batch_size: images at once.
        devices: devices to spread a batch over.
        progress: called about twice a second.

    Raises:
        ValueError: shapes that do not fit, pixels that are not finite, or numbers out of range.
    """
    result = invert(
        prior,
        observed,
        recipe,
        key=key,
        operator=operator,
        samples=samples,
        ids=ids,
        batch_size=batch_size,
        devices=devices,
        progress=progress,
    )
    seen = np.asarray(observed, np.float32)
    size = min(batch_size or len(seen), len(seen))
    completed = partial(_finish, _clip if finish is None else finish)
    finished = in_batches(completed, size, result.images, seen, operator)
    best = finished[:, 0]
    mean, deviation = _mean_and_deviation(finished, np.isfinite(result.loss))
    consistency = in_batches(_consistency, size, im.from_uint8(im.to_uint8(best)), seen, operator)
    return Restoration(best, finished, mean, deviation, result.images[:, 0], consistency, result)


def _mean_and_deviation(samples: np.ndarray, finite: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean ``[B, R, R, C]`` and deviation ``[B, R, R]`` over the samples of finite loss (all, where none is)."""
    counted = np.where(finite.any(axis=1, keepdims=True), finite, True)[..., None, None, None]
    number = counted.sum(axis=1)
    mean = np.where(counted, samples, 0.0).sum(axis=1) / number
    squares = np.where(counted, np.square(samples - mean[:, None]), 0.0).sum(axis=1) / number
    return mean, np.sqrt(squares).mean(axis=-1)


@partial(jax.jit, static_argnums=0)
def _finish(finish: Finish, reconstructions: Array, observed: Array, operator: Any) -> Array:
    """Finish ``[B, K]`` reconstructions of ``[B]`` observations."""
    return jax.vmap(jax.vmap(finish, (0, None, None)))(reconstructions, observed, operator)


@jax.jit
def _consistency(images: Array, observed: Array, operator: Any) -> Array:
    def one(image: Array, observed: Array, operator: Any) -> Array:
        weights = mean_one(getattr(operator, "known", None))
        return 10.0 * jnp.log10(4.0 / distance(operator(image), observed, "mse", weights))

    return jax.vmap(one)(images, observed, operator)


def _clip(image: Array, observed: Array, operator: Any) -> Array:
    return jnp.clip(image, -1.0, 1.0)


def _images(images: ArrayLike, what: str, channels: tuple[int, ...] = (3,)) -> np.ndarray:
    array = np.asarray(images, np.float32)
    if array.ndim != 4 or array.shape[-1] not in channels or not len(array):
        allowed = " or ".join(map(str, channels))
        raise ValueError(f"{what} of shape {array.shape}: give [B, H, W, {allowed}] with at least one image.")
    return array


def _recipe(task: recipes.Task, prior: Prior, options: Options, **changes: Any) -> Recipe:
    """The given recipe, or the task's fast one; a prior without a discriminator then compares pixels only."""
    given = options.get("recipe")
    if given is not None:
        return given
    perceptual = "default" if prior.critic is not None else None
    return recipes.restoration(task, prior, perceptual=perceptual, **changes)


def colorize(prior: Prior, gray: ArrayLike, *, key: Key, **options: Unpack[Options]) -> Restoration:
    """Colour gray photographs: the luma stays as it is, the chroma is the prior's.

    Args:
        prior: the generator.
        gray: ``[B, R, R, 1]`` luma, or ``[B, R, R, 3]``, of which the BT.601 luma is taken; [-1, 1].
        key: the run's key.
        **options: see :func:`restore`; ``recipe`` defaults to that of the task.

    >>> import gprior_jax as gp, jax, jax.numpy as jnp
    >>> prior = gp.load("builtin")
    >>> recipe = gp.recipes.restoration("colorize", prior, num_codes=2, num_steps=2)
    >>> gp.tasks.colorize(prior, jnp.zeros((1, 64, 64, 1)), key=jax.random.key(0), recipe=recipe).images.shape
    (1, 64, 64, 3)
    """
    images = _images(gray, "gray images", (1, 3))
    observed = np.broadcast_to(images, (*images.shape[:3], 3)) if images.shape[-1] == 1 else images
    observed = np.asarray(jax.vmap(Luma())(jnp.asarray(observed)))
    return restore(
        prior, observed, Luma(), _recipe("colorize", prior, options), key=key, finish=_keep_luma, **_rest(options)
    )


def _keep_luma(image: Array, observed: Array, operator: Any) -> Array:
    return keep_luma(image, observed[..., :1])


def upscale(
    prior: Prior,
    small: ArrayLike,
    *,
    key: Key,
    method: DownsampleMethod = "bicubic",
    consistent: bool = True,
    **options: Unpack[Options],
) -> Restoration:
    """Enlarge small photographs to the prior's resolution.

    Args:
        prior: the generator.
        small: ``[B, r, r, 3]`` in [-1, 1]; r divides the prior's resolution.
        key: the run's key.
        method: how they were reduced, see :func:`gprior_jax.operators.downsample_matrix`; mGANprior's is
            ``"bilinear"``.
        consistent: change the reconstruction as little as it takes to reduce to the input again
            (:func:`gprior_jax.tasks.finishing.keep_reduction`).
        **options: see :func:`restore`; ``recipe`` defaults to that of the task.

    Raises:
        ValueError: r does not divide the resolution.
    """
    observed = _images(small, "small images")
    operator = Downsample(enlarging_factor(prior, observed.shape[1:3]), method)
    finish = keep_reduction if consistent else None
    return restore(
        prior, observed, operator, _recipe("upscale", prior, options), key=key, finish=finish, **_rest(options)
    )


def enlarging_factor(prior: Prior, size: tuple[int, int]) -> int:
    """Factor from a small image's sides to the prior's resolution.

    Raises:
        ValueError: there is no whole factor.
    """
    height, width = size
    if height != width or not 0 < height < prior.resolution or prior.resolution % height:
        fitting = [str(prior.resolution // f) for f in range(2, prior.resolution + 1) if prior.resolution % f == 0]
        raise ValueError(
            f"an image of {width}x{height} pixels has no whole factor to the prior's {prior.resolution}: use squares "
            f"of side {', '.join(fitting)}."
        )
    return prior.resolution // height


def inpaint(
    prior: Prior,
    images: ArrayLike,
    known: ArrayLike,
    *,
    key: Key,
    blend: Blend = "paste",
    **options: Unpack[Options],
) -> Restoration:
    """Fill missing pixels.

    Args:
        prior: the generator.
        images: ``[B, R, R, 3]`` in [-1, 1], whatever in the holes.
        known: ``[B, R, R, 1]`` (or ``[R, R, 1]`` for all), 1 where a pixel is known and 0 where it is missing.
        key: the run's key.
        blend: how the filling meets the known pixels, see :func:`gprior_jax.tasks.finishing.blend`.
        **options: see :func:`restore`; ``recipe`` defaults to that of the task.

    Raises:
        ValueError: a mask of another size, with other values than 0 and 1, or without a known pixel.
    """
    pixels = _images(images, "images")
    masks = np.asarray(known, np.float32)
    masks = np.broadcast_to(masks, (len(pixels), *masks.shape)) if masks.ndim == 3 else masks
    check_masks(masks, pixels.shape[:3])
    observed = np.where(masks > 0, pixels, np.float32(0.0))
    finish = _FILL[check_blend(blend)]
    return restore(
        prior,
        observed,
        Mask(jnp.asarray(masks)),
        _recipe("inpaint", prior, options),
        key=key,
        finish=finish,
        **_rest(options),
    )


def check_masks(masks: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raise ``ValueError`` for masks ``[B, H, W, 1]`` that do not fit images ``shape`` = (B, H, W)."""
    if masks.shape != (*shape, 1):
        wanted = ", ".join(map(str, shape))
        raise ValueError(f"masks of shape {masks.shape} for images of {shape[1]}x{shape[2]}: give [{wanted}, 1].")
    for index, mask in enumerate(masks):
        if not np.isin(mask, (0.0, 1.0)).all():
            raise ValueError(f"mask {index} has values between: use 1 for known pixels and 0 for missing ones.")
        if not mask.any():
            raise ValueError(f"mask {index} hides every pixel: leave at least one known.")


def check_blend(blend: str) -> Blend:
    """Return ``blend`` if there is such a mode, else raise ``ValueError``."""
    for mode in _FILL:
        if blend == mode:
            return mode
    raise ValueError(f"blend {blend!r}: use {', '.join(_FILL)}.")


def _fill(mode: Blend, image: Array, observed: Array, operator: Any) -> Array:
    return blend(image, observed, operator.known, mode)


# One function object a mode, so that jit compiles it once.
_FILL: dict[Blend, Finish] = {
    "paste": partial(_fill, "paste"),
    "feather": partial(_fill, "feather"),
    "poisson": partial(_fill, "poisson"),
    "none": partial(_fill, "none"),
}


def denoise(
    prior: Prior,
    images: ArrayLike,
    *,
    key: Key,
    sigma: float | None = None,
    noise: Noise = "gaussian",
    **options: Unpack[Options],
) -> Restoration:
    """Remove noise: what the prior cannot draw is left out.

    mGANprior's paper shows denoising, its code has none; this is inversion of the noisy image that goes no closer to it
    than the noise is strong (Morozov's discrepancy principle).

    Args:
        prior: the generator.
        images: ``[B, R, R, 3]`` in about [-1, 1]; not clipped, where that can be had.
        key: the run's key.
        sigma: standard deviation of Gaussian noise as a part of the range from black to white (25/255), at which the
            pixel term stops; None estimates it from every image (:func:`gprior_jax.images.arrays.noise_level`).
        noise: ``"impulse"`` compares with the robust Huber distance, the others with the mean square.
        **options: see :func:`restore`; ``recipe`` defaults to that of the task, and then decides alone.

    Raises:
        ValueError: ``sigma`` is not a positive number, or an unknown noise.
    """
    observed = _images(images, "images")
    recipe = _recipe("denoise", prior, options, **noise_settings(noise, sigma))
    return restore(prior, observed, Identity(), recipe, key=key, **_rest(options))


class NoiseSettings(TypedDict):
    """Arguments of :func:`gprior_jax.recipes.restoration` that follow from the noise."""

    distance: Literal["mse", "huber"]
    floor: float | Literal["noise"]


def noise_settings(noise: Noise, sigma: float | None) -> NoiseSettings:
    """The distance of pixels that suits a kind of noise, and the mean squared error that noise alone makes.

    Raises:
        ValueError: an unknown noise, or a sigma that is not above 0 and at most 1.

    >>> noise_settings("impulse", None)
    {'distance': 'huber', 'floor': 0.0}
    """
    if noise not in ("gaussian", "poisson", "impulse"):
        raise ValueError(f"noise {noise!r}: use 'gaussian', 'poisson' or 'impulse'.")
    if sigma is not None and not 0.0 < sigma <= 1.0:
        raise ValueError(f"sigma {sigma}: use a number above 0 and at most 1, 25/255 for 25 grey levels.")
    if noise == "impulse" and sigma is not None:
        raise ValueError("sigma is the deviation of Gaussian noise: leave it out with impulse noise.")
    if noise == "impulse":  # A few pixels are far off and the others exact: there is no error to stop at.
        return {"distance": "huber", "floor": 0.0}
    return {"distance": "mse", "floor": "noise" if sigma is None else (2.0 * sigma) ** 2}


def deblur(prior: Prior, images: ArrayLike, kernel: ArrayLike, *, key: Key, **options: Unpack[Options]) -> Restoration:
    """Sharpen photographs that a known kernel has blurred.

    Args:
        prior: the generator.
        images: ``[B, R, R, 3]`` in [-1, 1].
        kernel: ``[k, k]`` for all or ``[B, k, k]``, k odd, summing to 1; see
            :func:`gprior_jax.operators.gaussian_kernel` and :func:`gprior_jax.operators.motion_kernel`.
        key: the run's key.
        **options: see :func:`restore`; ``recipe`` defaults to that of the task.

    Raises:
        ValueError: a kernel of another shape.
    """
    observed, kernels = _images(images, "images"), jnp.asarray(kernel, jnp.float32)
    operator = broadcast(Blur(kernels), len(observed)) if kernels.ndim == 2 else Blur(kernels)
    if kernels.ndim not in (2, 3) or kernels.shape[-1] != kernels.shape[-2] or kernels.shape[-1] % 2 == 0:
        raise ValueError(f"kernel of shape {kernels.shape}: give [k, k] or [{len(observed)}, k, k] with k odd.")
    return restore(prior, observed, operator, _recipe("deblur", prior, options), key=key, **_rest(options))


def _rest(options: Options) -> dict[str, Any]:
    """Options without the recipe."""
    return {name: value for name, value in options.items() if name != "recipe"}
