"""In-domain inversion (Zhu et al. 2020, arXiv:2004.00049); constants of idinvert_pytorch."""

import dataclasses

import optax

from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import WhitenedStyles, WPlus
from gprior_jax.objectives import Encoded, Network, Perceptual, Pixel, Term
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.recipes.common import LBFGS, PerceptualChoice, Preset, check_preset, check_weight, weighed
from gprior_jax.recipes.method import Method

OPTIMIZER = Optimizer(optax.adam, 0.01)
STEPS = 100
ENCODER_WEIGHT = 2.0
FEATURE_WEIGHT = 5e-5
"""``invert.py`` (argparse defaults): Adam of rate 0.01, 100 steps, ``--loss_weight_enc`` and ``--loss_weight_feat``,
the last on features of Keras's VGG-16."""

FAST_ENCODER_WEIGHT = 0.02
"""Of the bundled prior, whose w are of another scale: four decibels above the published weight, and still at a quarter
of the distance that W+ ends at (``benchmarks/RESULTS.md``)."""


def in_domain(
    *,
    preset: Preset = "fast",
    num_steps: int | None = None,
    perceptual: PerceptualChoice = "preset",
    perceptual_weight: float | None = None,
    encoder_weight: float | None = None,
    tolerance: float = 0.0,
    remat: bool = False,
) -> Recipe:
    """In-domain inversion: from an encoder's code, and held near what the encoder makes of the image that it draws.

    For priors with an encoder whose codes are styles of every layer.

    Args:
        preset: ``"official"``: Adam of rate 0.01, 100 steps. ``"fast"``: L-BFGS.
        num_steps: None takes 100.
        perceptual: Keras's VGG-16 is published (:func:`gprior_jax.zoo.load_perceptual` of idinvert's ``vgg16.pth``);
            see :func:`gprior_jax.recipes.mganprior` for others.
        perceptual_weight: of the mean squared difference of its features; None is 5e-5 for Keras's VGG-16, 1 for
            another network.
        encoder_weight: of the mean squared difference of the code and the encoder's; None is the published 2, and 0.02
            for ``"fast"``. At 0 the encoder is where it starts, and no more.
        tolerance: relative improvement over 50 steps below which an image stops.
        remat: recompute activations in the backward pass, to save memory.

    Raises:
        ValueError: an unknown preset, or numbers out of range.

    >>> [term.name for term in in_domain(perceptual=None).terms]
    ['pixel_mse', 'encoder']
    """
    check_preset(preset)
    official = preset == "official"
    terms: list[Term] = [Pixel(1.0)]
    network, weight = weighed(perceptual, perceptual_weight, float(official))
    if network is not None:
        keras = is_keras_vgg16(network)
        chosen = FEATURE_WEIGHT if keras and perceptual_weight is None else weight
        terms.append(Perceptual(network, check_weight(chosen), "mse" if keras else "l1"))
    own = ENCODER_WEIGHT if official else FAST_ENCODER_WEIGHT
    pull = own if encoder_weight is None else check_weight(encoder_weight, "encoder")
    if pull:
        terms.append(Encoded(weight=pull))
    solver = SolverConfig(OPTIMIZER if official else LBFGS, STEPS if num_steps is None else num_steps, tolerance)
    found = Recipe(f"in_domain-{preset}", WPlus(remat=remat), tuple(terms), solver, encoder="default")
    return found if official else dataclasses.replace(found, coordinates=WhitenedStyles())


def is_keras_vgg16(network: Network | None) -> bool:
    """Whether a network is VGG-16 with Keras's weights."""
    return (
        isinstance(network, PerceptualNetwork)
        and isinstance(network.module, VGG16)
        and network.module.inputs == "keras"
    )


ROWS = (Method("in_domain", "in-domain inversion: a w for every layer, from an encoder and near it", in_domain),)
