"""Parameters of an operator found from what was observed through it.

The residual of an inversion, as a function of the operator's parameters, where every change of them lets the variables
follow: variable projection (Golub and Pereyra 1973), whose derivative of the variables is implicit. A step in the
parameters alone, and then one in the variables, would creep along the valley between both.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.checks import check_number
from gprior_jax.compiling import jit
from gprior_jax.differentiable.implicit import attached, refined
from gprior_jax.differentiable.inversion import Inversion
from gprior_jax.differentiable.optimum import Curvature
from gprior_jax.errors import ArgumentError
from gprior_jax.latents import Variables
from gprior_jax.operators import Forward
from gprior_jax.typing import Array

Build = Callable[[Array], Forward]
"""Parameters ``[P]`` to an operator."""


class FittedOperator(NamedTuple):
    """What :func:`fit_operator` found.

    Attributes:
        parameters: ``[P]``, those of the least residual.
        variables: ``[B, ...]``, found through their operator.
        residuals: ``[rounds]``, mean squared differences of what was observed and what is seen of the images.
        path: ``[rounds, P]``, the parameters of these.
    """

    parameters: np.ndarray
    variables: Variables
    residuals: np.ndarray
    path: np.ndarray


def fit_operator(
    inversion: Inversion,
    observed: Array,
    variables: Variables,
    build: Build,
    parameters: Array,
    *,
    rounds: int = 10,
    refinements: int = 2,
    damping: float = 1e-3,
    longest: float = 0.5,
    curvature: Curvature = Curvature(),
) -> FittedOperator:
    """Find parameters of an operator, the same for all images, that let the prior explain what was observed best.

    Args:
        inversion: see :func:`gprior_jax.differentiable.inversion`; its objective finds the variables.
        observed: ``[B, h, w, C]`` in [-1, 1].
        variables: ``[B, ...]``, to begin with; best found through the operator of the first parameters.
        build: from parameters ``[P]`` to an operator, differentiable; one function object for calls that shall share
            their programs. Positive ones are best given by their logarithms.
        parameters: ``[P]``, to begin with.
        rounds: steps of Gauss and Newton in the parameters.
        refinements: steps of Levenberg and Marquardt in the variables before each, see
            :func:`gprior_jax.differentiable.refined`.
        damping: part of the diagonal that is added to it.
        longest: no parameter changes by more in a round.
        curvature: see :func:`gprior_jax.differentiable.attached`.

    Raises:
        ValueError: numbers out of range, or parameters that are no vector.
    """
    check_number("damping", damping, lambda x: x >= 0, "a number from 0 up")
    check_number("longest", longest, lambda x: x > 0, "a number above 0")
    now = jnp.asarray(parameters, jnp.float32)
    if now.ndim != 1 or rounds < 1 or refinements < 1:
        raise ArgumentError(
            f"parameters of shape {now.shape}, {rounds} rounds of {refinements} refinements: give a vector, and at "
            "least 1 of each."
        )
    path, residuals, best = [], [], (np.inf, now, variables)
    for _ in range(rounds):
        variables, residual, gradient, normal = _round(
            build, refinements, curvature, inversion, jnp.asarray(observed), variables, now
        )
        path.append(np.asarray(now))
        residuals.append(float(residual))
        if residuals[-1] < best[0]:
            best = residuals[-1], now, variables
        # What has no effect stays: without the least number its row would be 0.
        system = normal + jnp.diag(damping * jnp.diag(normal) + jnp.finfo(jnp.float32).tiny)
        now = now - jnp.clip(jnp.linalg.solve(system, gradient), -longest, longest)
    return FittedOperator(np.asarray(best[1]), best[2], np.asarray(residuals), np.stack(path))


@partial(jit, use="once", static_argnums=(0, 1, 2))
def _round(
    build: Build,
    refinements: int,
    curvature: Curvature,
    inversion: Inversion,
    observed: Array,
    variables: Variables,
    parameters: Array,
) -> tuple[Variables, Array, Array, Array]:
    """Better variables; the residual through them, half its gradient in the parameters, and its normal matrix."""

    def one(observed: Array, variables: Variables) -> tuple[Variables, Array, Array]:
        operator = build(parameters)
        better = refined(inversion, variables, observed, operator, steps=refinements, curvature=curvature)

        def rest(parameters: Array) -> Array:
            own = build(parameters)
            image = attached(inversion, better, observed, own, curvature=curvature).image
            known = getattr(own, "known", None)
            difference = (own(image) - observed) * (1.0 if known is None else jnp.sqrt(known))
            return difference.ravel() / jnp.sqrt(difference.size)

        return better, rest(parameters), jax.jacfwd(rest)(parameters)

    found, rests, slopes = jax.vmap(one)(observed, variables)
    count = len(observed)
    gradient, normal = jnp.einsum("bmp,bm->p", slopes, rests), jnp.einsum("bmp,bmq->pq", slopes, slopes)
    return found, jnp.sum(jnp.square(rests)) / count, gradient / count, normal / count
