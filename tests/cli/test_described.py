"""Flags as they are described, against what tyro makes of the same dataclasses."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import tyro

from gprior_jax.cli.commands import COMMANDS, find_command
from gprior_jax.cli.described import Flag, flags
from gprior_jax.cli.words import check_words

CONFIG = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)


def given(flag: Flag) -> list[str]:
    """Words that give a flag, unlike its default where it has one."""
    word = get_args(flag.kind)[-1] if get_origin(flag.kind) is Literal else "7"
    values = [word] * (2 if flag.number is None else flag.number)
    return values if flag.positional else [flag.name, *values]


def all_fields(command: Any) -> dict[str, Any]:
    found = {}
    for field in dataclasses.fields(command):
        value = getattr(command, field.name)
        found |= all_fields(value) if dataclasses.is_dataclass(value) else {field.name: value}
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_all_flags_of_a_command_are_as_described(name):
    kind = COMMANDS[name].load()
    known = sorted(flags(kind), key=lambda flag: not flag.positional)
    words = [word for flag in known for word in given(flag)]
    check_words(kind, words)
    made = all_fields(tyro.cli(kind, args=words, config=CONFIG))
    assert made.keys() == {flag.field for flag in known}
    for flag in known:
        value = made[flag.field]
        values = value if isinstance(value, tuple) else (value,)
        if flag.kind in (int, float, str, Path):
            assert values == (flag.kind("7"),) * len(given(flag)[not flag.positional :]), flag.name
        elif flag.kind is None:
            assert value is (flag.name == "--" + flag.field.replace("_", "-")), flag.name


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_of_a_command_are_right(name):
    command = COMMANDS[name]
    assert any(example.startswith(f"gprior {name} ") or example == f"gprior {name}" for example in command.examples)
    for example in command.examples:
        found, rest = find_command(shlex.split(example)[1:])
        check_words(found.load(), rest)
        tyro.cli(found.load(), args=rest, config=CONFIG)
