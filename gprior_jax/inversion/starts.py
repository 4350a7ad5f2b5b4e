"""Whether images start from an encoder that nobody asked for: the one place that decides it."""

from typing import NamedTuple

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.generators.prior import Prior
from gprior_jax.latents import Parametrization, Variables
from gprior_jax.operators import Blur, Forward, Identity


class Asked(NamedTuple):
    """What is asked for with images, as far as it decides where they start.

    Attributes:
        samples: answers for every image; restarts come on top.
        as_they_are: they were observed as such, through no operator.
        are_blurred: through a blur.
        are_given: variables to start from come with them, of the caller or of an earlier stage.
    """

    samples: int = 1
    as_they_are: bool = True
    are_blurred: bool = False
    are_given: bool = False


ONE_ANSWER = Asked()
"""For every image, which was observed as it is."""


def asked_with(samples: int | None, operator: Forward | None, init: Variables | None = None) -> Asked:
    """What is asked for with images.

    Args:
        samples: as of :func:`gprior_jax.invert`, likewise the others.
        operator: that images went through.
        init: variables to start from.

    >>> import gprior_jax as gp
    >>> asked_with(None, gp.operators.Luma())
    Asked(samples=1, as_they_are=False, are_blurred=False, are_given=False)
    """
    as_they_are = operator is None or isinstance(operator, Identity)
    return Asked(samples or 1, as_they_are, isinstance(operator, Blur), bool(init))


def own_encoder(parametrization: Parametrization, prior: Prior, restarts: int, asked: Asked) -> Encoder | None:
    """The encoder that images start from where a recipe leaves that to the prior; None starts without.

    That is the one of the prior that the parametrisation starts at (:attr:`Parametrization.starts_at`), of images that
    were observed as they are. From one of several codes blurred images start too: it was measured that they gain
    (``benchmarks/RESULTS.md``). But every answer is the same there, and its codes are those whose metric steps are
    measured by: it is none where answers are to differ, nor where codes are given.

    Args:
        parametrization: fitted to the prior.
        prior: the generator.
        restarts: of the recipe.
        asked: what is asked for.
    """
    encoder = parametrization.encoder_of(prior)
    if encoder is None or encoder.module.space not in parametrization.starts_at:
        return None
    suits = asked.as_they_are
    if encoder.module.space == "codes":
        suits = (suits or asked.are_blurred) and asked.samples * restarts == 1 and not asked.are_given
    return encoder if suits else None
