"""What is wrong with the words of a command line, in one sentence; what is right with them, tyro makes of them."""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args, get_origin

from gprior_jax.cli.described import Flag, flags
from gprior_jax.errors import ArgumentError


class _Given(NamedTuple):
    """A flag of a command line with what follows it, or a word that belongs to none."""

    flag: Flag | None
    values: list[str]


def check_words(kind: type, words: Sequence[str]) -> None:
    """Check that a command has the flags that are given, with values of their types, and that none is missing.

    Args:
        kind: the command's dataclass.
        words: what follows its name.

    Raises:
        ArgumentError: one is wrong, and what would be right.

    >>> from gprior_jax.cli.models import Models
    >>> check_words(Models, ["--jsom"])
    Traceback (most recent call last):
    ...
    gprior_jax.errors.ArgumentError: there is no flag --jsom here: did you mean --json?
    """
    known = list(flags(kind))
    given = list(_given({flag.name: flag for flag in known if not flag.positional}, words))
    for flag, values in given:
        _check_not_empty(flag, values)
        if flag is not None:
            _check_values(flag, values)
    loose = [values[0] for flag, values in given if flag is None]
    places = [flag for flag in known if flag.positional]
    if len(loose) > len(places) and all(flag.number for flag in places):
        raise ArgumentError(f"{loose[len(places)]!r} is one word too many: leave it out.")
    named = {flag.name for flag, _ in given if flag is not None}
    missing = [flag for flag in known if not flag.positional and flag.needed and flag.name not in named]
    missing += [flag for flag in places[len(loose) :] if flag.number and flag.needed]
    if missing:
        raise ArgumentError("; ".join(f"{flag.usage} is needed: {flag.told.rstrip('.')}" for flag in missing) + ".")


def as_flags(kind: type, told: str) -> str:
    """What the library says of an argument, with the name of its flag.

    >>> from gprior_jax.cli.invert import Invert
    >>> as_flags(Invert, "save_every 0.0: use a number above 0.")
    '--save-every 0.0: use a number above 0.'
    >>> as_flags(Invert, "start='mean': a code z starts from a 'random' one.")
    "--start mean: a code z starts from a 'random' one."
    """
    plain = re.sub(r"^(\w+)=('?)([^':]*)\2: ", r"\1 \3: ", told)
    name, _, rest = plain.partition(" ")
    if re.match(r"must |\S+: ", rest):
        return next((f"{flag.name} {rest}" for flag in flags(kind) if flag.field == name and not flag.positional), told)
    return told


def _given(by_name: dict[str, Flag], words: Sequence[str]) -> Iterator[_Given]:
    """The words of a command line, taken apart."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not re.match(r"--|-[A-Za-z]", word):  # A number may be below 0.
            yield _Given(None, [word])
            continue
        name, equals, value = word.partition("=")
        flag = by_name.get(name.replace("_", "-"))
        if flag is None:
            near = difflib.get_close_matches(name, by_name, n=1, cutoff=0.7)
            remedy = f"did you mean {near[0]}?" if near else "--help lists those there are."
            raise ArgumentError(f"there is no flag {name} here: {remedy}")
        values = [value] if equals else []
        most = len(rest) if flag.number is None else flag.number
        while rest and len(values) < most and not rest[0].startswith("--"):
            values.append(rest.pop(0))
        yield _Given(flag, values)


def _check_not_empty(flag: Flag | None, values: list[str]) -> None:
    """No flag takes an empty word; as a path it would be the folder that one is in, and be searched or written to."""
    if "" in values:
        where = f" after {flag.name}" if flag else ""
        raise ArgumentError(f"a word{where} is empty: is a variable of the shell not set?")


def _check_values(flag: Flag, values: list[str]) -> None:
    if flag.number is not None and len(values) != flag.number:
        wants = {0: "takes no value", 1: "needs a value"}.get(flag.number, f"takes {flag.number} values")
        raise ArgumentError(" ".join([flag.name, *values]) + f": it {wants}, {flag.usage}.")
    for value in values:
        if get_origin(flag.kind) is Literal:
            _check_choice(flag, value, [str(word) for word in get_args(flag.kind)])
        elif flag.kind in (int, float):
            try:
                flag.kind(value)
            except ValueError:
                number = "a whole number" if flag.kind is int else "a number"
                raise ArgumentError(f"{flag.name} {value}: give {number}.") from None


def _check_choice(flag: Flag, value: str, choices: list[str]) -> None:
    if value not in choices:
        near = difflib.get_close_matches(value, choices, n=1)
        *first, last = choices
        remedy = f"did you mean {near[0]}?" if near else f"use {', '.join(first)}{' or ' if first else ''}{last}."
        raise ArgumentError(f"{flag.name} {value}: {remedy}")
