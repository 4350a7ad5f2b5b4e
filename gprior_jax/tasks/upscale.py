"""Small photographs enlarged."""

from typing import Unpack

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.operators import Downsample, DownsampleFilter
from gprior_jax.tasks.finishing import keep_reduction
from gprior_jax.tasks.restoration import Arrays, Restoration, RestoreOptions, Task, check_images, clip
from gprior_jax.typing import Array, ArrayLike, Key


def upscaling(
    factor: int | None, filter: DownsampleFilter = "bicubic", consistent: bool = True, resolution: int = 0
) -> Task:
    """The task of enlarging what was reduced by a factor; see :func:`upscale`.

    Args:
        factor: by how much; None takes for each batch the factor from its side to ``resolution``. Such a task cannot
            simulate.
        filter: see :func:`upscale`.
        consistent: see :func:`upscale`.
        resolution: of the prior.

    >>> import jax, jax.numpy as jnp
    >>> upscaling(4).degrade(jnp.zeros((64, 64, 3)), jax.random.key(0)).shape
    (16, 16, 3)
    """

    def operator(arrays: Arrays) -> Downsample:
        return Downsample(factor or resolution // arrays["observed"].shape[1], filter)

    def degrade(image: Array, key: Key) -> Array:
        if factor is None:
            raise ArgumentError("a reduction is simulated by a given factor: give one.")
        return Downsample(factor, filter)(image)

    return Task("upscale", operator, degrade, keep_reduction if consistent else clip)


def upscale(
    prior: Prior,
    small: ArrayLike,
    *,
    key: Key,
    filter: DownsampleFilter = "bicubic",
    consistent: bool = True,
    **options: Unpack[RestoreOptions],
) -> Restoration:
    """Enlarge small photographs to the prior's resolution.

    Args:
        prior: the generator.
        small: ``[B, r, r, C]`` in [-1, 1]; r divides the prior's resolution.
        key: the run's key.
        filter: how they were reduced, see :func:`gprior_jax.operators.downsample_matrix`; mGANprior's is
            ``"bilinear"``.
        consistent: change the reconstruction as little as it takes to reduce to the input again
            (:func:`gprior_jax.tasks.finishing.keep_reduction`).
        **options: see :func:`gprior_jax.tasks.restore`; ``recipe`` defaults to that of the task.

    Raises:
        ValueError: r does not divide the resolution.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> small = jax.vmap(gp.operators.Downsample(4))(gp.synthesize(prior, gp.sample_z(prior, jax.random.key(0), 2)))
    >>> recipe = gp.recipes.restoration("upscale", prior, num_codes=2, num_steps=2, perceptual=None)
    >>> found = gp.tasks.upscale(prior, small, key=jax.random.key(1), recipe=recipe)
    >>> found.images.shape, bool((found.consistency > 40).all())  # dB, of what they reduce to
    ((2, 64, 64, 3), True)
    """
    observed = check_images(small, "small images")
    factor = enlarging_factor(prior, (observed.shape[1], observed.shape[2]))
    return upscaling(factor, filter, consistent).restore(prior, {"observed": observed}, key, options)


def enlarging_factor(prior: Prior, size: tuple[int, int]) -> int:
    """Factor from a small image's sides to the prior's resolution.

    Raises:
        ValueError: there is no whole factor.

    >>> import gprior_jax as gp
    >>> enlarging_factor(gp.load("builtin"), (16, 16))
    4
    """
    height, width = size
    if height != width or not 0 < height < prior.resolution or prior.resolution % height:
        fitting = [str(prior.resolution // f) for f in range(2, prior.resolution + 1) if prior.resolution % f == 0]
        raise ArgumentError(
            f"an image of {width}x{height} pixels has no whole factor to the prior's {prior.resolution}: use squares "
            f"of side {', '.join(fitting)}."
        )
    return prior.resolution // height
