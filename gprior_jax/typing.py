"""Type aliases used throughout the package.

Shapes are written in docstrings, outermost axis first: images ``[B, H, W, C]``, restarts, codes.
"""

from collections.abc import Callable
from typing import Any

import jax

Array = jax.Array
ArrayLike = jax.typing.ArrayLike
Key = jax.Array
"""A typed PRNG key, ``jax.random.key(seed)``."""

Params = dict[str, Any]
"""Weights of one network: nested dicts whose leaves are arrays."""

PyTree = Any
Progress = Callable[[dict[str, Any]], None]
"""Called by long-running loops with a dict of plain numbers; see :mod:`gprior_jax.inversion.driver`."""
