"""Floating-point operations of a traced program: those of its matrix products and convolutions.

XLA's own count, ``cost_analysis``, takes the body of a loop once, however often it runs.
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax

_PACKAGE = __name__.partition(".")[0]


def operations(jaxpr: Any) -> float:
    """Multiplications and additions of matrix products and convolutions, loops as often as they run.

    Of branches the one with most is counted, and loops whose number of turns the program does not tell are taken once.

    Args:
        jaxpr: of a program, closed or not.

    >>> import jax.numpy as jnp
    >>> def f(x):
    ...     return jax.lax.fori_loop(0, 3, lambda _, y: y @ x, x)
    >>> operations(jax.make_jaxpr(f)(jnp.ones((4, 4)))) == 3 * 2 * 4**3
    True
    """
    return sum(map(_of_equation, getattr(jaxpr, "jaxpr", jaxpr).eqns))


def _of_equation(equation: Any) -> float:
    name, given = equation.primitive.name, equation.params
    if name == "dot_general":
        (contracted, _), _ = given["dimension_numbers"]
        shape = equation.invars[0].aval.shape
        return 2.0 * equation.outvars[0].aval.size * math.prod(shape[axis] for axis in contracted)
    if name == "conv_general_dilated":
        return _of_convolution(equation)
    if getattr(equation.primitive.impl, "__module__", "").startswith(_PACKAGE):
        return operations(_stated(equation))
    inner = [operations(each) for each in _within(list(given.values()))]
    if name == "cond":
        return max(inner, default=0.0)
    if name == "shard_map":  # What each device does of the axes that are its own.
        return sum(inner) * math.prod(given["mesh"].shape[axis] for axis in given.get("newly_manual_axes", ()))
    return sum(inner) * (given["length"] if name == "scan" else 1)


def _of_convolution(equation: Any) -> float:
    """Of a convolution; the zeros between the rows of a transposed one cost nothing."""
    given, kernel = equation.params, equation.invars[1].aval.shape
    place = given["dimension_numbers"].rhs_spec[0]
    taps = math.prod(kernel) / kernel[place] / math.prod(given["lhs_dilation"])
    return 2.0 * equation.outvars[0].aval.size * taps


def _stated(equation: Any) -> Any:
    """What a primitive of this package (:mod:`gprior_jax.nn.bilinear`) is made of."""
    shapes = [jax.ShapeDtypeStruct(each.aval.shape, each.aval.dtype) for each in equation.invars]
    return jax.make_jaxpr(partial(equation.primitive.impl, **equation.params))(*shapes)


def _within(values: list[Any]) -> Iterator[Any]:
    """Programs among the parameters of an equation."""
    for value in values:
        if hasattr(value, "eqns") or hasattr(value, "jaxpr"):
            yield value
        elif isinstance(value, tuple | list):
            yield from _within(list(value))
