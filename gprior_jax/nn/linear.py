"""Linear maps of images whose transposes are written out.

JAX derives the transpose of a sum of shifted arrays as a sum of arrays that are padded where the slices were, each of
which XLA writes down first: of a filter that takes two to five times as long as the filter, whose transpose is such a
filter again. Here either of two maps is the derivative of the other, to any order and in any direction.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from gprior_jax.typing import Array

Linear = Callable[..., Array]


class Pair(NamedTuple):
    """A linear map of images and its transpose.

    Attributes:
        there: x ``[B, ...]`` to y ``[B, ...]``, and static keywords.
        back: dy ``[B, ...]`` to dx ``[B, ...]``, and the same keywords.
    """

    there: Linear
    back: Linear


def transposes(name: str, pair: Pair) -> Pair:
    """A linear map and its transpose, each the derivative of the other.

    Args:
        name: of the map, as printed programs have it.
        pair: in terms of JAX; their keywords are hashable.

    Returns:
        The same functions; they can be jitted, vmapped and differentiated.

    >>> twice = transposes("twice", Pair(lambda x: 2 * x, lambda dy: 2 * dy)).there
    >>> jax.grad(lambda x: twice(x).sum())(jnp.ones((1, 2))).tolist()
    [[2.0, 2.0]]
    """
    there, back = (Primitive(f"{name}_{part}") for part in Pair._fields)
    for primitive, function, other in ((there, pair.there, back), (back, pair.back, there)):
        _define(primitive, function, other)
    return Pair(there.bind, back.bind)


def _define(primitive: Primitive, function: Linear, other: Primitive) -> None:
    """Values, shapes and lowering are those of the function; its transpose is the other one."""

    @functools.cache
    def compiled(keywords: tuple[tuple[str, Any], ...]) -> Linear:
        return jax.jit(functools.partial(function, **dict(keywords)))

    @functools.cache
    def shape(keywords: tuple[tuple[str, Any], ...], x: jax.ShapeDtypeStruct) -> tuple[int, ...]:
        return jax.eval_shape(functools.partial(function, **dict(keywords)), x).shape

    def shaped(x: Any, **keywords: Any) -> ShapedArray:
        return ShapedArray(shape(tuple(keywords.items()), jax.ShapeDtypeStruct(x.shape, x.dtype)), x.dtype)

    def batched(args: tuple, axes: tuple, **keywords: Any) -> tuple[Array, int]:
        x = jnp.moveaxis(args[0], axes[0], 0)
        out = primitive.bind(x.reshape(-1, *x.shape[2:]), **keywords)
        return out.reshape(*x.shape[:2], *out.shape[1:]), 0

    primitive.def_impl(lambda x, **keywords: compiled(tuple(keywords.items()))(x))
    primitive.def_abstract_eval(shaped)
    mlir.register_lowering(primitive, mlir.lower_fun(function, multiple_results=False))
    ad.deflinear2(primitive, lambda ct, x, **keywords: [other.bind(ct, **keywords)])
    batching.primitive_batchers[primitive] = batched
