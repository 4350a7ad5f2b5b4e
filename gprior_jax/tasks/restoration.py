"""What all restorations share: inversion through the operator of an observation, and keeping what was observed."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, TypedDict

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import recipes
from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.inversion.batching import in_batches
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.starts import Asked
from gprior_jax.objectives import distance, known_weights
from gprior_jax.operators import Forward
from gprior_jax.tasks.bounds import Bounds, whole_range
from gprior_jax.typing import Array, ArrayLike, Key, Progress

Arrays = dict[str, np.ndarray]
"""What belongs to a batch of images, by name: ``"observed"`` ``[B, h, w, C]``, and what else a task needs (``"known"``,
masks)."""

Finish = Callable[[Array, Array, Any], Array]
"""``(reconstruction, observed, operator) -> result``, for one image; the operator is of the kind that its task has."""


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


class RestoreOptions(TypedDict, total=False):
    """Keyword arguments that all tasks share, see :func:`restore`; ``recipe`` defaults to that of the task."""

    recipe: Recipe | None
    label: ArrayLike | None
    samples: int
    ids: ArrayLike | None
    batch_size: int | None
    devices: int | None
    progress: Progress | None


def clip(image: Array, observed: Array, operator: Forward) -> Array:
    """The reconstruction in the range of pixels: the finish of tasks that keep nothing."""
    return jnp.clip(image, -1.0, 1.0)


class Task(NamedTuple):
    """A kind of restoration: how its images came about, and what of them is kept.

    Attributes:
        name: that its recipe has in :data:`gprior_jax.recipes.FAST_TASKS`.
        operator: what images of a batch went through, with a leading axis of images on its leaves.
        degrade: ``(image, key) -> observed``, for one intact image: to simulate what the task undoes.
        finish: from the reconstruction to the result. One object for each setting, so that it is compiled once.
        pixels: how pixels are compared, as arguments of :func:`gprior_jax.recipes.restoration`.
        bounds: between which ends every value of the intact image lies for sure, by what was observed.
        seen: how images are observed, as far as it decides where their search starts
            (:func:`gprior_jax.inversion.starts.own_encoder`).

    >>> import gprior_jax as gp, jax, jax.numpy as jnp
    >>> gp.tasks.COLORIZE.name
    'colorize'
    >>> task = gp.tasks.upscaling(4)
    >>> task.degrade(jnp.zeros((64, 64, 3)), jax.random.key(0)).shape
    (16, 16, 3)
    """

    name: recipes.Task
    operator: Callable[[Arrays], Forward]
    degrade: Callable[[Array, Key], Array]
    finish: Finish = clip
    pixels: recipes.PixelSettings = recipes.PixelSettings()
    bounds: Bounds = whole_range
    seen: Literal["as they are", "blurred", "otherwise"] = "otherwise"

    def asked(self, samples: int) -> Asked:
        """What decides where images of the task start."""
        return Asked(samples, self.seen == "as they are", self.seen == "blurred")

    def restore(self, prior: Prior, arrays: Arrays, key: Key, options: RestoreOptions) -> Restoration:
        """Restore a batch; without a recipe by the task's own, which compares pixels only without a discriminator."""
        recipe = options.get("recipe")
        if recipe is None:
            recipe = recipes.restoration(self.name, prior, perceptual="auto", **self.pixels._asdict())
        rest: Any = {name: value for name, value in options.items() if name != "recipe"}
        return restore(prior, arrays["observed"], self.operator(arrays), recipe, key=key, finish=self.finish, **rest)


def restore(
    prior: Prior,
    observed: ArrayLike,
    operator: Forward,
    recipe: Recipe,
    *,
    key: Key,
    finish: Finish = clip,
    label: ArrayLike | None = None,
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
        finish: makes the result of one reconstruction, with the operator of that image; it is clipped to [-1, 1] unless
            given.
        label: see :func:`gprior_jax.invert`, likewise the other arguments.
        samples: K, independent solutions of every image.
        ids: one integer for each image.
        batch_size: images at once.
        devices: devices to spread a batch over.
        progress: called about twice a second.

    Raises:
        ValueError: shapes that do not fit, pixels that are not finite, or numbers out of range.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(0), 2))
    >>> seen = gp.operators.compose(gp.operators.Downsample(2), gp.operators.Luma())  # Small, and gray.
    >>> recipe = gp.recipes.latent("z", num_steps=2, perceptual=None)
    >>> operator = gp.operators.broadcast(seen, 2)
    >>> gp.tasks.restore(prior, jax.vmap(seen)(images), operator, recipe, key=jax.random.key(1)).images.shape
    (2, 64, 64, 3)
    """
    result = invert(
        prior,
        observed,
        recipe,
        key=key,
        operator=operator,
        label=label,
        samples=samples,
        ids=ids,
        batch_size=batch_size,
        devices=devices,
        progress=progress,
    )
    return complete(result, np.asarray(observed, np.float32), operator, finish, batch_size)


def complete(
    result: Result, observed: np.ndarray, operator: Forward, finish: Finish = clip, batch_size: int | None = None
) -> Restoration:
    """The restoration that an inversion with samples comes to.

    Args:
        result: of :func:`gprior_jax.invert` with ``samples``.
        observed: ``[B, h, w, C]``, what was inverted.
        operator: through which, with a leading axis of images.
        finish: see :func:`restore`.
        batch_size: images at once.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(0), 1))
    >>> recipe = gp.recipes.latent("z", num_steps=2, perceptual=None)
    >>> result = gp.invert(prior, images, recipe, key=jax.random.key(1), samples=2)
    >>> identity = gp.operators.broadcast(gp.operators.Identity(), 1)
    >>> done = complete(result, np.asarray(images), identity)
    >>> done.samples.shape, done.std.shape
    ((1, 2, 64, 64, 3), (1, 64, 64))
    """
    size = min(batch_size or len(observed), len(observed))
    samples = in_batches(partial(_finish, finish), size, result.images, observed, operator)
    # Statistics are over the samples of finite loss; over all, where none is.
    finite = np.isfinite(result.loss)
    counted = np.where(finite.any(axis=1, keepdims=True), finite, True)[..., None, None, None]
    number = counted.sum(axis=1)
    mean = np.where(counted, samples, 0.0).sum(axis=1) / number
    squares = np.where(counted, np.square(samples - mean[:, None]), 0.0).sum(axis=1) / number
    best = samples[:, 0]
    errors = in_batches(_errors, size, im.from_uint8(im.to_uint8(best)), observed, operator)
    return Restoration(
        images=best,
        samples=samples,
        mean=mean,
        std=np.sqrt(squares).mean(axis=-1),
        reconstruction=result.images[:, 0],
        consistency=np.asarray(im.psnr_of(errors)),
        result=result,
    )


@partial(jit, use="often", kept=True, static_argnums=0)
def _finish(finish: Finish, reconstructions: Array, observed: Array, operator: Forward) -> Array:
    """Finish ``[B, K]`` reconstructions of ``[B]`` observations."""
    return jax.vmap(jax.vmap(finish, (0, None, None)))(reconstructions, observed, operator)


@partial(jit, use="often", kept=True)
def _errors(images: Array, observed: Array, operator: Forward) -> Array:
    """Mean squared differences of images, seen through the operator, from what was observed, over known pixels."""

    def one(image: Array, observed: Array, operator: Forward) -> Array:
        return distance(operator(image), observed, "mse", known_weights(getattr(operator, "known", None)))

    return jax.vmap(one)(images, observed, operator)


def check_images(images: ArrayLike, what: str) -> np.ndarray:
    """Images as float32 ``[B, H, W, C]``.

    Raises:
        ValueError: another rank, none at all, or pixels of another range.
    """
    array = im.check_range(images, what)
    if array.ndim != 4 or not len(array):
        raise ArgumentError(f"{what} of shape {array.shape}: give [B, H, W, C] with at least one image.")
    return array
