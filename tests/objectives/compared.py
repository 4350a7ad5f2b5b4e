"""Two images, and the value of a term between them; a helper of the tests in this folder."""

from typing import Any

import jax
from batteries import normal

from gprior_jax.objectives import Observation, Term

A, B = normal(1, 16, 16, 3) * 0.5, normal(2, 16, 16, 3) * 0.5


@jax.jit
def _value(term: Any, image: Any, observation: Observation) -> Any:
    return term.loss(image, image, term.target(observation), {})


def value(term: Term, image: Any, pixels: Any, operator: Any = None) -> float:
    """What a term says of an image whose observation equals it, beside the pixels that were observed; one program."""
    return float(_value(term, image, Observation(pixels, operator)))
