"""Other coordinates for the variables of a parametrisation, in which a solver finds its way faster."""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.latents.basis import DAMPING, channel_maps, damped, inverse_root, product
from gprior_jax.latents.multi_code import MultiCode
from gprior_jax.latents.parametrization import Parametrization, Variables
from gprior_jax.typing import Array

Preconditioner = Callable[[Variables], Variables]
"""From a gradient in some coordinates to a direction: a linear map, symmetric and positive definite."""


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

    def started_by(self, encoder: Encoder) -> "Coordinates":
        """Itself, or others that take what an encoder, which images start from, knows of their variables."""
        return self

    def preconditioner(self, encoder: Encoder | None) -> Preconditioner | None:
        """What conjugate gradients take in place of the identity; None is the identity.

        Args:
            encoder: that images start from.
        """
        return None

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

    damping: float = DAMPING

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

    def started_by(self, encoder: Encoder) -> Coordinates:
        """Those whose steps the encoder's metric measures, where it is one of several codes."""
        return MeasuredWeights(self.damping) if encoder.module.space == "codes" else self

    def begin(
        self, parametrization: Parametrization, prior: Prior, variables: Variables
    ) -> tuple[Variables, Variables]:
        """Weights on the basis; the basis ``[N, H, W, C]``, what makes it ``[C, N, N]``, codes and later styles."""
        assert isinstance(parametrization, MultiCode)
        codes, alpha = variables["codes"], variables["alpha"]
        features, styles = parametrization.features(prior, codes)
        features = features.astype(jnp.float32)
        maps = parametrization.channelwise(channel_maps(features))
        gram = damped(product(maps, maps.mT), self.damping)
        whitening = inverse_root(gram)
        basis = product(whitening, maps).transpose(1, 2, 0).reshape(features.shape)
        weights = product(product(whitening, gram), alpha.T[..., None])[..., 0].T
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
        alpha = product(constants["whitening"], coordinates["weights"].T[..., None])[..., 0].T
        return {"codes": constants["codes"], "alpha": alpha}

    def project(self, parametrization: Parametrization, coordinates: Variables) -> Variables:
        """All weights are admissible."""
        return coordinates


@dataclasses.dataclass(frozen=True)
class MeasuredWeights(ChannelWeights):
    """Channel weights, whose steps are measured by how much they change the image, on average.

    The basis of :class:`ChannelWeights` is orthonormal in features, not in the image: the later layers make much of
    some of its weights and next to nothing of most. Where the codes are the same for all images, that can be measured
    beforehand (:func:`gprior_jax.latents.weights_metric.weights_metric`), and gradients are divided by it: conjugate
    gradients then need half of the steps or fewer (``benchmarks/RESULTS.md``).

    Made by :meth:`ChannelWeights.started_by`.

    Attributes:
        damping: see :class:`ChannelWeights`.
        metric_damping: part of the mean stiffness that is added to the metric.

    >>> import gprior_jax as gp
    >>> MeasuredWeights().check(gp.latents.MultiCode(20)).metric_damping
    0.33
    """

    metric_damping: float = 0.33

    def started_by(self, encoder: Encoder) -> Coordinates:
        """Itself, with its own dampings."""
        return self

    def preconditioner(self, encoder: Encoder | None) -> Preconditioner | None:
        """What divides a gradient by the encoder's metric; nothing is measured of an encoder of one code."""
        if encoder is None or encoder.module.space != "codes":
            return None
        directions, stiffness = encoder.params["directions"], encoder.params["stiffness"]
        mean = mean_stiffness(directions, stiffness)
        inverse = 1.0 / (stiffness + self.metric_damping * mean)

        rows = directions.reshape(len(directions), -1)  # As products of matrices: einsum takes five times as long.

        def divided(gradient: Variables) -> Variables:
            flat = gradient["weights"].reshape(-1)
            stiff = product((inverse[:-1] - inverse[-1]) * product(rows, flat), rows)
            return {"weights": (inverse[-1] * flat + stiff).reshape(gradient["weights"].shape)}

        return divided


def mean_stiffness(directions: Array, stiffness: Array) -> Array:
    """The mean over all directions, of the stiffness of some and of all others.

    >>> float(mean_stiffness(jnp.eye(4).reshape(4, 2, 2)[:1], jnp.asarray([7.0, 1.0])))
    2.5
    """
    count = len(directions)
    size = directions.size // count
    return (stiffness[:-1].sum() + (size - count) * stiffness[-1]) / size
