"""PULSE's search on spheres of Gaussianised latents (Menon et al. 2020, arXiv:2003.03808; its ``PULSE.py``)."""

import dataclasses

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import check_label
from gprior_jax.generators.noise import draw_noise
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import check_styles, map_code
from gprior_jax.keys import purpose
from gprior_jax.latents.parametrization import FIXED, Parametrization, Variables, from_hint
from gprior_jax.latents.styled import NOISE
from gprior_jax.nn.layers import LEAKY_SLOPE, leaky_relu
from gprior_jax.summary import saves_memory
from gprior_jax.typing import Array, Key

_NORM_EPSILON = 1e-9
"""Inside the square root of every norm (``SphericalOptimizer.py``)."""

_STATISTICS_SEED = 0
_CHUNK = 10_000


@dataclasses.dataclass(frozen=True)
class Sphere(Parametrization):
    """A Gaussianised latent for every style, and noise maps, each on the sphere that it was drawn on.

    A latent v stands for ``w = LeakyReLU(v * std + mean)``, with the statistics of w before the mapping network's last
    LeakyReLU, so that v is about standard normal, and lies near a sphere. Variables: ``{"latents": [num_styles, w_dim],
    "noise_0": [S, S], ...}``; what stays as it was drawn has a name that begins with an underscore.

    Attributes:
        tiled: one latent for all styles (``tile_latent``).
        num_noise: noise maps that are variables, from the first; None is all (``num_trainable_noise_layers``, 5).
        zero_noise: layers whose noise is zero (``bad_noise_layers``, 17).
        geocross_weight: of :func:`geocross` in the objective (0.05).
        statistics_samples: codes that are mapped for the statistics (1,000,000 there).
        remat: recompute each resolution block in the backward pass instead of keeping its activations.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin:portraits")
    >>> start = jax.jit(Sphere(statistics_samples=100).init)(prior, jax.random.key(0))
    >>> start["latents"].shape
    (10, 128)
    """

    tiled: bool = False
    num_noise: int | None = 5
    zero_noise: tuple[int, ...] = (17,)
    geocross_weight: float = 0.05
    statistics_samples: int = 100_000
    remat: bool = saves_memory(False)

    def fit(self, prior: Prior) -> "Sphere":
        """Itself; raises ``ValueError`` for a prior that it does not fit.

        That is one without styles, without a mapping network that ends with a LeakyReLU (``mapping_gain``), or with
        classes and held to none.
        """
        check_styles(prior)
        check_label(prior, None)
        if not hasattr(prior.module, "mapping_gain"):
            raise ArgumentError(f"{prior} has no mapping network that ends with a LeakyReLU, which the sphere wants.")
        return self

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw latents and noise."""
        latent_key, noise_key = jax.random.split(key)
        rows = 1 if self.tiled else prior.num_styles
        moved = {"latents": jax.random.normal(latent_key, (rows, prior.w_dim))}
        maps = draw_noise(prior, noise_key) if prior.noise_sizes else ()
        count = len(maps) if self.num_noise is None else self.num_noise
        fixed: Variables = {}
        for i, each in enumerate(maps):
            each = jnp.zeros_like(each) if i in self.zero_noise else each
            target, prefix = (moved, "") if i < count and i not in self.zero_noise else (fixed, FIXED)
            target[f"{prefix}{NOISE}{i}"] = each
        moved = from_hint(moved, hint)
        mean, std = gaussian_statistics(prior, self.statistics_samples)
        fixed |= {f"{FIXED}radius_{name}": _norm(name, value) for name, value in moved.items()}
        return moved | fixed | {f"{FIXED}mean": mean, f"{FIXED}std": std}

    def styles(self, prior: Prior, variables: Variables) -> Array:
        """Styles ``[num_styles, w_dim]`` of the latents."""
        w = leaky_relu(variables["latents"] * variables[f"{FIXED}std"] + variables[f"{FIXED}mean"])
        return jnp.broadcast_to(_gain(prior) * w, (prior.num_styles, w.shape[-1]))

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The image of the latents."""
        count = len(prior.noise_sizes)
        names = [f"{NOISE}{i}" for i in range(count)]
        maps = tuple(variables[name if name in variables else FIXED + name] for name in names)
        return run_layers(prior, None, remat=self.remat, styles=self.styles(prior, variables), noise=maps)

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """The weighted spread of the styles; none where there is one latent."""
        if self.tiled or self.geocross_weight == 0.0:
            return {}
        return {"geocross": self.geocross_weight * geocross(self.styles(prior, variables))}

    def project(self, variables: Variables) -> Variables:
        """Every latent and every noise map at its radius."""
        radii = {name: variables[f"{FIXED}radius_{name}"] for name in variables if f"{FIXED}radius_{name}" in variables}
        return {name: x * (radii[name] / _norm(name, x)) if name in radii else x for name, x in variables.items()}


def _gain(prior: Prior) -> float:
    """What the mapping network multiplies its last LeakyReLU with."""
    return getattr(prior.module, "mapping_gain", 1.0)


def _norm(name: str, x: Array) -> Array:
    """Norm of every latent ``[K, 1]``, or of a whole noise map ``[1, 1]``."""
    axes = -1 if name == "latents" else (0, 1)
    return jnp.sqrt(jnp.sum(jnp.square(x), axis=axes, keepdims=True) + _NORM_EPSILON)


def geocross(latents: Array) -> Array:
    """PULSE's penalty on the spread of a layered latent: the mean squared angle between its vectors, scaled.

    The angle of two vectors of one length is ``2 atan2(|a - b|, |a + b|)``; its square is averaged over all ordered
    pairs, each vector with itself too (PULSE ``loss.py``, GEOCROSS; Menon et al. 2020, arXiv:2003.03808).

    Args:
        latents: ``[K, D]``, one vector for every layer, after the mapping's last LeakyReLU.

    Returns:
        A scalar.

    >>> round(float(geocross(jnp.eye(2))), 2)  # Two of four pairs at a right angle: 64 (pi / 2)^2 / 2.
    78.96
    """
    a, b = latents[:, None], latents[None]
    # Inside the roots: the gradient of a pair of equal vectors is finite.
    near, far = (jnp.sqrt(jnp.sum(jnp.square(x), axis=-1) + _GEOCROSS_EPSILON) for x in (a - b, a + b))
    return jnp.mean(jnp.square(2.0 * jnp.arctan2(near, far))) * _GEOCROSS_SCALE


_GEOCROSS_EPSILON = 1e-9
_GEOCROSS_SCALE = 512 / 8
"""The published constants, whatever the width D."""


def gaussian_statistics(prior: Prior, num_samples: int) -> tuple[Array, Array]:
    """Mean and standard deviation ``[w_dim]`` of w before the last LeakyReLU of the mapping network.

    Args:
        prior: a style-based generator; of a network with a w for every layer, the first counts.
        num_samples: codes to map, in chunks of 10,000.
    """
    chunks = -(-num_samples // _CHUNK)

    def chunk(index: Array) -> tuple[Array, Array]:
        key = jax.random.fold_in(purpose(jax.random.key(_STATISTICS_SEED), "statistics"), index)
        z = prior.latent.sample(key, (min(_CHUNK, num_samples), prior.z_dim))
        w = jax.vmap(lambda z: map_code(prior, z)[0])(z) / _gain(prior)
        before = jnp.where(w >= 0, w, w / LEAKY_SLOPE)
        return before.mean(0), jnp.square(before).mean(0)

    means, squares = jax.lax.map(chunk, jnp.arange(chunks))
    mean = means.mean(0)
    return mean, jnp.sqrt(squares.mean(0) - jnp.square(mean))
