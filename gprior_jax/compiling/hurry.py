"""What makes the first call of a large program shorter: things that take time beside tracing and compiling it."""

import contextlib
import gc
from collections.abc import Iterator

import jax

_PARTITIONER = "jax_use_shardy_partitioner"


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Inside, Python's garbage collector rests: tracing makes many objects that stay, and it looks at all of them.

    >>> with uncollected():
    ...     gc.isenabled()
    False
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextlib.contextmanager
def already_split() -> Iterator[None]:
    """For calls of a program that says itself what every device does (``jax.shard_map``).

    XLA's newer partitioner translates the whole program to another form and back, for nothing here. JAX compiles apart
    what is called inside and outside; a version that has no other partitioner does without.
    """
    was = jax.config.values.get(_PARTITIONER, False)
    if not was:
        yield
        return
    jax.config.update(_PARTITIONER, False)
    try:
        yield
    finally:
        jax.config.update(_PARTITIONER, was)
