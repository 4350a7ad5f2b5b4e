"""What recipes share: presets, and how features are compared."""

import dataclasses
import math
from typing import Any, Literal

import optax

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.objectives import Network, Perceptual, Pixel, Term
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.perceptual.trunk import Trunk

Preset = Literal["official", "fast"]
OFFICIAL_OPTIMIZER = Optimizer(optax.sgd, 1.0)
OFFICIAL_STEPS = 3000
"""mGANprior, ``multi_code_inversion.py`` and ``inversion.py`` (argparse defaults): plain gradient descent of rate 1."""

PERCEPTUAL_SIDE = 256
"""Side that larger images are reduced to before networks that were trained on photographs (stylegan2-ada-pytorch
``projector.py``; Image2StyleGAN likewise)."""


def check_preset(preset: str) -> None:
    """Raise ``ValueError`` for an unknown preset."""
    if preset not in ("official", "fast"):
        raise ArgumentError(f"preset {preset!r}: use 'official' or 'fast'.")


def check_weight(weight: float, what: str = "perceptual") -> float:
    """Return a weight if it is a finite number from 0 up."""
    if not 0.0 <= weight < math.inf:
        raise ArgumentError(f"{what} weight {weight}: use a number from 0 up.")
    return weight


LBFGS = Optimizer(optax.lbfgs, 1.0, options=(("memory_size", 20), ("linesearch", None)))
"""Its unit step, without a line search: from the mean of styles it descends as it is (``benchmarks/RESULTS.md``)."""

PerceptualChoice = Network | Literal["preset"] | None
"""What a recipe takes: ``"preset"`` is the prior's discriminator where the preset weighs it, and nothing where not."""


def weighed(network: PerceptualChoice, weight: float | None, preset: float) -> tuple[Network | None, float]:
    """The network of a perceptual term, and its weight: the preset's where nobody says, or 1 for one that is named.

    >>> weighed("preset", None, 0.0), weighed("default", None, 0.0), weighed("preset", 0.5, 0.0)
    ((None, 0.0), ('default', 1.0), ('default', 0.5))
    """
    if weight is None:
        weight = preset or float(network not in ("preset", "auto", None))
    chosen: Network | None = "default" if network == "preset" else network
    return (chosen, check_weight(weight)) if weight else (None, 0.0)


def compared(network: Network, weight: float, masked: bool = True) -> Perceptual:
    """Features as mGANprior compares them: their mean absolute difference, or LPIPS."""
    # LPIPS is a sum of squares; mGANprior compares features by their absolute difference.
    return Perceptual(network, check_weight(weight), "mse" if isinstance(network, LPIPS) else "l1", masked)


def is_trained_on_photographs(network: Any) -> bool:
    """Whether a network is a classifier or LPIPS, not a discriminator."""
    return isinstance(network, LPIPS) or (isinstance(network, PerceptualNetwork) and isinstance(network.module, Trunk))


def squared(network: Network, weight: float, layers: tuple[str, ...] | None = None, masked: bool = True) -> Perceptual:
    """Features as the methods for StyleGAN compare them: the sum over layers of the mean squared difference.

    Args:
        network: LPIPS gives the published distance of the projector. A classifier (VGG-16) compares ``layers`` at the
            image's own size, or at :data:`PERCEPTUAL_SIDE` where it is larger; a discriminator takes the mean over all
            its layers.
        weight: factor in the total.
        layers: of a classifier; None takes those that the network was loaded with.
        masked: see :class:`gprior_jax.objectives.Perceptual`.
    """
    photographs = is_trained_on_photographs(network)
    if photographs and isinstance(network, PerceptualNetwork):
        network = dataclasses.replace(network, layers=layers or network.layers, size=None, scale=1.0)
    side = PERCEPTUAL_SIDE if photographs else None
    return Perceptual(network, check_weight(weight), "mse", masked, side)


def pixels_and_features(
    pixel_weight: float | None,
    network: Network | None,
    weight: float,
    layers: tuple[str, ...] | None = None,
    masked: bool = True,
) -> tuple[Term, ...]:
    """The mean squared difference of pixels, where it has a weight, and :func:`squared` features, where there are any.

    Args:
        pixel_weight: None is 0 beside a network that was trained on photographs, else 1: a discriminator tells colours
            and brightness badly.
        network: None compares pixels only.
        weight: of the features.
        layers: see :func:`squared`.
        masked: whether means are taken over what is known alone.

    Raises:
        ValueError: weights out of range, or nothing left to compare.

    >>> [term.name for term in pixels_and_features(None, "default", 1.0)]
    ['pixel_mse', 'perceptual']
    """
    if pixel_weight is None:
        pixel_weight = 0.0 if is_trained_on_photographs(network) else 1.0
    terms: list[Term] = [Pixel(pixel_weight, masked=masked)] if check_weight(pixel_weight, "pixel") else []
    if network is not None and weight:
        terms.append(squared(network, weight, layers, masked))
    if not terms:
        raise ArgumentError("nothing is compared: give a pixel weight above 0, or a perceptual network.")
    return tuple(terms)
