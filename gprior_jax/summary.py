"""Settings and weights in words: what a run writes down about itself, and tells another run by.

:func:`summarise` turns whatever a recipe is made of into JSON; arrays and functions become fingerprints, so that two
settings that give other results never read the same.
"""

import dataclasses
import functools
import hashlib
import json
import sys
from collections.abc import Mapping
from importlib import metadata
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from gprior_jax._version import __version__
from gprior_jax.errors import ArgumentError
from gprior_jax.typing import PyTree

_DIGITS = 16


def fingerprint(tree: PyTree) -> str:
    """Hexadecimal digest of all arrays in a pytree: their order, dtypes, shapes and numbers.

    >>> fingerprint({"a": np.zeros(2)}) == fingerprint({"a": np.zeros(2)}) != fingerprint({"a": np.ones(2)})
    True
    """
    total = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        array = np.asarray(leaf)
        total.update(f"{array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:_DIGITS]


def summarise(value: Any) -> Any:
    """A value as JSON that is the same for equal values only, in every process.

    What has a method ``summary`` says it itself; dataclasses and named tuples are told by their fields, functions by
    their name and, where that leaves something open (a lambda, a closure), by what they hold.

    >>> summarise({"rate": 0.1, "layers": ("a", "b"), "of": summarise})
    {'rate': 0.1, 'layers': ['a', 'b'], 'of': 'gprior_jax.summary.summarise'}
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "summary") and not isinstance(value, type):
        return value.summary()
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return value.item() if value.ndim == 0 else {"shape": list(value.shape), "sha256": fingerprint(value)}
    if isinstance(value, Mapping):
        return {str(name): summarise(item) for name, item in value.items()}
    if isinstance(value, functools.partial):
        return {"partial": summarise(value.func), "of": summarise(value.args)} | summarise(value.keywords)
    if fields_of(value) or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
        return summarise_fields(value, kind=type(value).__name__)
    if isinstance(value, tuple | list):
        return [summarise(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))  # In an order of its own, as Python's changes from process to process.
    if isinstance(value, type | FunctionType | BuiltinFunctionType):
        return _named(value)
    if isinstance(value, MethodType):
        return {"method": _named(value.__func__), "of": summarise(value.__self__)}
    # Anything else by its arrays, or by what it has (an object that is called); a module or a lock has nothing to tell.
    arrays = [leaf for leaf in jax.tree.leaves(value) if isinstance(leaf, np.ndarray | np.generic | jax.Array)]
    if arrays:
        return {"kind": _named(type(value)), "sha256": fingerprint(arrays)}
    if isinstance(value, bytes | complex | slice | range):
        return repr(value)
    return {"kind": _named(type(value))} | (
        summarise(vars(value)) if callable(value) and hasattr(value, "__dict__") else {}
    )


class Fields(dict[str, Any]):
    """What :func:`summarise_fields` tells of a thing; as JSON an object like any other.

    Attributes:
        at_default: names of those that have the value that they have where nothing is said.
    """

    def __init__(self, told: Mapping[str, Any], at_default: frozenset[str]):
        super().__init__(told)
        self.at_default = at_default


def summarise_fields(value: Any, **head: str) -> Fields:
    """The fields of a dataclass or named tuple as JSON, after what comes first.

    >>> @dataclasses.dataclass
    ... class Codes:
    ...     number: int
    ...     average: bool = False
    >>> told = summarise_fields(Codes(3), kind="Codes")
    >>> told, sorted(told.at_default)
    ({'kind': 'Codes', 'number': 3, 'average': False}, ['average'])
    """
    told = {name: summarise(own) for name, own in fields_of(value).items()}
    defaults = {name: summarise(own) for name, own in _defaults_of(value).items() if name in told}
    return Fields(head | told, frozenset(name for name, own in defaults.items() if _is_same(told[name], own)))


def _defaults_of(value: Any) -> dict[str, Any]:
    """Values of fields where nothing is said."""
    if isinstance(value, tuple):
        return getattr(value, "_field_defaults", {})
    missing = dataclasses.MISSING
    found = {f.name: f.default for f in dataclasses.fields(value) if f.default is not missing}
    made = {f.name: f.default_factory for f in dataclasses.fields(value)}
    return found | {name: make() for name, make in made.items() if make is not missing}


def _is_same(one: Any, other: Any) -> bool:
    """Whether settings are the same, as text: in that 1, 1.0 and true differ, as results may."""
    return json.dumps(one) == json.dumps(other)


def saves_memory(default: Any) -> Any:
    """A field of a dataclass that says how something is computed and not what: it is no part of a summary.

    >>> @dataclasses.dataclass
    ... class Codes:
    ...     number: int
    ...     remat: bool = saves_memory(False)
    >>> summarise(Codes(3, True))
    {'kind': 'Codes', 'number': 3}
    """
    return dataclasses.field(default=default, metadata={_DECIDES: False})


_DECIDES = "decides"


def fields_of(value: Any) -> dict[str, Any]:
    """Fields that decide results, of a dataclass (without those that Linen adds to its modules) or a named tuple.

    Empty for others.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        added = ("parent", "name") if isinstance(value, nn.Module) else ()
        kept = [field for field in dataclasses.fields(value) if field.metadata.get(_DECIDES, True)]
        return {field.name: getattr(value, field.name) for field in kept if field.name not in added}
    as_dict = getattr(value, "_asdict", None) if isinstance(value, tuple) else None
    return {} if as_dict is None else as_dict()


def versions() -> dict[str, str]:
    """Versions of this package and of what its numbers depend on."""
    packages = ("jax", "jaxlib", "flax", "optax", "numpy")
    return {"gprior-jax": __version__} | {name: metadata.version(name) for name in packages}


def check_same(found: Mapping[str, Any], wanted: Mapping[str, Any], holds: str, remedy: str) -> None:
    """Make sure that what is there was made with the settings that are wanted.

    A field that has come since what is there was made is the same where it has its default, which must therefore do
    what was done before.

    Args:
        found: settings of what is there, JSON.
        wanted: those of now, as :func:`summarise` tells them.
        holds: who holds it, the start of the sentence.
        remedy: its end.

    Raises:
        ArgumentError: they differ; only what differs is named.

    >>> check_same({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}}, "x holds a run", "give another x")
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: x holds a run with another b.c (2 there, 3 now): give another x.
    """
    there, now = flatten(found), flatten(json.loads(json.dumps(wanted)))
    defaults = _at_default(wanted)

    def same(name: str) -> bool:
        if name in there and name in now:
            return _is_same(there[name], now[name])
        return name in now and any(f"{name}.".startswith(f"{default}.") for default in defaults)

    names = _without_what_follows([name for name in dict.fromkeys([*there, *now]) if not same(name)])
    if names:
        told = ", ".join(f"{name} ({there.get(name)} there, {now.get(name)} now)" for name in names[:_TOLD])
        more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
        raise ArgumentError(f"{holds} with another {told}{more}: {remedy}.")


def _at_default(value: Any, name: str = "") -> list[str]:
    """Names, as :func:`flatten` gives them, of fields at their defaults."""
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, tuple | list) else ()
    defaults = value.at_default if isinstance(value, Fields) else frozenset()
    found = []
    for key, inner in parts:
        own = f"{name}.{key}" if name else str(key)
        found += [own] if key in defaults else _at_default(inner, own)
    return found


def _without_what_follows(names: list[str]) -> list[str]:
    """Differences without those inside of something that is another thing altogether, by its name or its kind.

    >>> _without_what_follows(["recipe.name", "recipe.solver.num_steps", "crop"])
    ['recipe.name', 'crop']
    """
    heads = {name.rpartition(".")[0] + ".": name for name in names if name.endswith(_THINGS)}
    return [name for name in names if not any(name.startswith(of) and name != head for of, head in heads.items())]


_THINGS = (".name", ".kind")
"""Last parts of settings that say what the others beside them belong to."""

_TOLD = 4
"""Differences that are told; more are counted."""


def flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Nested objects, and lists of them, as one with dotted names.

    >>> flatten({"a": 1, "b": {"c": [1, 2]}})
    {'a': 1, 'b.c': [1, 2]}
    """
    if isinstance(value, Mapping) and value:
        parts = [flatten(inner, f"{name}.{key}" if name else str(key)) for key, inner in value.items()]
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        parts = [flatten(inner, f"{name}.{index}") for index, inner in enumerate(value)]
    else:
        return {name: value}
    return {key: inner for part in parts for key, inner in part.items()}


_telling: list[Any] = []
"""Functions that are being told: one that holds itself is not told again."""


def _named(function: Any) -> str:
    """Dotted name of a function or class; with a digest of its code and what it holds where the name leaves it open."""
    own = getattr(function, "__qualname__", type(function).__name__)
    package = function.__module__.partition(".")[0]
    # What a package offers under its own name may lie elsewhere in another version.
    public = getattr(sys.modules.get(package), own, None) is function
    name = f"{package if public else function.__module__}.{own}"
    is_open = isinstance(function, FunctionType) and ("<" in name or function.__closure__)
    if not is_open or any(function is each for each in _telling):
        return name
    _telling.append(function)
    try:
        held = [summarise(_content(cell)) for cell in function.__closure__ or ()]
        read = {n: v for n, v in function.__globals__.items() if n in function.__code__.co_names}
        numbers = {n: v for n, v in read.items() if isinstance(v, bool | int | float | str | tuple)}
        defaults = summarise((function.__defaults__, function.__kwdefaults__))
        text = f"{_code(function.__code__)} {defaults} {held} {summarise(numbers)}"
    finally:
        _telling.pop()
    return f"{name}#{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"


def _content(cell: CellType) -> Any:
    """What a closure holds; None where that is not set."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _code(code: CodeType) -> str:
    """Instructions and constants, without places in files and in memory."""
    constants = [_code(each) if isinstance(each, CodeType) else summarise(each) for each in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"
