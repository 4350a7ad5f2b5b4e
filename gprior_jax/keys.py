"""Keys of random numbers: from a seed, and one for every purpose.

``jax.random.split(key, n)[i]`` is ``jax.random.fold_in(key, i)``, bit for bit: two purposes that both count from 0
under one key share their numbers. So what counts images, restarts or layers folds in these small numbers, and a purpose
of its own is folded in first, by name.
"""

import operator
import zlib
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Key

MAX_SEED = 2**32 - 1
"""JAX keeps 32 bits of a seed: beyond, two seeds would be one."""

MAX_ID = 2**31 - 1
"""The largest number of an image; the numbers of purposes lie above."""


def seeded(seed: int) -> Key:
    """The key of a seed.

    Args:
        seed: a whole number from 0 to :data:`MAX_SEED`.

    Raises:
        ArgumentError: another number, or none.

    >>> bool((jax.random.key_data(seeded(5)) == jax.random.key_data(jax.random.key(5))).all())
    True
    >>> seeded(-1)
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: seed -1: use a whole number from 0 to 4294967295.
    """
    number = check_seed(seed)
    settings = jax.config.values
    if settings["jax_default_prng_impl"] != _THREEFRY or settings.get("jax_random_seed_offset"):
        return jax.random.key(number)
    return _key_of(0, number)  # Those are its bits: no program is compiled to make them.


def check_seed(seed: Any, name: str = "seed") -> int:
    """A seed, if it is one; ``name`` is what the message calls it."""
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number <= MAX_SEED or isinstance(seed, bool):
        raise ArgumentError(f"{name} {seed}: use a whole number from 0 to {MAX_SEED}.")
    return number


def check_key(key: Any) -> None:
    """Check that something is a key of random numbers, or an array of bits that JAX takes as one.

    Raises:
        ArgumentError: it is not.

    >>> check_key(jax.random.key(0))
    >>> check_key(0)
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: key 0 is no key of random numbers: give one, such as jax.random.key(0).
    """
    dtype = getattr(key, "dtype", None)
    is_bits = dtype == np.uint32 and np.ndim(key) > 0
    if dtype is None or not (is_bits or jax.numpy.issubdtype(dtype, jax.dtypes.prng_key)):
        raise ArgumentError(f"key {key} is no key of random numbers: give one, such as jax.random.key(0).")


def is_one(key: Key) -> bool:
    """Whether it is one key, not ``[B]``; arrays of bits are keys, too, as jax.random takes them."""
    return jax.random.key_data(key).ndim == 1


def purpose(key: Key, name: str) -> Key:
    """A key for one purpose, under which numbers can be counted from 0 again.

    What is folded in is above every number of an image, a restart or a layer, so that it is no key of theirs either.

    >>> a, b = purpose(jax.random.key(0), "noise"), purpose(jax.random.key(0), "masks")
    >>> bool((jax.random.key_data(a) == jax.random.key_data(b)).any())
    False
    """
    return folded(key, zlib.crc32(name.encode()) | (MAX_ID + 1))


def folded(key: Key, number: int) -> Key:
    """``jax.random.fold_in``, bit for bit; of one key of Threefry on the host, where that takes no program.

    Args:
        key: of random numbers; arrays of bits are keys, too.
        number: from 0 to 2 ** 32 - 1.

    >>> key = jax.random.key(5)
    >>> bool(folded(key, 7) == jax.random.fold_in(key, 7))
    True
    """
    data = None if isinstance(key, Tracer) or not jax.numpy.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    if data is None or str(jax.random.key_impl(data)) != _THREEFRY or data.ndim or not data.is_fully_addressable:
        return jax.random.fold_in(key, np.uint32(number))
    with jax.ensure_compile_time_eval():  # Where something else is traced, the bits of this key are known all the same.
        first, second = (int(word) for word in np.asarray(jax.random.key_data(data)))
    return _key_of(*_threefry((first, second), (0, int(number))))


_THREEFRY = "threefry2x32"
"""JAX's name of its usual generator."""

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def _threefry(key: tuple[int, int], count: tuple[int, int]) -> tuple[int, int]:
    """The block cipher of 20 rounds (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3)."""
    words = (*key, key[0] ^ key[1] ^ _PARITY)
    x, y = ((a + b) % 2**32 for a, b in zip(count, key, strict=True))
    for group in range(5):
        for distance in _ROTATIONS[group % 2]:
            x = (x + y) % 2**32
            y = (y << distance | y >> (32 - distance)) % 2**32 ^ x
        x = (x + words[(group + 1) % 3]) % 2**32
        y = (y + words[(group + 2) % 3] + group + 1) % 2**32
    return x, y


def _key_of(*words: int) -> Key:
    bits: Any = np.array(words, np.uint32)
    return jax.random.wrap_key_data(bits, impl=_THREEFRY)
