"""The StyleGAN2 projector's search (Karras et al. 2020, arXiv:1912.04958, appendix D; its ``projector.py``)."""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import check_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import check_styles, w_statistics
from gprior_jax.keys import purpose
from gprior_jax.latents.parametrization import (
    FIXED,
    Parametrization,
    Variables,
    first_step,
    from_hint,
    next_step,
    step_key,
)
from gprior_jax.latents.w import W
from gprior_jax.latents.w_plus import WPlus
from gprior_jax.summary import saves_memory
from gprior_jax.typing import Array, Key

INJECTED = 0.05
"""Standard deviation of the injected noise at the start, as a part of that of w (``initial_noise_factor``)."""

RAMP = 0.75
"""Part of the steps over which it falls to 0 (``noise_ramp_length``)."""

_STATISTICS_SEED = 123
_W_STD, _INJECTED = f"{FIXED}w_std", f"{FIXED}injected"


@dataclasses.dataclass(frozen=True)
class Projector(Parametrization):
    """One w for all layers or one for each, started from the mean, with noise injected in every step; and noise maps.

    The noise is a part of the iterate: an update moves w without its noise, and then noise is drawn anew and added. So
    the gradient is taken where the published code takes it, but what is rendered is always the w that the variables
    hold: the loss of the best iterate is that of its own image. In the last quarter of the steps there is no noise.

    Variables: ``{"w": [w_dim]}`` or ``{"w_plus": [num_styles, w_dim]}``, with what is injected; ``"noise_0": [S, S]``,
    ... where the layers take noise; and fixed ones.

    Attributes:
        num_steps: of the run, which the ramp follows.
        space: ``"w"``, or ``"w_plus"`` with noise of its own in every layer (rosinality/stylegan2-pytorch).
        noise_weight: weight of :func:`gprior_jax.latents.styled.noise_penalty` (1e5).
        injected: see :data:`INJECTED`.
        ramp: see :data:`RAMP`.
        statistics_samples: codes that are mapped for the mean of w and its deviation (10,000).
        remat: recompute each resolution block in the backward pass instead of keeping its activations.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin:portraits")
    >>> found = jax.jit(Projector(num_steps=100, statistics_samples=100).init)(prior, jax.random.key(0))
    >>> found["w"].shape
    (128,)
    """

    num_steps: int
    space: Literal["w", "w_plus"] = "w"
    noise_weight: float = 1e5
    injected: float = INJECTED
    ramp: float = RAMP
    statistics_samples: int = 10_000
    remat: bool = saves_memory(False)

    def __post_init__(self):
        if self.space not in ("w", "w_plus"):
            raise ArgumentError(f"space={self.space!r}: the projector searches 'w' or 'w_plus'.")

    def fit(self, prior: Prior) -> "Projector":
        """Itself; raises ``ValueError`` for a prior without styles, or with classes and held to none."""
        check_styles(prior)
        check_label(prior, None)
        return self

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """The mean of w, and drawn noise maps; the first :meth:`project` injects."""
        point_key, seed_key = jax.random.split(key)
        mean, std = w_statistics(
            prior, purpose(jax.random.key(_STATISTICS_SEED), "statistics"), self.statistics_samples
        )
        mean = (mean.mean(0) if self.space == "w" else mean).astype(jnp.float32)
        own = from_hint(self._point.init(prior, point_key) | {self.space: mean}, hint)
        fixed = {_W_STD: std.astype(jnp.float32), _INJECTED: jnp.zeros_like(own[self.space])}
        return own | first_step(seed_key) | fixed

    def start_at(self, prior: Prior, key: Key, code: Variables) -> Variables:
        """As w or W+ starts there."""
        return self._point.start_at(prior, key, code)

    @property
    def _point(self) -> W | WPlus:
        kind = W if self.space == "w" else WPlus
        return kind(noise="free", noise_weight=self.noise_weight, remat=self.remat)

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image of w and the noise maps."""
        return self._point.render(prior, variables)

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """The weighted correlation of the noise maps."""
        return self._point.penalty(prior, variables)

    def project(self, variables: Variables) -> Variables:
        """The next step's noise in place of the last one's; noise maps of zero mean and unit mean square."""
        moved = next_step(self._point.project(variables))
        w = moved[self.space] - moved[_INJECTED]
        injected = self.strength(moved) * jax.random.normal(step_key(moved), w.shape)
        return moved | {self.space: w + injected, _INJECTED: injected}

    def strength(self, variables: Variables) -> Array:
        """Standard deviation of what is injected in the step of the variables, a scalar."""
        left = jnp.maximum(0.0, 1.0 - variables["_step"] / self.num_steps / self.ramp)
        return variables[_W_STD] * self.injected * jnp.square(left)
