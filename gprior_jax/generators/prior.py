"""The prior: a generator with its weights, and what can be asked of it.

A generator is an ordered list of named layers. Whatever else one may have is a question of its own: classes
(:attr:`Prior.num_classes`), a style for every layer (:attr:`Prior.num_styles`), maps of noise
(:attr:`Prior.noise_sizes`), a mean of w (:func:`gprior_jax.generators.styles.mean_styles`). No code asks for an
architecture by name.
"""

import dataclasses
import math
from functools import partial
from typing import Any, Literal, Protocol

import flax.struct
import jax

from gprior_jax.checks import check_finite
from gprior_jax.compiling import jit
from gprior_jax.discriminators.critic import Critic
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array, Key, Params


class Generator(Protocol):
    """What a Linen module must offer to serve as a prior. Methods take one code, and are run through ``apply``.

    A generator with classes has ``num_classes`` and takes ``label``, ``[num_classes]``: as the argument of ``map``
    where it has styles, else of ``__call__``. One with a style for every layer has ``num_styles``, ``w_dim`` and
    ``map(z, label, weights) -> [num_styles, w_dim]``, and ``__call__`` takes ``styles``; ``mean_styles(label)`` where
    it knows their mean, over all classes for None, and where that depends on the class for labels ``[...,
    num_classes]``. One whose statistics belong to a truncation has ``truncation`` and ``latent``, see
    :func:`gprior_jax.generators.truncation.with_truncation`. One with maps of noise has ``noise_sizes``,
    ``stored_noise()``, and ``__call__`` takes ``noise``. One whose later layers look at what is near alone, and take
    nothing beside features, may have ``reaches``: for every layer the rows of its result's size that it looks beyond a
    row of it, None where it sees everything; with recomputation its last blocks run in bands of rows
    (:mod:`gprior_jax.generators.tail`). Where :func:`gprior_jax.editing.sefa` is to find directions
    it has ``latent_maps() -> ([D, O], ...)``: what each style is multiplied with first, or where there are no styles
    the code.
    """

    z_dim: int

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one code."""
        ...

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers in order."""
        ...

    def feature_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of what layers ``[0, layer)`` give for one code."""
        ...

    def prepare(self) -> Any:
        """Weights in the form that ``__call__`` applies; a pytree."""
        ...

    def __call__(self, x: Any, start: int = 0, stop: int | None = None, weights: Any = None) -> Array:
        """Run layers ``[start, stop)`` on one code or its features."""
        ...

    def init_all(self, z: Array) -> None:
        """Touch every parameter, for ``init``."""
        ...

    def init(self, rngs: Any, *args: Any, **kwargs: Any) -> Any:
        """Linen's."""
        ...

    def apply(self, variables: Any, *args: Any, **kwargs: Any) -> Any:
        """Linen's."""
        ...


_TRUNCATED = 0.879626
"""Standard deviation of standard normal numbers between -2 and 2: ``sqrt(1 - 4 pdf(2) / (2 cdf(2) - 1))``."""


@dataclasses.dataclass(frozen=True)
class LatentDistribution:
    """Distribution that the generator was trained on, independent for every number of a code.

    Attributes:
        kind: ``"normal"`` (standard normal), ``"uniform"``, or ``"truncated_normal"``, whose ends are two standard
            deviations from the middle.
        low: lower end of the uniform or truncated distribution.
        high: its upper end.

    >>> uniform = LatentDistribution("uniform", -1.0, 1.0)
    >>> uniform.mean, round(uniform.deviation, 4)
    (0.0, 0.5774)
    >>> uniform.sample(jax.random.key(0), (2, 3)).shape
    (2, 3)
    """

    kind: Literal["normal", "uniform", "truncated_normal"] = "normal"
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self):
        if self.kind not in ("normal", "uniform", "truncated_normal"):
            raise ArgumentError(
                f"the distribution of codes is {self.kind!r}: use 'normal', 'uniform' or 'truncated_normal'."
            )
        check_finite(low=self.low, high=self.high)
        if not self.low < self.high:
            raise ArgumentError(f"{self.kind} codes from {self.low} to {self.high}: low must be below high.")

    @property
    def mean(self) -> float:
        """Mean of every number of a code."""
        return 0.0 if self.kind == "normal" else (self.low + self.high) / 2.0

    @property
    def deviation(self) -> float:
        """Standard deviation of every number of a code."""
        if self.kind == "normal":
            return 1.0
        if self.kind == "uniform":
            return (self.high - self.low) / math.sqrt(12.0)
        return _TRUNCATED * (self.high - self.low) / 4.0

    def sample(self, key: Key, shape: tuple[int, ...]) -> Array:
        """Draw float32 numbers of ``shape``."""
        if self.kind == "normal":
            return jax.random.normal(key, shape)
        if self.kind == "truncated_normal":
            middle, deviation = (self.low + self.high) / 2, (self.high - self.low) / 4
            return middle + deviation * jax.random.truncated_normal(key, -2.0, 2.0, shape)
        return jax.random.uniform(key, shape, minval=self.low, maxval=self.high)


@flax.struct.dataclass
class Prior:
    """A pretrained generator: a pytree of weights with its static, hashable architecture.

    Attributes:
        params: weights as stored, nested dicts of arrays.
        module: the Linen module (static), see :class:`Generator`.
        latent: distribution of the latent codes (static).
        critic: the discriminator trained with it, where there is one; the source of discriminator features.
        encoder: the encoder trained for it, where there is one.
        multi_encoder: the encoder of several codes at a layer (:mod:`gprior_jax.encoders.multi_code`), likewise.
        metric: ``[num_styles, w_dim, w_dim]``, how much images change with the style of every layer, on average over
            codes (:func:`gprior_jax.generators.metric.mean_metric`); None where nobody has measured it.
        weights: weights scaled and prepared for use, see :func:`prepare`; None until then.
        name: for reports (static).
        label: ``[num_classes]``, the class that a generator with classes is held to, see
            :func:`gprior_jax.generators.labels.with_label`; it is then used like one without.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin:portraits")
    >>> prior
    Prior(builtin:portraits: StyleGAN2, 64x64x3, codes of 128, 9 layers, 10 styles, 775,704 weights)
    >>> prior.image_shape, prior.z_dim, prior.num_styles, prior.w_dim
    ((64, 64, 3), 128, 10, 128)
    """

    params: Params
    module: Generator = flax.struct.field(pytree_node=False)
    latent: LatentDistribution = flax.struct.field(pytree_node=False, default=LatentDistribution())
    critic: Critic | None = None
    encoder: Encoder | None = None
    multi_encoder: Encoder | None = None
    metric: Array | None = None
    weights: Any = None
    name: str = flax.struct.field(pytree_node=False, default="")
    label: Array | None = None

    def __str__(self) -> str:
        return self.name or "this prior"

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.image_shape))
        weights = sum(getattr(leaf, "size", 0) for leaf in jax.tree.leaves(self.params))
        numbers = {"layers": self.num_layers, "styles": self.num_styles, "classes": self.num_classes}
        told = [f"{number} {name}" for name, number in numbers.items() if number]
        facts = [shape, f"codes of {self.z_dim}", *told, f"{weights:,} weights"]
        return f"Prior({self.name or 'unnamed'}: {type(self.module).__name__}, {', '.join(facts)})"

    @property
    def z_dim(self) -> int:
        """Length of a latent code."""
        return self.module.z_dim

    @property
    def num_classes(self) -> int:
        """Classes to choose from; 0 for a generator without, or one that is held to a class."""
        return getattr(self.module, "num_classes", 0) if self.label is None else 0

    @property
    def num_styles(self) -> int:
        """Style vectors that the layers take; 0 for a generator without."""
        return getattr(self.module, "num_styles", 0)

    @property
    def w_dim(self) -> int:
        """Length of a style vector; 0 for a generator without."""
        return getattr(self.module, "w_dim", 0)

    @property
    def noise_sizes(self) -> tuple[int, ...]:
        """Side of every layer's map of noise, pixels; empty for a generator without."""
        return getattr(self.module, "noise_sizes", ())

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return self.image_shape[0]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, ``(R, R, C)``."""
        return self.module.feature_shape(self.num_layers)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers in order."""
        return self.module.layer_names

    @property
    def num_layers(self) -> int:
        """Number of layers; layer ``num_layers`` stands for the image."""
        return len(self.module.layer_names)

    def feature_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of ``features(prior, z, layer)`` for one code."""
        return self.module.feature_shape(check_layer(self, layer))


def check_layer(prior: Prior, layer: int, lowest: int = 0, highest: int | None = None) -> int:
    """Return ``layer`` if the prior can be cut there.

    Raises:
        ValueError: outside ``[lowest, highest]`` (highest: the number of layers unless given).
    """
    highest = prior.num_layers if highest is None else highest
    if not lowest <= layer <= highest:
        raise ArgumentError(f"layer {layer} is out of range: {prior} can be cut at layers {lowest} to {highest}.")
    return layer


def prepare(prior: Prior) -> Prior:
    """Scale and prepare the weights once, so that a loop does not repeat it.

    Returns:
        the prior with :attr:`Prior.weights` set. They follow ``params`` no longer: prepare again after changing these.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin")
    >>> prior.weights is None, gp.prepare(prior).weights is None
    (True, False)
    """
    return dataclasses.replace(prior, weights=_prepared(prior.module, prior.params))


# Of the prior as a whole the program would give copies of all that it passes on.
@partial(jit, use="once", kept=True, static_argnums=0)
def _prepared(module: Generator, params: Params) -> Any:
    return module.apply({"params": params}, method="prepare")


def astype(prior: Prior, dtype: Any) -> Prior:
    """Cast the weights to a floating dtype; images and features are computed in it.

    Args:
        prior: any prior; the result is not prepared.
        dtype: ``"float32"``, ``"bfloat16"``, ...

    >>> import gprior_jax as gp, jax
    >>> half = gp.astype(gp.load("builtin"), "bfloat16")
    >>> {str(leaf.dtype) for leaf in jax.tree.leaves(half.params)}
    {'bfloat16'}
    """
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), prior.params)
    return dataclasses.replace(prior, params=params, weights=None)
