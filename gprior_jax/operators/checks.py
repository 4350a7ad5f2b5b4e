"""Classes that check their numbers when they are given, and that JAX takes apart and puts together again."""

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar, cast

import jax

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
