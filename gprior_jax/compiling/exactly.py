"""A text for what a program is made of beside its numbers, the same in every process, and another for anything else."""

import dataclasses
import enum
import functools
import importlib
from types import BuiltinFunctionType, FunctionType
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from gprior_jax.typing import PyTree

PACKAGES = ("builtins", "flax", "gprior_jax", "jax", "numpy", "optax")
"""Packages whose functions and classes their name and the packages' versions stand for."""


class UnknownError(Exception):
    """Something that no text can stand for: a lambda, a closure, code of the user's own."""


def structure_text(tree: PyTree) -> str:
    """The structure of a pytree with everything static in it, and what its arrays look like.

    Raises:
        UnknownError: it holds something that cannot be told.

    >>> structure_text({"a": np.zeros(3, np.float32)})
    "builtins.dict['a'](*) float32 (3,) host"
    """
    leaves, structure = jax.tree.flatten(tree)
    return " ".join([_tree_text(structure), *map(_leaf_text, leaves)])


def text_of(value: Any) -> str:
    """A value that is no array.

    Raises:
        UnknownError: see :func:`structure_text`.

    >>> text_of((1, 1.0, True, "1"))
    "builtins.tuple(1 1.0 True '1')"
    """
    if value is None or (
        isinstance(value, bool | int | float | complex | str | bytes) and type(value).__module__ == "builtins"
    ):
        return repr(value)
    if isinstance(value, type | FunctionType | BuiltinFunctionType):
        return _name(value)
    if isinstance(value, functools.partial):
        return f"partial({text_of(value.func)} {text_of(value.args)} {text_of(value.keywords)})"
    kind = _name(type(value))
    if isinstance(value, enum.Enum):
        return f"{kind}.{value.name}"
    if isinstance(value, jax.sharding.AbstractMesh):
        return repr(value)  # Shape, names and types of its axes; which devices these are the arrays tell.
    if isinstance(value, np.dtype):
        return f"{kind}({value.str})"
    if dataclasses.is_dataclass(value):
        # Linen adds two fields that a module on its own has no use for.
        added = ("parent", "name") if isinstance(value, nn.Module) else ()
        names = [field.name for field in dataclasses.fields(value) if field.name not in added]
        return f"{kind}({' '.join(f'{name}={text_of(getattr(value, name))}' for name in names)})"
    if isinstance(value, dict):
        return f"{kind}({' '.join(f'{text_of(name)}:{text_of(item)}' for name, item in value.items())})"
    if isinstance(value, tuple | list):
        return f"{kind}({' '.join(map(text_of, value))})"
    return _name(value)  # What JAX offers in place of functions.


def _name(value: Any) -> str:
    """The dotted name of something that a package offers under it."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module.partition(".")[0] not in PACKAGES:
        raise UnknownError(repr(value))
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if value is not found and value is not getattr(
        found, "__wrapped__", None
    ):  # What is jitted is found in its wrapper.
        raise UnknownError(repr(value))
    return f"{module}.{name}"


def _tree_text(structure: Any) -> str:
    if (node := structure.node_data()) is None:
        return "*"
    kind, static = node
    if kind is type(None):
        return "None"
    held = f"[{' '.join(map(text_of, static)) if isinstance(static, list) else text_of(static)}]" if static else ""
    return f"{_name(kind)}{held}({' '.join(map(_tree_text, structure.children()))})"


def _leaf_text(leaf: Any) -> str:
    # What stands for an array that is still to come is told as that will be.
    if not isinstance(leaf, jax.Array | jax.ShapeDtypeStruct):
        array = np.asarray(leaf)
        weak = "" if isinstance(leaf, np.ndarray | np.generic) else " weak"
        return f"{array.dtype} {array.shape} host{weak}"
    devices = sorted(device.id for device in leaf.sharding.device_set)
    weak = " weak" if getattr(leaf, "weak_type", False) else ""
    return f"{leaf.dtype} {leaf.shape} {leaf.sharding} of {devices}{weak}"
