"""What the parametrisations of styles share: where they start, and maps of noise beside them."""

import dataclasses
from typing import Literal, TypeVar

import jax
import jax.numpy as jnp

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.generators.labels import check_label
from gprior_jax.generators.noise import Noise, check_noise, draw_noise, stored_noise
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import check_styles, map_code, mean_styles
from gprior_jax.latents.parametrization import Parametrization, Variables
from gprior_jax.summary import saves_memory
from gprior_jax.typing import Array, Key

NOISE = "noise_"
"""Prefix of the noise maps' names among the variables: ``noise_0``, ``noise_1``, ..."""

Start = Literal["mean", "random", "uniform"]
S = TypeVar("S", bound="Styled")
NoiseKind = Literal["const", "none", "free", "fitted"]


@dataclasses.dataclass(frozen=True)
class Styled(Parametrization):
    """What W and W+ share; of a prior whose layers take styles.

    Attributes:
        start: from the ``"mean"`` of w, from a mapped ``"random"`` code, or from ``"uniform"`` numbers in [-1, 1]
            (Image2StyleGAN, for other classes than faces).
        noise: ``"const"`` (the stored maps) or ``"none"``; or maps that are variables too: ``"free"`` ones are drawn
            first, and of zero mean and unit mean square after every update (stylegan2-ada-pytorch ``projector.py``);
            ``"fitted"`` ones start from the stored maps and nothing holds them (Image2StyleGAN++).
        noise_weight: weight of :func:`noise_penalty` in the objective (1e5 in the projector); for free noise.
        remat: recompute each resolution block in the backward pass instead of keeping its activations.
    """

    start: Start = "mean"
    noise: NoiseKind = "const"
    noise_weight: float = 0.0
    remat: bool = saves_memory(False)

    def fit(self: S, prior: Prior) -> S:
        """Itself; raises ``ValueError`` where the prior lacks the styles, mean, noise or class that this takes."""
        check_styles(prior, mean=self.start == "mean")
        if self.start == "random":
            check_label(prior, None)
        if self.noise in ("free", "fitted"):
            check_noise(prior)
        return self

    def first_styles(self, prior: Prior, key: Key) -> Array:
        """Styles to start from, ``[num_styles, w_dim]``, float32 whatever the dtype of the generator."""
        if self.start == "uniform":
            return jax.random.uniform(key, (prior.num_styles, prior.w_dim), minval=-1.0, maxval=1.0)
        mean = self.start == "mean"
        start = mean_styles(prior) if mean else map_code(prior, prior.latent.sample(key, (prior.z_dim,)))
        return start.astype(jnp.float32)

    def first_noise(self, prior: Prior, key: Key) -> Variables:
        """Maps of noise to start from, where they are variables and the layers take noise."""
        if self.noise in ("const", "none") or not prior.noise_sizes:
            return {}
        maps = draw_noise(prior, key) if self.noise == "free" else stored_noise(prior)
        return {f"{NOISE}{i}": each.astype(jnp.float32) for i, each in enumerate(maps)}

    def is_drawn(self, encoder: Encoder | None = None) -> bool:
        """Free noise is, and styles that start neither from the mean nor from an encoder."""
        return self.noise == "free" or (encoder is None and self.start != "mean")

    def render_styles(self, prior: Prior, styles: Array, variables: Variables) -> Array:
        """The image of styles ``[num_styles, w_dim]`` and of the noise among the variables."""
        return run_layers(prior, None, remat=self.remat, styles=styles, noise=self.noise_of(variables))

    def noise_of(self, variables: Variables) -> Noise:
        """What layers take for noise."""
        return self.noise if self.noise in ("const", "none") else noise_maps(variables)

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """The penalty of free noise, with its weight."""
        if self.noise != "free" or self.noise_weight == 0.0:
            return {}
        return {"noise": self.noise_weight * noise_penalty(noise_maps(variables))}

    def project(self, variables: Variables) -> Variables:
        """Every style is admissible; free noise maps have zero mean and unit mean square."""
        if self.noise != "free":
            return variables
        moved = dict(variables)
        for name in variables:
            if name.startswith(NOISE):
                centred = variables[name] - variables[name].mean()
                moved[name] = centred * jax.lax.rsqrt(jnp.mean(jnp.square(centred)))
        return moved


STYLES_STAY = (("w", 0.0), ("w_plus", 0.0))
"""Rates for :class:`gprior_jax.inversion.optimizer.Optimizer` that leave the styles as they are, to fit the noise."""


def noise_maps(variables: Variables) -> tuple[Array, ...]:
    """The maps of noise among variables, in order."""
    count = sum(name.startswith(NOISE) for name in variables)
    return tuple(variables[f"{NOISE}{i}"] for i in range(count))


NOISE_PENALTY_SIDE = 8
"""The pyramid of a noise map ends with the first level whose side is at most this (``projector.py``)."""


def noise_penalty(noise: tuple[Array, ...]) -> Array:
    """Correlation of neighbouring numbers of noise maps, at every level of their pyramids.

    The squared mean product with the neighbour to the left and above, summed over maps and levels; a level halves the
    side by 2x2 means (Karras et al. 2020, arXiv:1912.04958, appendix D).

    Args:
        noise: maps ``[S, S]``.

    >>> float(noise_penalty((jnp.ones((16, 16)),)))
    4.0
    """
    total = jnp.zeros(())
    for level in noise:
        while True:
            total += sum(jnp.square(jnp.mean(level * jnp.roll(level, 1, axis))) for axis in (0, 1))
            size = level.shape[0]
            if size <= NOISE_PENALTY_SIDE:
                break
            level = level.reshape(size // 2, 2, size // 2, 2).mean((1, 3))
    return total
