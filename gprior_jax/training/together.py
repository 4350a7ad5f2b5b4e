"""Several steps of training in one program.

XLA:CPU takes the temporaries of a program anew from the system in every call, which fills their pages with zeros: of a
StyleGAN2 of 64 px, a tenth of a step. Steps that follow each other in one program share them. How many is known when
they are taken, so that one program serves for any number up to those that it has room for.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from gprior_jax.training.gan_config import GANConfig
from gprior_jax.typing import Array

S = TypeVar("S")
Step = Callable[[Array, S, Any], tuple[S, dict[str, Array]]]
"""Number of the step, the state and what the step is given, to the next state and named scalars."""

_MOST = 4
"""Steps of one program: with four, pages cost a quarter of what they did."""

_MOST_BYTES = 16 << 20
"""Real images that wait for their step on every device."""


def room(config: GANConfig) -> int:
    """Steps that one program has room for; 1 where programs keep their memory, on accelerators.

    >>> from gprior_jax.training.config import StyleGAN2Config
    >>> room(StyleGAN2Config(resolution=64)) if jax.default_backend() == "cpu" else 4
    4
    """
    if jax.default_backend() != "cpu":
        return 1
    batch = config.batch_size * config.resolution**2 * config.image_channels * jnp.float32.dtype.itemsize
    return max(1, min(_MOST, _MOST_BYTES // batch))


def one_by_one(config: GANConfig, seen: int = 0) -> int:
    """1: the ``most_together`` and ``together`` of a trainer whose steps are programs of their own."""
    return 1


def in_turn(one: Step[S], state: S, number: Array, given: Any, terms: tuple[str, ...]) -> tuple[S, dict[str, Array]]:
    """Take steps in turn.

    Args:
        one: a step.
        state: before the first.
        number: of steps, int32 scalar.
        given: what they are given, ``[N, ...]``, of which the first ``number`` count.
        terms: names of the scalars of a step, float32.

    Returns:
        The last state, and the scalars ``[N]``, zeros where no step was taken.
    """
    most = len(jax.tree.leaves(given)[0])
    if most == 1:  # No loop for a compiler to look through.
        state, told = one(jnp.int32(0), state, jax.tree.map(lambda x: x[0], given))
        return state, {name: value[None] for name, value in told.items()}

    def body(step: Array, carried: tuple[S, dict[str, Array]]) -> tuple[S, dict[str, Array]]:
        state, told = carried
        own = jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, step, keepdims=False), given)
        state, found = one(step, state, own)
        return state, {name: told[name].at[step].set(value) for name, value in found.items()}

    return jax.lax.fori_loop(0, number, body, (state, dict.fromkeys(terms, jnp.zeros(most))))
