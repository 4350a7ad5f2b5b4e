"""The prior: a generator with its weights, and running its layers for one code.

A generator is an ordered list of named layers. A style-based one (``num_styles`` above 0) takes, beside the features of
the layer before, a style vector for every layer and maps of noise. :mod:`gprior_jax.generators.synthesis` has the
functions for batches.
"""

import dataclasses
from typing import Any, Literal, Protocol, runtime_checkable

import flax.struct
import jax

from gprior_jax.typing import Array, Key, Params


@runtime_checkable
class Generator(Protocol):
    """What a Linen module must offer to serve as a prior. Methods take one code, and are run through ``apply``."""

    z_dim: int

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
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


@runtime_checkable
class StyleGenerator(Protocol):
    """What a style-based module offers beside that; its ``__call__`` takes ``styles`` and ``noise`` too."""

    w_dim: int
    num_classes: int

    @property
    def num_styles(self) -> int:
        """Style vectors that the synthesis network takes."""
        ...

    @property
    def mapping_gain(self) -> float:
        """What the mapping network multiplies its last LeakyReLU with."""
        ...

    @property
    def noise_sizes(self) -> tuple[int, ...]:
        """Side of every layer's noise map, pixels."""
        ...

    def map(self, z: Array, label: Array | None = None, weights: Any = None) -> Array:
        """Styles ``[num_styles, w_dim]`` of one code."""
        ...

    def mean_styles(self) -> Array:
        """Mean styles ``[num_styles, w_dim]``, which truncation goes towards."""
        ...


Noise = tuple[Array, ...] | Literal["const", "none"]
"""Noise of one image: the maps stored with the weights, none, or a map ``[H, W]`` for every layer."""


@dataclasses.dataclass(frozen=True)
class LatentDistribution:
    """Distribution that the generator was trained on, independent for every number of a code.

    Attributes:
        kind: ``"normal"`` (standard normal) or ``"uniform"``.
        low: lower end of the uniform distribution.
        high: upper end of the uniform distribution.
    """

    kind: Literal["normal", "uniform"] = "normal"
    low: float = -1.0
    high: float = 1.0

    def sample(self, key: Key, shape: tuple[int, ...]) -> Array:
        """Draw float32 numbers of ``shape``."""
        if self.kind == "normal":
            return jax.random.normal(key, shape)
        return jax.random.uniform(key, shape, minval=self.low, maxval=self.high)


@flax.struct.dataclass
class Critic:
    """A discriminator with its weights.

    Attributes:
        params: weights, nested dicts.
        module: the Linen module (static).
    """

    params: Params
    module: Any = flax.struct.field(pytree_node=False)


@flax.struct.dataclass
class Prior:
    """A pretrained generator: a pytree of weights with its static, hashable architecture.

    Attributes:
        params: weights as stored, nested dicts of arrays.
        module: the Linen module (static).
        latent: distribution of the latent codes (static).
        critic: the discriminator trained with it, where there is one; the source of discriminator features.
        weights: weights scaled and prepared for use, see :func:`prepare`; None until then.
        name: for reports (static).
        label: ``[num_classes]``, the class that a conditional generator is held to, see
            :func:`gprior_jax.generators.styles.with_label`; it is then used like an unconditional one.
    """

    params: Params
    module: Any = flax.struct.field(pytree_node=False)
    latent: LatentDistribution = flax.struct.field(pytree_node=False, default=LatentDistribution())
    critic: Critic | None = None
    weights: Any = None
    name: str = flax.struct.field(pytree_node=False, default="")
    label: Array | None = None

    @property
    def z_dim(self) -> int:
        """Length of a latent code."""
        return self.module.z_dim

    @property
    def num_styles(self) -> int:
        """Style vectors of a style-based generator; 0 for others."""
        return getattr(self.module, "num_styles", 0)

    @property
    def num_classes(self) -> int:
        """Classes to choose from; 0 for a generator without, or one that is held to a class."""
        return getattr(self.module, "num_classes", 0) if self.label is None else 0

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return self.module.resolution

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
        raise ValueError(
            f"layer {layer} is out of range: {prior.name or 'this prior'} can be cut at layers {lowest} to {highest}."
        )
    return layer


def run_layers(
    prior: Prior,
    x: Array | None,
    start: int = 0,
    stop: int | None = None,
    remat: bool = False,
    styles: Array | None = None,
    noise: Noise = "const",
) -> Array:
    """Run layers ``[start, stop)`` on one code or one feature map, with prepared weights where the prior has them.

    ``x`` is cast to the dtype of the weights, which is that of the result.

    Args:
        prior: the generator.
        x: one code for ``start=0`` (None where styles are given), else features of layer ``start``.
        start: first layer to run.
        stop: layer to stop before; None runs to the image.
        remat: wrap each resolution block in ``jax.checkpoint``: its activations are recomputed in the backward pass.
        styles: ``[num_styles, w_dim]`` of a style-based generator; None maps the code (of an unconditional one).
        noise: of a style-based generator.
    """
    dtype = jax.tree.leaves(prior.params)[0].dtype
    if prior.num_styles and styles is None:
        if start or x is None:
            raise ValueError(f"layer {start} of {prior.name or 'this prior'} needs styles: give those of the codes.")
        styles = map_code(prior, x)
    x, styles, maps = jax.tree.map(
        lambda leaf: leaf.astype(dtype), (x, styles, None if isinstance(noise, str) else noise)
    )

    def run(prior: Prior, x: Any, styles: Any, maps: Any, start: int, stop: int) -> Array:
        more = () if styles is None else (styles, noise if maps is None else maps)
        return prior.module.apply({"params": prior.params}, x, start, stop, prior.weights, *more)

    stop = prior.num_layers if stop is None else stop
    if not remat:
        return run(prior, x, styles, maps, start, stop)
    for first, last in _blocks(prior, start, stop):
        x = jax.checkpoint(run, static_argnums=(4, 5))(prior, x, styles, maps, first, last)
    assert x is not None
    return x


def check_label(prior: Prior, label: Any) -> None:
    """Raise ``ValueError`` unless a label is given exactly where the generator is conditional."""
    name = prior.name or "this prior"
    if label is None and prior.num_classes:
        raise ValueError(f"{name} is conditional: give a label, a class from 0 to {prior.num_classes - 1}.")
    if label is not None and not prior.num_classes:
        raise ValueError(f"{name} has no classes: leave label=None.")


def map_code(prior: Prior, z: Array, label: Array | None = None) -> Array:
    """Styles ``[num_styles, w_dim]`` of one code of a style-based generator, without truncation.

    Args:
        prior: the generator.
        z: ``[z_dim]``.
        label: ``[num_classes]``, for a conditional generator.

    Raises:
        ValueError: no label for a conditional generator, or one for another.
    """
    check_label(prior, label)
    dtype, label = jax.tree.leaves(prior.params)[0].dtype, prior.label if label is None else label
    z, label = jax.tree.map(lambda leaf: leaf.astype(dtype), (z, label))
    return prior.module.apply({"params": prior.params}, z, label, prior.weights, method="map")


def _blocks(prior: Prior, start: int, stop: int) -> list[tuple[int, int]]:
    """Split ``[start, stop)`` where the size of the feature map changes."""
    sizes = [prior.module.feature_shape(layer + 1)[0] for layer in range(start, stop)]
    cuts = [start + i for i in range(1, len(sizes)) if sizes[i] != sizes[i - 1]]
    return list(zip([start, *cuts], [*cuts, stop], strict=True)) if start < stop else []


@jax.jit
def prepare(prior: Prior) -> Prior:
    """Scale and prepare the weights once, so that a loop does not repeat it.

    Returns:
        the prior with :attr:`Prior.weights` set. They follow ``params`` no longer: prepare again after changing these.
    """
    return dataclasses.replace(prior, weights=prior.module.apply({"params": prior.params}, method="prepare"))


def astype(prior: Prior, dtype: Any) -> Prior:
    """Cast the weights to a floating dtype; images and features are computed in it.

    Args:
        prior: any prior; the result is not prepared.
        dtype: ``"float32"``, ``"bfloat16"``, ...
    """
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), prior.params)
    return dataclasses.replace(prior, params=params, weights=None)
