"""Other coordinates for the variables of a parametrisation, in which a solver finds its way faster."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.latents.multi_code import MultiCode
from gprior_jax.latents.parametrization import Parametrization, Variables
from gprior_jax.typing import Array


@dataclasses.dataclass(frozen=True)
class Coordinates:
    """The variables as they are; other coordinates derive from this class, static and hashable.

    Functions are for one image. Constants are what belongs to coordinates and is not optimised.

    >>> variables = {"z": jnp.arange(2.0)}
    >>> found, constants = Coordinates().begin(None, None, variables)
    >>> Coordinates().end(found, constants)["z"].tolist()
    [0.0, 1.0]
    """

    def fit(self, parametrization: Parametrization, prior: Prior) -> "Coordinates":
        """Itself, or others where the prior lacks what it takes.

        Raises:
            ValueError: it does not fit the parametrisation.
        """
        return self

    def begin(
        self, parametrization: Parametrization, prior: Prior, variables: Variables
    ) -> tuple[Variables, Variables]:
        """The coordinates of variables, which are optimised, and their constants."""
        return variables, {}

    def render(
        self, parametrization: Parametrization, prior: Prior, coordinates: Variables, constants: Variables
    ) -> Array:
        """The image ``[R, R, C]``."""
        return parametrization.render(prior, self.end(coordinates, constants))

    def end(self, coordinates: Variables, constants: Variables) -> Variables:
        """The variables that coordinates stand for."""
        return coordinates

    def project(self, parametrization: Parametrization, coordinates: Variables) -> Variables:
        """The nearest admissible coordinates, after every update."""
        return parametrization.project(coordinates)


AS_THEY_ARE = Coordinates()


@dataclasses.dataclass(frozen=True)
class ChannelWeights(Coordinates):
    """The channel weights of several codes alone, on a basis in which they do not disturb each other.

    Of :class:`gprior_jax.latents.MultiCode`, whose codes stay as they were drawn (or given). Composed features are
    linear in alpha, so what is left to find is a least squares problem behind the later layers. Features of different
    codes are much alike, which makes it badly conditioned; on an orthonormal basis of every channel's N feature maps
    (their Gram matrix to the power -1/2 times them) it is not, and conjugate gradients need tens of steps where Adam on
    codes and alpha needs hundreds (``benchmarks/RESULTS.md``). The first layers run once, before the first step.

    Coordinates: ``{"weights": [N, C]}``.

    Attributes:
        damping: part of the mean square of a channel's features that is added to the diagonal of its Gram matrix, so
            that codes of nearly equal features get no huge weights of opposite sign.

    >>> import gprior_jax as gp, jax
    >>> prior, codes, own = gp.load("builtin"), MultiCode(2, 4), ChannelWeights()
    >>> begin = jax.jit(own.begin, static_argnums=0)
    >>> coordinates, constants = begin(codes, prior, codes.init(prior, jax.random.key(0)))
    >>> coordinates["weights"].shape, constants["basis"].shape
    ((2, 128), (2, 8, 8, 128))
    """

    damping: float = 0.01

    def __post_init__(self):
        if not 0.0 < self.damping < float("inf"):
            raise ArgumentError(f"damping {self.damping}: use a number above 0.")

    def fit(self, parametrization: Parametrization, prior: Prior) -> "ChannelWeights":
        """Itself; see :meth:`check`."""
        return self.check(parametrization)

    def check(self, parametrization: Parametrization) -> "ChannelWeights":
        """Itself; raises ``ValueError`` for anything but several codes whose later styles follow from them."""
        moving = isinstance(parametrization, MultiCode) and parametrization.free_label
        if not isinstance(parametrization, MultiCode) or parametrization.later_styles != "mean" or moving:
            raise ArgumentError(
                f"channel weights are found for several codes of a class whose later styles are their mean, not for "
                f"{parametrization}: let the codes move (free_codes)."
            )
        return self

    def begin(
        self, parametrization: Parametrization, prior: Prior, variables: Variables
    ) -> tuple[Variables, Variables]:
        """Weights on the basis; the basis ``[N, H, W, C]``, what makes it ``[C, N, N]``, codes and later styles."""
        assert isinstance(parametrization, MultiCode)
        codes, alpha = variables["codes"], variables["alpha"]
        features, styles = parametrization.features(prior, codes)
        features = features.astype(jnp.float32)
        maps = features.reshape(len(codes), -1, features.shape[-1]).transpose(2, 0, 1)  # [C, N, H * W]
        maps = parametrization.channelwise(maps)
        gram = _damped(_product(maps, maps.mT), self.damping)
        whitening = inverse_root(gram)
        basis = _product(whitening, maps).transpose(1, 2, 0).reshape(features.shape)
        weights = _product(_product(whitening, gram), alpha.T[..., None])[..., 0].T
        constants = {"basis": basis, "whitening": whitening, "codes": codes}
        return {"weights": weights}, constants | ({} if styles is None else {"styles": styles})

    def render(
        self, parametrization: Parametrization, prior: Prior, coordinates: Variables, constants: Variables
    ) -> Array:
        """The image of the basis with these weights."""
        assert isinstance(parametrization, MultiCode)
        composed = parametrization.composed_of(constants["basis"], coordinates["weights"])
        return parametrization.from_composed(prior, composed, constants.get("styles"))

    def end(self, coordinates: Variables, constants: Variables) -> Variables:
        """The codes, and the alpha that these weights are."""
        alpha = _product(constants["whitening"], coordinates["weights"].T[..., None])[..., 0].T
        return {"codes": constants["codes"], "alpha": alpha}

    def project(self, parametrization: Parametrization, coordinates: Variables) -> Variables:
        """All weights are admissible."""
        return coordinates


# Matrix units round their factors to bfloat16 unless told otherwise.
_product = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)

_LEAST = 1e-6
"""A channel that no code excites gets this part of the mean channel's damping: its Gram matrix would be 0."""


def _damped(gram: Array, damping: float) -> Array:
    """Gram matrices ``[C, N, N]`` with a multiple of their mean square on the diagonal."""
    mean = jnp.trace(gram, axis1=1, axis2=2) / gram.shape[-1]
    added = damping * mean + _LEAST * jnp.mean(mean) + jnp.finfo(jnp.float32).tiny
    return gram + added[:, None, None] * jnp.eye(gram.shape[-1])


_ITERATIONS = 24
"""Enough for any damping that is worth it: an eigenvalue of 1e-5 of the largest comes to 1 in 20."""


def inverse_root(matrices: Array) -> Array:
    """The inverse square roots of positive definite matrices ``[..., N, N]``, by products alone.

    The coupled Newton-Schulz iteration (Higham 2008, Functions of Matrices, equation 6.35): factorisations are calls of
    LAPACK on a CPU, which programs over several devices do not get on with, and slow on a TPU.
    """
    size = jnp.trace(matrices, axis1=-2, axis2=-1)[..., None, None]  # Not below the largest eigenvalue.
    identity = jnp.eye(matrices.shape[-1])

    def improved(_: int, pair: tuple[Array, Array]) -> tuple[Array, Array]:
        root, inverse = pair
        step = 1.5 * identity - 0.5 * _product(inverse, root)
        return _product(root, step), _product(step, inverse)

    start = matrices / size, jnp.broadcast_to(identity, matrices.shape)
    return jax.lax.fori_loop(0, _ITERATIONS, improved, start)[1] / jnp.sqrt(size)
