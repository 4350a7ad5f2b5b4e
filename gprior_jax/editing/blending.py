"""Edits kept to a region: in the features of a layer, and in the image."""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.editing.local import copy_activations
from gprior_jax.editing.points import Variables
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.noise import Noise
from gprior_jax.generators.prior import Prior, check_layer
from gprior_jax.generators.running import run_layers
from gprior_jax.images import arrays as im
from gprior_jax.inversion.batching import in_batches
from gprior_jax.latents import MultiCode, Parametrization, WPlus, Z
from gprior_jax.latents.styled import NOISE, noise_maps
from gprior_jax.tasks.finishing import feathered
from gprior_jax.typing import Array, ArrayLike


def soft_region(edited: ArrayLike, width: int) -> np.ndarray:
    """The part of the edit at every pixel: 1 in a region, falling to 0 over some pixels around it.

    Args:
        edited: ``[R, R, 1]``, 1 where the edit is to be, 0 elsewhere; between, that part of it.
        width: of the band, pixels; 0 leaves the region as it is.

    >>> soft_region(np.array([[[1.0], [0.0], [0.0], [0.0]]]), 1).ravel().tolist()
    [1.0, 0.5, 0.0, 0.0]
    """
    if width < 0:
        raise ArgumentError(f"a band of {width} pixels: use 0 or more.")
    return np.asarray(feathered(jnp.asarray(edited, jnp.float32), width))


def check_composable(prior: Prior, parametrization: Parametrization | None, layer: int, name: str) -> None:
    """Raise ``ValueError`` unless images of a kind can be composed of features at a layer.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin")
    >>> check_composable(prior, None, 4, "mine")  # Nothing is wrong with it.
    >>> try:
    ...     check_composable(prior, gp.latents.MultiCode(2, 4), 6, "mine")
    ... except ValueError as error:
    ...     print(error)
    mine holds codes that are composed at layer 4: compose its edit there, too.
    """
    if isinstance(parametrization, MultiCode):
        if layer != parametrization.layer:
            raise ArgumentError(
                f"{name} holds codes that are composed at layer {parametrization.layer}: compose its edit there, too."
            )
        if parametrization.later_styles != "mean":
            raise ArgumentError(f"{name} has later styles of its own, which are not composed: blend in the image.")
    elif not (parametrization is None or isinstance(parametrization, WPlus | Z)):
        raise ArgumentError(
            f"{name} holds the variables of {type(parametrization).__name__}, whose features are not composed: blend "
            "in the image."
        )
    check_layer(prior, layer, lowest=1, highest=prior.num_layers - 1)


def composed_images(
    prior: Prior,
    own: Variables,
    edited: Variables,
    parametrization: Parametrization | None,
    layer: int,
    share: ArrayLike,
    *,
    noise: Literal["const", "none"] = "const",
    batch_size: int = 8,
) -> np.ndarray:
    """Images of one point at several strengths, edited in a region of the features of a layer; on the host.

    Features after the first ``layer`` layers are the edited ones in the region and the point's own elsewhere; the later
    layers take the point's own styles, so that they treat all of the image alike.

    Args:
        prior: the generator.
        own: variables of the point, without an axis.
        edited: ``[S, ...]`` each.
        parametrization: of an inversion; None of a plain code ``z`` or ``w_plus``.
        layer: 1 to the number of layers less one; of several codes, that they are composed at.
        share: ``[R, R, 1]``, 1 in the region; reduced by area.
        noise: of plain codes.
        batch_size: images at once.

    Returns:
        ``[S, R, R, C]`` float32.

    >>> import gprior_jax as gp
    >>> prior, left = gp.load("builtin"), np.zeros((64, 64, 1), np.float32)
    >>> left[:, :32] = 1
    >>> own, edited = {"z": np.zeros(128, np.float32)}, {"z": np.ones((2, 128), np.float32)}
    >>> images = composed_images(prior, own, edited, None, 4, left)
    >>> images.shape
    (2, 64, 64, 3)
    """
    count = len(next(iter(edited.values())))
    kept = {name: np.repeat(value[None], count, 0) for name, value in own.items()}
    compose = partial(_composed, parametrization, layer, noise, prior)
    shares = np.repeat(np.asarray(share, np.float32)[None], count, 0)
    return in_batches(compose, min(batch_size, count), kept, edited, shares).astype(np.float32)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _composed(
    parametrization: Parametrization | None,
    layer: int,
    noise: Literal["const", "none"],
    prior: Prior,
    own: dict[str, Array],
    edited: dict[str, Array],
    share: Array,
) -> Array:
    def one(own: dict[str, Array], edited: dict[str, Array], share: Array) -> Array:
        held = with_label(prior, own["label"]) if "label" in own else prior
        if "w_plus" in own:
            maps: Noise = noise
            if isinstance(parametrization, WPlus):
                maps = noise_maps(own) if f"{NOISE}0" in own else _stored(parametrization)
            return copy_activations(held, own["w_plus"], edited["w_plus"], layer, share, noise=maps, source_noise=maps)
        if isinstance(parametrization, MultiCode):
            kept, changed = (parametrization.compose(held, each) for each in (own, edited))
            styles = parametrization.features(held, own["codes"])[1] if held.num_styles else None
            return parametrization.from_composed(held, _mixed(kept, changed, share), styles)
        kept, changed = (run_layers(held, each["z"], stop=layer) for each in (own, edited))
        return run_layers(held, _mixed(kept, changed, share), start=layer)

    return jax.vmap(one)(own, edited, share)


def _stored(parametrization: WPlus) -> Noise:
    return "none" if parametrization.noise == "none" else "const"


def _mixed(kept: Array, changed: Array, share: Array) -> Array:
    area = im.resize(share, (kept.shape[0], kept.shape[1]), "area").astype(kept.dtype)
    return area * changed + (1.0 - area) * kept
