"""What a method of inversion is to the command line and to whoever lists them: a row."""

import inspect
from collections.abc import Callable
from typing import NamedTuple

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.recipe import Recipe


class Method(NamedTuple):
    """A method by the name that users know it by. A file of :mod:`gprior_jax.recipes` lists its own in ``ROWS``.

    Attributes:
        name: what ``--method`` takes.
        summary: what it does, in a line.
        recipe: makes its recipe; what it can be told follows from its arguments, all of which have defaults.
        batch_size: images at once where nobody names a number; None chooses by resolution.
    """

    name: str
    summary: str
    recipe: Callable[..., Recipe]
    batch_size: int | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the arguments of the recipe."""
        return tuple(inspect.signature(self.recipe).parameters)


METHODS: dict[str, Method] = {}
"""Every method by its name: those of the files in :mod:`gprior_jax.recipes`, and what :func:`register` added."""


def register(method: Method) -> None:
    """Make a method known under its name, for Python and for ``--method``.

    Args:
        method: what is called by it.

    Raises:
        ValueError: another has the name, or its recipe needs an argument.

    >>> import gprior_jax as gp
    >>> def two_codes(num_steps=50):
    ...     return gp.recipes.mganprior(num_codes=2, num_steps=num_steps)
    >>> gp.recipes.register(gp.recipes.Method("two_codes", "mganprior with two codes", two_codes))
    >>> gp.recipes.find_method("two_codes").options
    ('num_steps',)
    >>> METHODS.pop("two_codes").name  # As it was.
    'two_codes'
    """
    if METHODS.get(method.name, method) != method:
        raise ArgumentError(f"there is a method {method.name!r} already: choose another name.")
    needed = [p.name for p in inspect.signature(method.recipe).parameters.values() if p.default is p.empty]
    if needed:
        raise ArgumentError(f"the recipe of {method.name!r} needs {', '.join(needed)}: give every argument a default.")
    METHODS[method.name] = method


def find_method(name: str) -> Method:
    """The method of a name.

    Raises:
        ValueError: there is none.

    >>> import gprior_jax as gp
    >>> gp.recipes.find_method("pulse").summary
    'a search on spheres'
    """
    if name not in METHODS:
        raise ArgumentError(f"method {name!r}: use {', '.join(METHODS)}.")
    return METHODS[name]
