"""Bilinear maps of images and a kernel whose gradients are formulations of our own.

A convolution ``y = forward(x, k)`` is bilinear, and so are its two gradients: that of the images, ``dx = images(dy,
k)``, and that of the kernel, ``dk = kernel(x, dy)``. Each is the transpose of the others, so that the three are closed
under differentiation of any order and direction. JAX derives the gradients from what it is given for one image; here
each is a primitive that always sees the whole batch, and can be computed in the way that is fastest for a batch.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

from gprior_jax.typing import Array

Bilinear = Callable[..., Array]


class Maps(NamedTuple):
    """A bilinear map and its two gradients: functions of two arrays and of the same static keywords.

    Attributes:
        forward: x ``[B, ...]`` and k to y ``[B, ...]``.
        images: dy ``[B, ...]`` and k to dx ``[B, ...]``.
        kernel: x ``[B, ...]`` and dy ``[B, ...]`` to dk.
    """

    forward: Bilinear
    images: Bilinear
    kernel: Bilinear


def closed(name: str, maps: Maps) -> Maps:
    """A bilinear map and its gradients, each differentiated by the others, to any order.

    Args:
        name: of the map, as printed programs have it.
        maps: in terms of JAX, linear in either array; their keywords are hashable.

    Returns:
        The same functions; they can be jitted, vmapped and differentiated.

    >>> import jax.numpy as jnp
    >>> dot = closed("dot", Maps(lambda x, k: x @ k, lambda dy, k: dy @ k.T, lambda x, dy: x.T @ dy)).forward
    >>> jax.grad(lambda k: dot(jnp.ones((2, 3)), k).sum())(jnp.ones((3, 1))).ravel().tolist()
    [2.0, 2.0, 2.0]
    """
    forward, images, kernel = (Primitive(f"{name}_{part}") for part in Maps._fields)
    for primitive, function in zip((forward, images, kernel), maps, strict=True):
        _define(primitive, function)
        batching.primitive_batchers[primitive] = functools.partial(
            _batched, primitive, function, primitive is not kernel
        )
    # Transposes in the first and in the second argument; the other one and the cotangent are given.
    _transpose(forward, lambda ct, k: (images, ct, k), lambda ct, x: (kernel, x, ct))
    _transpose(images, lambda ct, k: (forward, ct, k), lambda ct, dy: (kernel, ct, dy))
    _transpose(kernel, lambda ct, dy: (images, dy, ct), lambda ct, x: (forward, x, ct))
    return Maps(forward.bind, images.bind, kernel.bind)


def _define(primitive: Primitive, function: Bilinear) -> None:
    """Values, shapes and lowering are those of the function, which is traced once for arrays of one kind."""

    @functools.cache
    def compiled(keywords: tuple[tuple[str, Any], ...]) -> Bilinear:
        return jax.jit(functools.partial(function, **dict(keywords)))

    @functools.cache
    def traced(settings: Any, keywords: tuple[tuple[str, Any], ...], *args: jax.ShapeDtypeStruct) -> Any:
        return jax.make_jaxpr(functools.partial(function, **dict(keywords)))(*args)

    def of(x: Any, y: Any, keywords: dict[str, Any]) -> Any:
        like = (jax.ShapeDtypeStruct(each.shape, each.dtype) for each in (x, y))
        return traced(_settings(), tuple(keywords.items()), *like)

    def shaped(x: Any, y: Any, **keywords: Any) -> ShapedArray:
        (out,) = of(x, y, keywords).out_avals
        return ShapedArray(out.shape, out.dtype)

    def again(x: Array, y: Array, **keywords: Any) -> Array:
        return jaxpr_as_fun(of(x, y, keywords))(x, y)[0]

    primitive.def_impl(lambda x, y, **keywords: compiled(tuple(keywords.items()))(x, y))
    primitive.def_abstract_eval(shaped)
    mlir.register_lowering(primitive, mlir.lower_fun(again, multiple_results=False))


def _settings() -> tuple[Any, ...]:
    """What a trace depends on beside arrays: a precision, for one, is written into it."""
    precision = jax.config.values["jax_default_matmul_precision"]
    return jax.sharding.get_abstract_mesh(), precision, jax.config.values["jax_enable_x64"]


def _transpose(primitive: Primitive, first: Callable, second: Callable) -> None:
    def rule(choose: Callable, cotangent: Any, other: Any, keywords: dict[str, Any]) -> Any:
        target, x, y = choose(cotangent, other)
        return target.bind(x, y, **keywords)

    ad.defbilinear(
        primitive,
        lambda ct, x, y, **keywords: rule(first, ct, y, keywords),
        lambda ct, x, y, **keywords: rule(second, ct, x, keywords),
    )


def _batched(
    primitive: Primitive, function: Bilinear, of_images: bool, args: tuple, axes: tuple, **keywords: Any
) -> tuple[Array, int]:
    """Images with one kernel for all become one batch; anything else is what JAX makes of the function."""
    x, y = args
    if not of_images or axes[1] is not None:
        return jax.vmap(functools.partial(function, **keywords), axes)(x, y), 0
    x = jnp.moveaxis(x, axes[0], 0)
    out = primitive.bind(x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), y, **keywords)
    return out.reshape(*x.shape[:2], *out.shape[1:]), 0
