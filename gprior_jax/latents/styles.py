"""Styles and noise maps of a style-based generator as variables."""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp

from gprior_jax.generators import styles
from gprior_jax.generators.base import Prior, check_label, map_code, run_layers
from gprior_jax.latents.parametrization import Variables, from_hint
from gprior_jax.typing import Array, Key

NOISE = "noise_"
"""Prefix of the noise maps' names among the variables: ``noise_0``, ``noise_1``, ..."""

Start = Literal["mean", "random", "uniform"]
NoiseKind = Literal["const", "none", "free", "fitted"]


@dataclasses.dataclass(frozen=True)
class _Styles:
    """What W and W+ share.

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
    remat: bool = False

    def check(self, prior: Prior) -> None:
        """Raise ``ValueError`` for a prior without styles, or a random start of a conditional one."""
        styles.check_style_based(prior)
        if self.start == "random":
            check_label(prior, None)

    def _init(self, prior: Prior, key: Key) -> Array:
        """Styles to start from, ``[num_styles, w_dim]``, float32 whatever the dtype of the generator."""
        if self.start == "uniform":
            return jax.random.uniform(key, (prior.num_styles, prior.module.w_dim), minval=-1.0, maxval=1.0)
        mean = self.start == "mean"
        start = styles.mean_styles(prior) if mean else map_code(prior, prior.latent.sample(key, (prior.z_dim,)))
        return start.astype(jnp.float32)

    def _noise(self, prior: Prior, key: Key) -> Variables:
        if self.noise in ("const", "none"):
            return {}
        maps = styles.draw_noise(prior, key) if self.noise == "free" else styles.stored_noise(prior)
        return {f"{NOISE}{i}": each.astype(jnp.float32) for i, each in enumerate(maps)}

    def _render(self, prior: Prior, w_plus: Array, variables: Variables) -> Array:
        maps = self.noise if self.noise in ("const", "none") else _maps(variables)
        return run_layers(prior, None, remat=self.remat, styles=w_plus, noise=maps)

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """The penalty of free noise, with its weight."""
        if self.noise != "free" or self.noise_weight == 0.0:
            return {}
        return {"noise": self.noise_weight * noise_penalty(_maps(variables))}

    def project(self, variables: Variables) -> Variables:
        """Every style is admissible; free noise maps have zero mean and unit mean square."""
        if self.noise != "free":
            return variables
        return {name: _standardized(x) if name.startswith(NOISE) else x for name, x in variables.items()}


@dataclasses.dataclass(frozen=True)
class W(_Styles):
    """One w for all layers: ``{"w": [w_dim]}``, and free noise maps; see :class:`_Styles` for the attributes."""

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """The mean of w, or that of a random code, or uniform numbers."""
        w_key, noise_key = jax.random.split(key)
        found = self._init(prior, w_key)
        # A mean of uniform numbers would be none.
        w = found[0] if self.start == "uniform" else found.mean(0)
        return from_hint({"w": w} | self._noise(prior, noise_key), hint)

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image of w."""
        return self._render(prior, styles.as_styles(prior, variables["w"], "w"), variables)


@dataclasses.dataclass(frozen=True)
class WPlus(_Styles):
    """A w for every layer: ``{"w_plus": [num_styles, w_dim]}``, and free noise maps; see :class:`_Styles`."""

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """The mean of w in every layer, or the styles of a random code."""
        w_key, noise_key = jax.random.split(key)
        return from_hint({"w_plus": self._init(prior, w_key)} | self._noise(prior, noise_key), hint)

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image of the styles."""
        return self._render(prior, variables["w_plus"], variables)


STYLES_STAY = (("w", 0.0), ("w_plus", 0.0))
"""Rates for :class:`gprior_jax.inversion.optimizer.Optimizer` that leave the styles as they are, to fit the noise."""


def _maps(variables: Variables) -> tuple[Array, ...]:
    count = sum(name.startswith(NOISE) for name in variables)
    return tuple(variables[f"{NOISE}{i}"] for i in range(count))


def _standardized(noise: Array) -> Array:
    noise = noise - noise.mean()
    return noise * jax.lax.rsqrt(jnp.mean(jnp.square(noise)))


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
