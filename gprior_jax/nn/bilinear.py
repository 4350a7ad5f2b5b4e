"""Bilinear maps of images and a kernel whose gradients are formulations of our own.

A convolution ``y = forward(x, k)`` is bilinear, and so are its two gradients: that of the images, ``dx = images(dy,
k)``, and that of the kernel, ``dk = kernel(x, dy)``. Each is the transpose of the others, so that the three are closed
under differentiation of any order and direction. JAX derives the gradients from what it is given for one image; here
each is a primitive that always sees the whole batch, and can be computed in the way that is fastest for a batch.

A kernel may come in several arrays: parts of one array would be copied in every call, as XLA:CPU has no views.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

from gprior_jax.typing import Array

Kernel = Array | tuple[Array, ...]
"""An array, or several."""


class Maps(NamedTuple):
    """A bilinear map and its two gradients: functions of two arguments and of the same static keywords.

    Attributes:
        forward: x ``[B, ...]`` and k to y ``[B, ...]``.
        images: dy ``[B, ...]`` and k to dx ``[B, ...]``.
        kernel: x ``[B, ...]`` and dy ``[B, ...]`` to dk, which has as many arrays as k.
    """

    forward: Callable[..., Array]
    images: Callable[..., Array]
    kernel: Callable[..., Any]


def closed(name: str, maps: Maps) -> Maps:
    """A bilinear map and its gradients, each differentiated by the others, to any order.

    Args:
        name: of the map, as printed programs have it.
        maps: in terms of JAX, linear in either argument; their keywords are hashable.

    Returns:
        The same functions; they can be jitted, vmapped and differentiated.

    >>> import jax.numpy as jnp
    >>> dot = closed("dot", Maps(lambda x, k: x @ k, lambda dy, k: dy @ k.T, lambda x, dy: x.T @ dy)).forward
    >>> jax.grad(lambda k: dot(jnp.ones((2, 3)), k).sum())(jnp.ones((3, 1))).ravel().tolist()
    [2.0, 2.0, 2.0]
    """
    forward, images, kernel = (Primitive(f"{name}_{part}") for part in Maps._fields)
    kernel.multiple_results = True
    for primitive, function in zip((forward, images, kernel), maps, strict=True):
        flat = _of_arrays(function, primitive is kernel)
        _define(primitive, flat)
        batching.primitive_batchers[primitive] = functools.partial(_batched, primitive, flat)
        ad.primitive_jvps[primitive] = functools.partial(_tangent, primitive)

    def turned(dy: Any, ct: Any, **keywords: Any) -> list[Array]:
        return kernel.bind(ct, dy, **keywords)  # What ``images`` gives is x.

    ad.primitive_transposes[forward] = functools.partial(_transposed, images, kernel.bind)
    ad.primitive_transposes[images] = functools.partial(_transposed, forward, turned)
    ad.primitive_transposes[kernel] = functools.partial(_kernel_transposed, forward, images)
    return Maps(_with_kernel(forward), _with_kernel(images), lambda x, dy, **kw: _joined(kernel.bind(x, dy, **kw)))


def _joined(arrays: Sequence[Array]) -> Kernel:
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


def _parted(kernel: Kernel) -> tuple[Array, ...]:
    return kernel if isinstance(kernel, tuple) else (kernel,)


def _with_kernel(primitive: Primitive) -> Callable[..., Array]:
    return lambda x, k, **keywords: primitive.bind(x, *_parted(k), **keywords)


def _of_arrays(function: Callable[..., Any], gives_kernel: bool) -> Callable[..., Any]:
    """A map as its primitive has it: of arrays; the one that gives a kernel gives a list of them."""
    if gives_kernel:
        return lambda x, dy, **keywords: list(_parted(function(x, dy, **keywords)))
    return lambda x, *k, **keywords: function(x, _joined(k), **keywords)


def _define(primitive: Primitive, function: Callable[..., Any]) -> None:
    """Values, shapes and lowering are those of the function, which is traced once for arrays of one kind."""
    several = primitive.multiple_results

    @functools.cache
    def compiled(keywords: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
        return jax.jit(functools.partial(function, **dict(keywords)))

    @functools.cache
    def traced(settings: Any, keywords: tuple[tuple[str, Any], ...], *args: jax.ShapeDtypeStruct) -> Any:
        return jax.make_jaxpr(functools.partial(function, **dict(keywords)))(*args)

    def of(args: Sequence[Any], keywords: dict[str, Any]) -> Any:
        like = (jax.ShapeDtypeStruct(each.shape, each.dtype) for each in args)
        return traced(_settings(), tuple(keywords.items()), *like)

    def shaped(*args: Any, **keywords: Any) -> Any:
        found = [ShapedArray(out.shape, out.dtype) for out in of(args, keywords).out_avals]
        return found if several else found[0]

    def again(*args: Array, **keywords: Any) -> Any:
        found = jaxpr_as_fun(of(args, keywords))(*args)
        return found if several else found[0]

    primitive.def_impl(lambda *args, **keywords: compiled(tuple(keywords.items()))(*args))
    primitive.def_abstract_eval(shaped)
    mlir.register_lowering(primitive, mlir.lower_fun(again, multiple_results=several))


def _settings() -> tuple[Any, ...]:
    """What a trace depends on beside arrays: a precision, for one, is written into it."""
    precision = jax.config.values["jax_default_matmul_precision"]
    return jax.sharding.get_abstract_mesh(), precision, jax.config.values["jax_enable_x64"]


def _tangent(primitive: Primitive, primals: Sequence[Any], tangents: Sequence[Any], **keywords: Any) -> tuple[Any, Any]:
    """The product rule: the change of the first argument and that of the second, all of whose arrays change at once."""
    (x, *k), (dx, *dk) = primals, tangents
    changes = []
    if not isinstance(dx, ad.Zero):
        changes.append(primitive.bind(dx, *k, **keywords))
    if not all(isinstance(each, ad.Zero) for each in dk):
        changes.append(primitive.bind(x, *map(ad.instantiate_zeros, dk), **keywords))
    return primitive.bind(x, *k, **keywords), jax.tree.map(lambda *each: functools.reduce(jnp.add, each), *changes)


def _transposed(images: Primitive, kernel: Callable[..., Sequence[Array]], ct: Any, x: Any, *k: Any, **keywords: Any):
    """Cotangents of a map of images and a kernel, by the one of them that it is linear in."""
    if ad.is_undefined_primal(x):
        return images.bind(ct, *k, **keywords), *(None for _ in k)
    # Where only some arrays of a kernel change, the others' changes are zeros that are known.
    found = kernel(x, ct, **keywords)
    return None, *(own if ad.is_undefined_primal(each) else None for own, each in zip(found, k, strict=True))


def _kernel_transposed(forward: Primitive, images: Primitive, ct: Sequence[Any], x: Any, dy: Any, **keywords: Any):
    """Cotangents of the map that gives a kernel."""
    ct = [ad.instantiate_zeros(each) for each in ct]
    if ad.is_undefined_primal(x):
        return images.bind(dy, *ct, **keywords), None
    return None, forward.bind(x, *ct, **keywords)


def _batched(
    primitive: Primitive, function: Callable[..., Any], args: Sequence[Any], axes: Sequence[Any], **keywords: Any
) -> tuple[Any, Any]:
    """Images with one kernel for all become one batch; anything else is what JAX makes of the function."""
    if primitive.multiple_results or any(axis is not None for axis in axes[1:]):
        out = jax.vmap(functools.partial(function, **keywords), tuple(axes))(*args)
        return out, jax.tree.map(lambda _: 0, out)
    x = jnp.moveaxis(args[0], axes[0], 0)
    out = primitive.bind(x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), *args[1:], **keywords)
    return out.reshape(*x.shape[:2], *out.shape[1:]), 0
