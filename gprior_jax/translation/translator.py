"""A network that translates pictures, with its weights, and pictures of any size through it."""

import dataclasses
from functools import partial
from typing import Any, Literal, cast

import flax.struct
import jax.numpy as jnp
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError
from gprior_jax.images.arrays import check_range
from gprior_jax.nn.whole import Settings, Statistics
from gprior_jax.translation.bands import BAND_BYTES, Bands, Kept, Pixels
from gprior_jax.translation.network import TranslationNetwork
from gprior_jax.typing import Array, ArrayLike, Key, Params

MOST_WHOLE = 768 * 768
"""Pixels of a picture up to which it is run whole by default: 64 channels of it are 150 MB."""


@flax.struct.dataclass
class Translator:
    """A network that translates pictures, with its weights; a pytree.

    Attributes:
        params: weights as stored, nested dicts.
        module: the network (static).
        weights: prepared for use, see :func:`prepare_translator`; None until then.
        name: for reports (static).
        trained_size: side of the pictures that it was trained on, pixels, where that is known (static).

    >>> import gprior_jax as gp, jax.numpy as jnp
    >>> translator = gp.load_translator("builtin:colors")
    >>> str(translator), translator.channels
    ('builtin:colors', (1, 3))
    """

    params: Params
    module: TranslationNetwork = flax.struct.field(pytree_node=False)
    weights: Any = None
    name: str = flax.struct.field(pytree_node=False, default="")
    trained_size: int | None = flax.struct.field(pytree_node=False, default=None)

    def __str__(self) -> str:
        return self.name or "this translator"

    @property
    def channels(self) -> tuple[int, int]:
        """Of the pictures before and after: 1 gray, 3 RGB, 4 RGBA."""
        return self.module.channels


@partial(jit, use="once")
def prepare_translator(translator: Translator) -> Translator:
    """Prepare the weights once, so that pictures one after the other do not repeat it."""
    weights = translator.module.apply({"params": translator.params}, method="prepare")
    return dataclasses.replace(translator, weights=weights)


def translate(
    translator: Translator,
    image: ArrayLike,
    *,
    key: Key | None = None,
    statistics: Statistics = "own",
    run: Literal["auto", "whole", "bands"] = "auto",
    band_bytes: int = BAND_BYTES,
) -> Array | np.ndarray:
    """Translate one picture of any size.

    It is continued by reflection to sides that the network can halve, and cut back in the end.

    Args:
        translator: the network.
        image: ``[H, W, C]`` in [-1, 1], of as many channels as the network takes.
        key: of dropout, which pix2pix draws in its test too; None drops nothing.
        statistics: what batch norm normalises by: ``"own"``, those of the picture, as in pix2pix' test; ``"stored"``,
            the running ones, as with its ``--eval``. Instance norm takes the picture's own.
        run: in one piece (``"whole"``), or in bands of rows, in a part of the memory (``"bands"``), which gives the
            same up to rounding; ``"auto"`` takes bands beyond :data:`MOST_WHOLE` pixels.
        band_bytes: of a band of one map, about.

    Returns:
        ``[H, W, C]`` in [-1, 1].

    Raises:
        ArgumentError: a picture of other channels, too small, or with pixels of another range; stored statistics of a
            network that has none.

    >>> import jax
    >>> from gprior_jax.translation.resnet import ResNetTranslator
    >>> module = ResNetTranslator(width=2, blocks=1)
    >>> params = module.init(jax.random.key(0), jnp.zeros(module.input_shape), method="init_all")["params"]
    >>> translate(Translator(params, module), np.zeros((9, 14, 3), np.float32)).shape
    (9, 14, 3)
    """
    module = translator.module
    image = check_range(image, "the picture")
    check_picture(translator, image.shape, statistics)
    if run not in ("auto", "whole", "bands"):
        raise ArgumentError(f"run {run!r}: use 'auto', 'whole' or 'bands'.")
    height, width = image.shape[:2]
    wide = continued(image, module.multiple, module.smallest)
    whole = run == "whole" or (run == "auto" and wide.shape[0] * wide.shape[1] <= MOST_WHOLE)
    translator = translator if translator.weights is not None else prepare_translator(translator)
    key = key if module.has_dropout else None
    settings = Settings(statistics)
    if whole:
        return _whole(module, translator.weights, settings, jnp.asarray(wide), key)[:height, :width]
    plan = cast(dict, module.apply({"params": translator.params}, method="plan"))
    bands = Bands(plan, translator.weights, wide.shape[:2], settings, key, band_bytes)
    return bands.computed(module.run(bands, Pixels(None, (Kept(wide),))))[:height, :width]


@partial(jit, use="often", static_argnums=(0, 2))
def _whole(module: TranslationNetwork, weights: Any, settings: Settings, image: Array, key: Key | None) -> Array:
    return cast(Array, module.apply({}, image, settings, key, weights))


def check_picture(translator: Translator, shape: tuple[int, ...], statistics: Statistics = "own") -> None:
    """Raise :class:`ArgumentError` where a picture of a shape cannot be translated in this way."""
    channels, smallest = translator.channels[0], translator.module.smallest
    if len(shape) != 3 or shape[-1] != channels:
        what = {1: "gray ", 3: "RGB ", 4: "RGBA "}.get(channels, "")
        raise ArgumentError(
            f"{translator} takes {what}pictures [H, W, {channels}], not {list(shape)}: give one, of one picture at a "
            "time."
        )
    if min(shape[:2]) < _LEAST:
        raise ArgumentError(
            f"a picture of {shape[1]}x{shape[0]} pixels is too small: {translator} takes sides from {_LEAST} on, and "
            f"continues them to {smallest}."
        )
    if statistics not in ("own", "stored"):
        raise ArgumentError(f"statistics {statistics!r}: use 'own' or 'stored'.")
    if statistics == "stored" and not translator.module.has_running_statistics:
        raise ArgumentError(f"{translator} has no running statistics, which only batch norm has: use statistics 'own'.")


_LEAST = 2
"""Side of a picture that can be reflected."""


def continued(image: np.ndarray, multiple: int, smallest: int = 0) -> np.ndarray:
    """A picture continued downwards and to the right, by reflection, to sides that are multiples of a number.

    >>> continued(np.arange(3.0).reshape(1, 3, 1).repeat(3, 0), 4)[0, :, 0].tolist()
    [0.0, 1.0, 2.0, 1.0]
    """
    sides = [max(-(-side // multiple) * multiple, smallest) for side in image.shape[:2]]
    edges = [(0, after - before) for after, before in zip(sides, image.shape[:2], strict=True)]
    return np.pad(image, (*edges, (0, 0)), mode="reflect")
