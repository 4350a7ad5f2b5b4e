"""Styles in coordinates in which every direction changes the image about as much."""

import dataclasses

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.latents.basis import inverse_root
from gprior_jax.latents.coordinates import AS_THEY_ARE, Coordinates
from gprior_jax.latents.parametrization import Parametrization, Variables
from gprior_jax.latents.w_plus import WPlus
from gprior_jax.typing import Array

_POWER_STEPS = 30
"""Of the power iteration for the largest eigenvalue, whose last digits do not matter."""


@dataclasses.dataclass(frozen=True)
class WhitenedStyles(Coordinates):
    """Styles as their start and a step away from it, measured by the prior's own mean metric.

    Some directions of a style change the image a hundred times as much as others, which makes the search for styles
    badly conditioned. Behind the inverse root of every layer's metric (``Prior.metric``) L-BFGS needs half of the steps
    or fewer (``benchmarks/RESULTS.md``). Other variables, such as noise maps, stay as they are.

    Coordinates: ``{"steps": [num_styles, w_dim]}`` in place of ``"w_plus"``.

    Attributes:
        damping: part of the mean square derivative that is added to the metric, so that directions that change next to
            nothing are not moved along far.

    >>> import gprior_jax as gp
    >>> prior, kind = gp.load("builtin:portraits"), WPlus()
    >>> own = WhitenedStyles().fit(kind, prior)
    >>> coordinates, constants = own.begin(kind, prior, kind.init(prior, jax.random.key(0)))
    >>> coordinates["steps"].shape, constants["root"].shape
    ((10, 128), (10, 128, 128))
    """

    damping: float = 0.1

    def __post_init__(self):
        if not 0.0 < self.damping < float("inf"):
            raise ArgumentError(f"damping {self.damping}: use a number above 0.")

    def fit(self, parametrization: Parametrization, prior: Prior) -> Coordinates:
        """Itself; styles as they are of a prior without a metric. Raises ``ValueError`` for anything but W+."""
        if not isinstance(parametrization, WPlus) or parametrization.noise == "free":
            raise ArgumentError(
                f"whitened styles are those of W+ whose noise is not free, not of {parametrization}: leave them out."
            )
        return AS_THEY_ARE if prior.metric is None else self

    def begin(
        self, parametrization: Parametrization, prior: Prior, variables: Variables
    ) -> tuple[Variables, Variables]:
        """Steps of zero and other variables; where styles start from, and the roots ``[num_styles, w_dim, w_dim]``."""
        assert prior.metric is not None
        metric = prior.metric.astype(jnp.float32)
        mean = jnp.mean(jnp.trace(metric, axis1=1, axis2=2)) / prior.w_dim
        damped = metric + self.damping * mean * jnp.eye(prior.w_dim)
        # Scaled so that the stiffest direction keeps its length: a first step of L-BFGS is then none too long.
        root = inverse_root(damped) * jnp.sqrt(jnp.max(jax.vmap(_largest)(damped)))
        others = {name: value for name, value in variables.items() if name != "w_plus"}
        start = variables["w_plus"]
        return others | {"steps": jnp.zeros_like(start)}, {"start": start, "root": root}

    def end(self, coordinates: Variables, constants: Variables) -> Variables:
        """The styles, and the other variables."""
        moved = jnp.einsum("lij,lj->li", constants["root"], coordinates["steps"], precision=jax.lax.Precision.HIGHEST)
        others = {name: value for name, value in coordinates.items() if name != "steps"}
        return others | {"w_plus": constants["start"] + moved}

    def project(self, parametrization: Parametrization, coordinates: Variables) -> Variables:
        """All steps are admissible."""
        return coordinates


def _largest(matrix: Array) -> Array:
    """The largest eigenvalue of a positive definite matrix ``[N, N]``, by the power iteration."""

    def step(_: int, vector: Array) -> Array:
        moved = matrix @ vector
        return moved / jnp.linalg.norm(moved)

    vector = jax.lax.fori_loop(0, _POWER_STEPS, step, jnp.ones(len(matrix)) / jnp.sqrt(len(matrix)))
    return vector @ matrix @ vector
