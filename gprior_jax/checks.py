"""Numbers checked when they are given: one that is none, or infinite, would spoil a result without a word."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jax.core import Tracer

from gprior_jax.errors import ArgumentError
from gprior_jax.typing import ArrayLike


def check_number(name: str, value: Any, is_valid: Callable[[np.ndarray], np.ndarray], wanted: str) -> None:
    """Raise ``ValueError`` unless a value, or every entry of an array, is finite and valid; a traced one passes.

    >>> check_number("sigma", -1.0, lambda x: x >= 0, "a number from 0 up")
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: sigma must be a number from 0 up, got -1.0.
    """
    if isinstance(value, Tracer):
        return
    numbers = np.asarray(value)
    if not np.issubdtype(numbers.dtype, np.number) or not (_is_finite(numbers) & is_valid(numbers)).all():
        raise ArgumentError(f"{name} must be {wanted}, got {value}.")


def check_finite(**numbers: Any) -> None:
    """Raise ``ValueError`` unless every number, or entry of an array, is finite; what is traced passes.

    >>> check_finite(strength=1.0, truncation_psi=float("nan"))
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: truncation_psi must be a finite number, got nan.
    """
    for name, value in numbers.items():
        check_number(name, value, np.isfinite, "a finite number")


def check_one(
    name: str, value: ArrayLike, wanted: tuple[int, ...], remedy: str = "map over a batch with jax.vmap"
) -> None:
    """Raise ``ValueError`` unless an array has the shape that it has of one image.

    Args:
        name: of the array.
        value: the array, or what stands for it.
        wanted: its shape.
        remedy: what to do with several.

    >>> check_one("z", np.zeros((2, 8)), (8,))
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: z of shape (2, 8): give that of one image, (8,); map over a batch with jax.vmap.
    """
    shape = np.shape(value)
    if shape != wanted:
        several = f"; {remedy}" if len(shape) > len(wanted) else ""
        raise ArgumentError(f"{name} of shape {shape}: give that of one image, {wanted}{several}.")


def check_fields(settings: Any, told: Callable[[str], str] = lambda name: name) -> None:
    """Raise ``ValueError`` if a number among the fields of a dataclass, or of one in it, is NaN or infinite.

    Args:
        settings: a dataclass (anything else passes); arrays with axes are not looked at.
        told: what the message calls a field.

    >>> @dataclasses.dataclass
    ... class Settings:
    ...     weight: float = 1.0
    ...     rates: tuple = (("alpha", float("inf")),)
    >>> check_fields(Settings())
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: rates inf: use a finite number.
    """
    for field in dataclasses.fields(settings) if dataclasses.is_dataclass(settings) else ():
        _check_value(getattr(settings, field.name), field.name, told)


def _check_value(value: Any, name: str, told: Callable[[str], str]) -> None:
    if isinstance(value, Tracer):
        return
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        check_fields(value, told)
    elif isinstance(value, tuple | list):
        for item in value:
            _check_value(item, name, told)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_value(item, str(key), told)
    elif isinstance(value, float | np.floating) and not _is_finite(value):
        raise ArgumentError(f"{told(name)} {value}: use a finite number.")


def _is_finite(numbers: ArrayLike) -> np.ndarray:
    """Whether numbers are finite, in float32 as they are used."""
    return np.asarray(np.abs(np.asarray(numbers)) <= np.finfo(np.float32).max)
