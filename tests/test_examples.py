"""Everything public shows in an example how it is called and what comes of it; the examples run as doctests."""

import doctest
import functools
import importlib
import inspect
import typing
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import gprior_jax


def is_result(thing: Any) -> bool:
    return inspect.isclass(thing) and issubclass(thing, tuple) and hasattr(thing, "_fields")


def is_protocol(thing: Any) -> bool:
    return inspect.isclass(thing) and getattr(thing, "_is_protocol", False)


WITHOUT: dict[Callable[[Any], bool], str] = {
    is_result: "fields that a function gives or takes: the function's example shows them",
    is_protocol: "a contract: docs/extending.md keeps each in an example that runs",
    typing.is_typeddict: "keyword arguments of functions, which show them",
}
"""Kinds that need no example, and why."""

NAMED = {
    "gprior_jax.zoo.hub.fetch_folder": "it wants a network",
    "gprior_jax.zoo.hub.push": "it wants a network, and an account",
}
"""Those that need none by themselves."""


def exported(module: ModuleType) -> list[str]:
    """Names that a module exports, by a redundant alias or, where it is no package, by its definition."""
    source = inspect.getsource(module)
    names = [name for name in vars(module) if not name.startswith("_")]
    own = [name for name in names if f" {name} as {name}\n" in source]
    if hasattr(module, "__path__"):
        return own
    return [*own, *(name for name in names if getattr(vars(module)[name], "__module__", "") == module.__name__)]


@functools.cache
def public() -> dict[str, Any]:
    """All functions and classes that are public, each by its shortest name."""
    found: dict[str, Any] = {}
    waiting, seen = [gprior_jax], set()
    while waiting:
        module = waiting.pop(0)
        for name in exported(module):
            thing = vars(module)[name]
            if inspect.ismodule(thing):
                waiting += [thing] if thing.__name__ not in {each.__name__ for each in waiting} else []
            elif callable(thing) and inspect.unwrap(thing) not in seen and typing.get_origin(thing) is None:
                seen.add(inspect.unwrap(thing))
                found[f"{module.__name__}.{name}"] = thing
    return found


def docstrings(thing: Any) -> list[str]:
    """Its own, and of a class those of its methods and properties."""
    own = [inspect.getdoc(thing)]
    if inspect.isclass(thing):
        kinds = (property, classmethod, staticmethod, functools.cached_property)
        methods = [value for value in vars(thing).values() if inspect.isfunction(value) or isinstance(value, kinds)]
        own += [getattr(value, "__doc__", None) for value in methods]
    return [text for text in own if text]


def needs_none(name: str) -> bool:
    return name in NAMED or any(is_kind(public()[name]) for is_kind in WITHOUT)


def test_all_that_is_public_is_looked_at():
    assert len(public()) > 250
    assert {"gprior_jax.invert", "gprior_jax.tasks.upscale", "gprior_jax.metrics.explain.parts_of"} <= public().keys()
    assert NAMED.keys() <= public().keys()
    for is_kind in WITHOUT:
        assert any(is_kind(thing) for thing in public().values())


@pytest.mark.parametrize("name", [name for name in public() if not needs_none(name)])
def test_it_has_an_example_that_shows_what_comes_out(name):
    texts = docstrings(public()[name])
    examples = [example for text in texts for example in doctest.DocTestParser().get_examples(text)]
    assert examples, f"{name} has no example in its docstring"
    assert any(example.want for example in examples), f"the example of {name} does not show what comes out"


@pytest.mark.parametrize("name", [name for name in public() if not needs_none(name)])
def test_its_examples_are_found_by_pytest(name):
    """They are collected by modules: what is public is of a module of the package, where it is defined."""
    thing = inspect.unwrap(public()[name])
    module = importlib.import_module(thing.__module__)
    assert module.__name__.startswith("gprior_jax.")
    assert inspect.unwrap(getattr(module, thing.__name__)) is thing
