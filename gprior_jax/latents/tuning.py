"""The generator itself as variables: pivotal tuning, PTI (Roich et al. 2021, arXiv:2106.05744)."""

import dataclasses
from typing import Any

import flax.traverse_util
import jax.numpy as jnp

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.generators.labels import check_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import as_styles, check_styles, map_code, mean_styles, truncate
from gprior_jax.latents.deep_image_prior import WEIGHTS, as_params, as_variables
from gprior_jax.latents.parametrization import (
    FIXED,
    Parametrization,
    Variables,
    first_step,
    from_hint,
    next_step,
    step_key,
)
from gprior_jax.summary import saves_memory
from gprior_jax.typing import Array, Key

PIVOT = f"{FIXED}w_plus"
"""Name of the pivot among the variables."""


@dataclasses.dataclass(frozen=True)
class Tuning(Parametrization):
    """A copy of the synthesis network's weights for every image, with the image's styles, the pivot, held.

    Variables: ``{"weights/layer/kernel": ...}``, all weights but the mapping network's, the mean of w and the stored
    noise maps, and ``"_w_plus": [num_styles, w_dim]``, the pivot: ``w`` or ``w_plus`` of a hint, else the mean of w.

    Every image of a batch has weights, gradients and an optimiser's state of its own, about six times the generator:
    ``batch_size`` of :func:`gprior_jax.inversion.driver.invert` says how many there are at once.

    Attributes:
        locality_weight: of the mean squared change that tuning makes to images of other codes (0.1, off by default).
            The published regulariser has LPIPS beside it, which is left out.
        locality_distance: of these codes from the pivot, in W+ (alpha, 30).
        locality_psi: truncation of the codes that they lie towards (0.5).
        remat: recompute each resolution block in the backward pass instead of keeping its activations.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin:portraits")
    >>> found = Tuning().init(prior, jax.random.key(0))
    >>> found["_w_plus"].shape, all(name.startswith("weights/") for name in found if name != "_w_plus")
    ((10, 128), True)
    """

    locality_weight: float = 0.0
    locality_distance: float = 30.0
    locality_psi: float = 0.5
    remat: bool = saves_memory(False)

    def fit(self, prior: Prior) -> "Tuning":
        """Itself; raises ``ValueError`` for a prior without styles, or without a class where codes are drawn."""
        check_styles(prior, mean=True)
        if self.locality_weight:
            check_label(prior, None)
        return self

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """The prior's own weights, and the pivot."""
        own = {name: leaf for name, leaf in as_variables(prior.params).items() if _is_tuned(name)}
        # Adam's small steps would vanish in half precision.
        own = {name: leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32)) for name, leaf in own.items()}
        fixed = {PIVOT: _pivot(prior, hint or {})} | (first_step(key) if self.locality_weight else {})
        return from_hint(own, hint) | fixed

    def is_drawn(self, encoder: Encoder | None = None) -> bool:
        """The codes are that hold others' images in place."""
        return bool(self.locality_weight)

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The pivot's image under these weights, with the stored noise."""
        return run_layers(tuned(prior, variables), None, remat=self.remat, styles=variables[PIVOT])

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """How far tuning has changed the image of another code."""
        if not self.locality_weight:
            return {}
        z = prior.latent.sample(step_key(variables), (prior.z_dim,))
        towards = truncate(prior, map_code(prior, z), self.locality_psi) - variables[PIVOT]
        near = variables[PIVOT] + self.locality_distance * towards / jnp.linalg.norm(towards)
        before, after = (run_layers(p, None, styles=near) for p in (prior, tuned(prior, variables)))
        return {"locality": self.locality_weight * jnp.mean(jnp.square(after - before))}

    def project(self, variables: Variables) -> Variables:
        """All weights are admissible; the next step draws another code."""
        return next_step(variables) if self.locality_weight else variables


def tuned(prior: Prior, variables: Variables) -> Prior:
    """The prior with one image's tuned weights; the mapping network and the rest are those that it has.

    Args:
        prior: the one that was tuned.
        variables: of one image, see :class:`Tuning`.

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin:portraits")
    >>> variables = Tuning().init(prior, jax.random.key(0))
    >>> name = next(name for name in variables if name.startswith("weights/"))
    >>> own = tuned(prior, variables | {name: variables[name] + 1.0})  # What tuning might have found.
    >>> gp.summary.fingerprint(own.params) == gp.summary.fingerprint(prior.params)
    False
    """
    flat: Any = flax.traverse_util.flatten_dict(prior.params, sep="/")
    own: Any = flax.traverse_util.flatten_dict(as_params(variables), sep="/")
    own = {name: jnp.asarray(leaf, flat[name].dtype) for name, leaf in own.items()}
    params = flax.traverse_util.unflatten_dict(flat | own, sep="/")
    return dataclasses.replace(prior, params=params, weights=None)


def _is_tuned(name: str) -> bool:
    parts = name.removeprefix(WEIGHTS).split("/")
    # Statistics of norms are no weights: gradients would take variances anywhere.
    return parts[0] not in ("mapping", "w_avg") and parts[-1] not in ("noise", "stored_mean", "stored_var")


def _pivot(prior: Prior, hint: Variables) -> Array:
    found = next((hint[name] for name in (PIVOT, "w_plus", "w") if name in hint), None)
    if found is None:
        return mean_styles(prior).astype(jnp.float32)
    return as_styles(prior, found, "w" if found.ndim == 1 else "w_plus")
