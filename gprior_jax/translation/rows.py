"""Maps that are read by rows: kept ones, and what is a formula of others and computed where it is read."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.typing import Array

Formula = tuple[Callable[..., Array], tuple["Formula | None", ...]]
"""A function of pixels and what it is given: other formulas, or None for the next of the leaves."""


class Rows(Protocol):
    """A map ``[H, W, C]`` that is read by rows."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        ...

    @property
    def numbers_of_row(self) -> float:
        """Numbers that are held at once for one of its rows."""
        ...

    def read(self, start: int, stop: int) -> Array | np.ndarray:
        """Rows ``[start, stop)``."""
        ...


class Pixels(NamedTuple):
    """What a map is in terms of others: a formula of every pixel, which is computed where it is read.

    Attributes:
        formula: None where it is one of these itself.
        leaves: maps, and vectors ``[C]`` that are the same for all pixels, in the order in which the formula meets
            them.
    """

    formula: Formula | None
    leaves: tuple[Any, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        rows = next(leaf for leaf in self.leaves if not isinstance(leaf, jax.Array))
        return rows.shape[:2]

    @property
    def numbers_of_row(self) -> float:
        """Numbers that are held at once for one of its rows."""
        return sum(leaf.numbers_of_row for leaf in self.leaves if not isinstance(leaf, jax.Array))

    def read(self, start: int, stop: int) -> tuple[Any, ...]:
        """The leaves, of maps rows ``[start, stop)``."""
        return tuple(leaf if isinstance(leaf, jax.Array) else leaf.read(start, stop) for leaf in self.leaves)


class Kept(NamedTuple):
    """Rows that lie in memory."""

    numbers: np.ndarray

    @property
    def shape(self) -> Any:
        """Of the map."""
        return self.numbers.shape

    @property
    def numbers_of_row(self) -> float:
        """Numbers of one row."""
        return self.numbers[0].size

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows ``[start, stop)``."""
        return self.numbers[start:stop]


def evaluated(formula: Formula | None, leaves: Iterator[Array]) -> Array:
    """A formula of so many leaves, which are taken one after the other."""
    if formula is None:
        return next(leaves)
    function, given = formula
    return function(*[evaluated(each, leaves) for each in given])


@functools.partial(jit, use="often", static_argnums=0)
def computed_pixels(formula: Formula | None, leaves: tuple[Array, ...]) -> Array:
    """A formula of its leaves, in one program."""
    return evaluated(formula, iter(leaves))
