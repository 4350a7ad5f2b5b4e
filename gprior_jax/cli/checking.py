"""What holds of the flags of all commands: what each is called, and which numbers it takes."""

import dataclasses
from typing import Any

from gprior_jax.checks import check_fields
from gprior_jax.errors import ArgumentError
from gprior_jax.images.masks import Gray
from gprior_jax.keys import check_seed

FLAGS = {"num_codes": "codes", "num_steps": "steps", "value_range": "range"}
"""Flags of arguments that are called something else there."""


def flag_of(name: str) -> str:
    """The flag of an argument.

    >>> flag_of("num_codes"), flag_of("codes_per_call")
    ('--codes', '--codes-per-call')
    """
    return f"--{FLAGS.get(name, name.replace('_', '-'))}"


def values(command: Any, *names: str) -> dict[str, Any]:
    """Some flags of a command as a dict."""
    return {name: getattr(command, name) for name in names}


MOST = 2**31 - 1
"""The largest whole number that a flag takes: JAX counts with 32 bits."""


def check_numbers(command: Any) -> None:
    """Check what holds of the numbers of all commands: finite, whole ones of 32 bits, seeds that JAX tells apart.

    Raises:
        ArgumentError: one is not; the message names its flag.
    """
    check_fields(command, flag_of)
    for field in dataclasses.fields(command):
        value = getattr(command, field.name)
        if dataclasses.is_dataclass(value):
            check_numbers(value)
        elif field.name == "seed":
            check_seed(value, "--seed")
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int) and abs(number) > MOST and field.name != "seed":
                raise ArgumentError(f"{flag_of(field.name)} {number}: use at most {MOST}.")


def check_positive(command: Any, *names: str) -> None:
    """Check that numbers of things are at least 1.

    Raises:
        ArgumentError: one is not; the message names its flag.
    """
    for name in names:
        value = getattr(command, name)
        if value is not None and value < 1:
            raise ArgumentError(f"{flag_of(name)} {value}: use at least 1.")


def mask_gray(threshold: float | None, soft: bool) -> Gray:
    """What gray values of masks mean, of ``--threshold`` and ``--soft-mask``.

    Raises:
        ArgumentError: both are given, or the threshold is no part of white.
    """
    if threshold is not None and not 0 < threshold <= 1:
        raise ArgumentError(f"--threshold {threshold}: use a part of white, above 0 and up to 1.")
    if threshold is not None and soft:
        raise ArgumentError("--threshold makes black and white of gray, --soft-mask keeps it: leave one of them out.")
    return Gray(threshold, soft)
