"""The flags of a command, read from its dataclass: how each is written, what it takes, and what it is."""

import dataclasses
import functools
import inspect
import operator
import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from tyro import conf


class Flag(NamedTuple):
    """A flag, or what is given without one.

    Attributes:
        field: name of the field.
        name: ``--size``; of what is given without a flag the word that stands for it, ``INPUTS``.
        takes: what stands for its values: ``N``, ``fast|official``; of a switch nothing.
        told: what it is, with its default.
        needed: whether a command must have it.
        own: whether the command's class declares it itself, and does not share it with others.
        group: what the settings that it is one of are, where they are a dataclass of their own.
        kind: type of one value, None of a switch.
        number: how many values follow it; None where these are any number.
    """

    field: str
    name: str
    takes: str
    told: str
    needed: bool
    own: bool
    group: str
    kind: Any
    number: int | None

    @property
    def positional(self) -> bool:
        """Whether it is given without a flag."""
        return not self.name.startswith("-")

    @property
    def usage(self) -> str:
        """How it is written: ``--size N``, ``INPUTS...``."""
        return f"{self.name}{'' if self.positional else ' '}{self.takes}".strip()


def documented(kind: type) -> dict[str, str]:
    """What the docstrings of a class and of those that it is made from say of its fields.

    >>> from gprior_jax.cli.flags import JsonFlag
    >>> documented(JsonFlag)
    {'json': 'print the results as JSON on standard output.'}
    """
    found: dict[str, str] = {}
    for own in reversed(kind.__mro__):
        text = (inspect.getdoc(own) or "").partition("Attributes:\n")[2] if "__doc__" in vars(own) else ""
        for name, words in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", text, re.MULTILINE):
            found[name] = " ".join(words.split()).replace("``", "")
    return found


def flags(kind: type, group: str = "") -> Iterator[Flag]:
    """The flags of a command.

    Args:
        kind: its dataclass; a field that is a dataclass itself stands for its own fields.
        group: what these settings are together.
    """
    texts, hints = documented(kind), get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        hint, marks = _unwrapped(hints[field.name])
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            yield from flags(hint, texts.get(field.name, "").removesuffix("."))
        elif field.init:
            own = field.name in vars(kind).get("__annotations__", {})
            yield _flag(field, hint, marks, texts.get(field.name, ""), own)._replace(group=group)


_TOLD_TO_TYRO = ("name", "metavar", "help", "help_behavior_hint")
_POSITIONAL = get_args(conf.Positional[int])[1]
"""The mark of a field that is given without a flag."""


def _flag(field: Any, hint: Any, marks: tuple[Any, ...], text: str, own: bool) -> Flag:
    given = {name: value for mark in marks for name in _TOLD_TO_TYRO if (value := getattr(mark, name, None))}
    word = given.get("name", field.name.replace("_", "-"))
    default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    text, needed = given.get("help", text), default is dataclasses.MISSING
    kind, number = _values(hint)
    takes = given.get("metavar") or _taken(hint, word)
    name = f"--{word}"
    if hint is bool:
        kind, number, takes = None, 0, ""
        name, text = (f"--no-{word}", f"turns off: {text}") if default is True else (name, text)
    elif any(mark is _POSITIONAL for mark in marks):
        name, takes = word.upper().replace("-", "_"), "..." if number is None else ""
        needed = needed or number is None
    told = f"{text} {_hint(default, given)}".strip()
    return Flag(field.name, name, takes, told, needed, own, "", kind, number)


def _unwrapped(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without its marks and without None, and the marks."""
    marks: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *more = get_args(hint)
        marks = tuple(more)
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        if len(kinds) == 1:
            inner, more = _unwrapped(kinds[0])
            return inner, marks + more
        return functools.reduce(operator.or_, kinds), marks
    return hint, marks


def _values(hint: Any) -> tuple[Any, int | None]:
    """Type of one value of a flag, and how many it takes."""
    if get_origin(hint) is not tuple:
        return hint, 1
    inner = get_args(hint)
    return inner[0], None if inner[-1] is Ellipsis else len(inner)


def _taken(hint: Any, word: str) -> str:
    """What stands for the values of a flag."""
    kind, number = _values(hint)
    if get_origin(kind) is Literal:
        one = "|".join(map(str, get_args(kind)))
    elif get_origin(kind) in (Union, UnionType):
        one = "|".join(_taken(inner, word) for inner in get_args(kind))
    else:
        one = {int: "N", float: "X", Path: "PATH"}.get(kind, word.upper().replace("-", "_"))
    return f"{one}..." if number is None else " ".join([one] * number)


def _hint(default: Any, given: dict[str, Any]) -> str:
    """What follows the text: the default, where it says something."""
    values = default if isinstance(default, tuple) else (default,)
    shown = " ".join(f"{value:.10g}" if isinstance(value, float) else str(value) for value in values)
    if made := given.get("help_behavior_hint"):
        return str(made(shown) if callable(made) else made)
    untold = default is dataclasses.MISSING or default is None or isinstance(default, bool) or not shown
    return "" if untold else f"(default: {shown})"
