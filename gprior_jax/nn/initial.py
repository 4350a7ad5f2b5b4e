"""How weights are drawn: normal numbers times a constant; those of a whole network at once, where that is asked for.

A network has some sixty arrays of its own. Drawn one by one in one program, the generator of random numbers is compiled
sixty times, which takes longer than anything else that a run does before its first step.
"""

import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.typing import Array, Key

T = TypeVar("T")

_Kind = Literal["normal", "truncated"]

_TRUNCATED = 2.0
"""Where truncated numbers end (``jax.nn.initializers``)."""

_TRUNCATED_DEVIATION = 0.87962566103423978
"""Standard deviation of normal numbers that end there (ibid.)."""


class _Drawn:
    """Numbers that were drawn at once; without any it counts what is asked for."""

    def __init__(self, numbers: dict[_Kind, Array] | None = None):
        self._numbers = numbers
        self.taken: dict[_Kind, int] = {"normal": 0, "truncated": 0}

    def take(self, kind: _Kind, shape: tuple[int, ...]) -> Array:
        """The next numbers of a kind."""
        first, count = self.taken[kind], math.prod(shape)
        self.taken[kind] = first + count
        if self._numbers is None:
            return jnp.zeros(shape)
        return jax.lax.slice_in_dim(self._numbers[kind], first, first + count).reshape(shape)


_drawn: ContextVar[_Drawn | None] = ContextVar("drawn", default=None)


def normal(deviation: float) -> nn.initializers.Initializer:
    """Normal numbers of a standard deviation, around 0."""
    return lambda key, shape, dtype=jnp.float32: _numbers("normal", key, shape, dtype) * jnp.asarray(deviation, dtype)


def he_normal() -> nn.initializers.Initializer:
    """Truncated normal numbers of the deviation sqrt(2 / inputs) (He et al. 2015), for kernels ``[..., I, O]``."""

    def draw(key: Key, shape: Any, dtype: Any = jnp.float32) -> Array:
        deviation = math.sqrt(2.0 / math.prod(shape[:-1])) / _TRUNCATED_DEVIATION
        return _numbers("truncated", key, shape, dtype) * jnp.asarray(deviation, dtype)

    return draw


def _numbers(kind: _Kind, key: Key, shape: Any, dtype: Any) -> Array:
    held = _drawn.get()
    return _draw(kind, key, shape, dtype) if held is None else held.take(kind, tuple(shape)).astype(dtype)


def _draw(kind: _Kind, key: Key, shape: Any, dtype: Any = jnp.float32) -> Array:
    if kind == "truncated":
        return jax.random.truncated_normal(key, -_TRUNCATED, _TRUNCATED, shape, dtype)
    return jax.random.normal(key, shape, dtype)


def at_once(init: Callable[[Key], T], key: Key) -> T:
    """``init(key)``, in which all that :func:`normal` and :func:`he_normal` draw are parts of one draw of each kind.

    Args:
        init: draws weights; it is traced twice.
        key: what it is given, and what the numbers are drawn with.

    >>> both = at_once(lambda key: [normal(1.0)(key, (2,)), normal(1.0)(key, (2,))], jax.random.key(0))
    >>> bool((jnp.concatenate(both) == jax.random.normal(jax.random.split(jax.random.key(0))[0], (4,))).all())
    True
    """
    counted = _within(_Drawn(), lambda: jax.eval_shape(init, key))
    keys: dict[_Kind, Key] = dict(zip(("normal", "truncated"), jax.random.split(key), strict=True))
    numbers: dict[_Kind, Array] = {
        kind: _draw(kind, keys[kind], (count,)) for kind, count in counted.taken.items() if count
    }
    found: list[T] = []
    _within(_Drawn(numbers), lambda: found.append(init(key)))
    return found[0]


def _within(drawn: _Drawn, do: Callable[[], Any]) -> _Drawn:
    token = _drawn.set(drawn)
    try:
        do()
    finally:
        _drawn.reset(token)
    return drawn
