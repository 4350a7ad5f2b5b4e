"""Numbers checked when they are given, on classes that JAX takes apart and puts together again."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import jax
import numpy as np
from jax.core import Tracer

from gprior_jax.errors import ArgumentError

T = TypeVar("T")


def checked_pytree(cls: type[T]) -> type[T]:
    """Register a frozen dataclass as a pytree, all fields leaves, that is rebuilt without ``__post_init__``.

    ``flax.struct.dataclass`` rebuilds through the constructor, which must then take whatever a transformation puts in
    the place of numbers (axes, gradients, placeholders); here the constructor may check its numbers.
    """
    names = [field.name for field in dataclasses.fields(cast(Any, cls))]

    def children(tree: T) -> tuple[list[tuple[Any, Any]], None]:
        return [(jax.tree_util.GetAttrKey(name), getattr(tree, name)) for name in names], None

    def rebuild(_: None, leaves: Iterable[Any]) -> T:
        tree = object.__new__(cls)
        for name, leaf in zip(names, leaves, strict=True):
            object.__setattr__(tree, name, leaf)
        return tree

    jax.tree_util.register_pytree_with_keys(cls, children, rebuild)
    return cls


def check_number(name: str, value: Any, is_valid: Callable[[np.ndarray], np.ndarray], wanted: str) -> None:
    """Raise ``ValueError`` unless a value, or every entry of an array, is finite and valid; a traced one passes.

    >>> check_number("sigma", -1.0, lambda x: x >= 0, "a number from 0 up")
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: sigma must be a number from 0 up, got -1.0.
    """
    if isinstance(value, Tracer):
        return
    numbers = np.asarray(value)
    is_number = np.issubdtype(numbers.dtype, np.number)
    if not is_number or not (np.isfinite(numbers) & is_valid(numbers)).all():
        raise ArgumentError(f"{name} must be {wanted}, got {value}.")
