"""How what was found depends on each pixel that was measured."""

import jax
import jax.numpy as jnp

from gprior_jax.differentiable.implicit import attached
from gprior_jax.differentiable.inversion import Inversion
from gprior_jax.differentiable.optimum import Curvature
from gprior_jax.errors import ArgumentError
from gprior_jax.latents import Variables
from gprior_jax.operators import Forward, Identity
from gprior_jax.typing import Array, Key


def sensitivity(
    inversion: Inversion,
    variables: Variables,
    observed: Array,
    operator: Forward = Identity(),
    *,
    key: Key,
    region: Array | None = None,
    probes: int = 16,
    label: Array | None = None,
    curvature: Curvature = Curvature(),
) -> Array:
    """How far the image that was found moves as each measured pixel changes: a map.

    Columns of the Jacobian M of the found image in the measurement are measured with random vectors v of independent
    normal numbers: the mean of ``(M^T v)^2`` is the squared length of every column, without forming M. A map of n
    probes is off by about ``1 / sqrt(2 n)`` of itself in every pixel, independently.

    Args:
        inversion: see :func:`gprior_jax.differentiable.inversion`.
        variables: that were found for one image.
        observed: ``[h, w, C]`` in [-1, 1].
        operator: through which it was observed.
        key: of the probes.
        region: ``[R, R, 1]``, the part of the image that is looked at, such as what a mask hides; None is all of it.
        probes: n; a linear system each.
        label: ``[num_classes]``, this image's class.
        curvature: see :func:`gprior_jax.differentiable.attached`.

    Returns:
        ``[h, w]``: root of the sum over the image, and over the measured pixel's channels, of squared derivatives; 0
        where a pixel does not count, root of C where the image follows all its channels in one place and else stays.

    Raises:
        ValueError: no probes, or a term without curvature.

    >>> import gprior_jax as gp
    >>> from gprior_jax.generators.dcgan import DCGAN
    >>> from gprior_jax.nn.stack import StackLayer
    >>> module = DCGAN((StackLayer("dense", 1, size=4),), z_dim=2)  # Linear: 16 pixels of two numbers.
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(2), method="init_all")["params"], module)
    >>> made = gp.differentiable.inversion(prior, gp.recipes.latent("z", perceptual=None))
    >>> observed = gp.synthesize(prior, jnp.ones(2))
    >>> known = gp.operators.Mask(jnp.ones((4, 4, 1)).at[:2].set(0))  # The upper half is missing.
    >>> found = gp.differentiable.sensitivity(made, {"z": jnp.ones(2)}, known(observed), known, key=jax.random.key(0))
    >>> found.shape, bool((found[:2] == 0).all()), bool((found[2:] > 0).all())
    ((4, 4), True, True)
    """
    if probes < 1:
        raise ArgumentError(f"probes {probes}: use at least 1.")

    def image(observed: Array) -> Array:
        seen = attached(inversion, variables, observed, operator, label=label, curvature=curvature).image
        return seen if region is None else seen * region

    seen, pull = jax.vjp(image, observed)

    def squares(key: Key) -> Array:
        return jnp.sum(jnp.square(pull(jax.random.normal(key, seen.shape, seen.dtype))[0]), -1)

    return jnp.sqrt(jnp.mean(jax.lax.map(squares, jax.random.split(key, probes)), 0))
