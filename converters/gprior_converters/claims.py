"""What a pickle says of its arrays: claims, until they are held against the bytes that are there."""

import math
from typing import Any

import numpy as np

_MAX_SIDE = 1 << 40

_NUMBERS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}


class Dtype:
    """``numpy.dtype``: code and byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any, *_: Any):
        self.code, self.order = code, "<"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def made(self) -> np.dtype:
        """The dtype, of plain numbers."""
        if self.code not in _NUMBERS or self.order not in ("<", ">", "=", "|"):
            raise ValueError("is no array of plain numbers")
        return np.dtype(self.order + self.code)


class Storage:
    """Numbers of a tensor, in their order in memory."""

    __slots__ = ("numbers",)

    def __init__(self, numbers: np.ndarray):
        self.numbers = numbers

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a storage has two states")


class Array:
    """A tensor, array or number of the file: what it claims to be, until :meth:`values`."""

    __slots__ = ("_claim",)

    def __init__(self, *claim: Any):
        self._claim = claim

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        self._claim = (raw, dtype, shape, "F" if fortran else "C")

    @property
    def kind(self) -> tuple[str, str]:
        """Code of the numbers in numpy, ``f4`` or ``O8`` (objects), and their byte order; empty of a tensor."""
        dtype = self._claim[1] if len(self._claim) > 1 else None
        if isinstance(dtype, Dtype) and isinstance(dtype.code, str) and isinstance(dtype.order, str):
            return dtype.code, dtype.order
        return "", ""

    @property
    def axes(self) -> int:
        """Number of axes of an array of numpy."""
        return len(self._claim[2])

    def objects(self) -> list[Any]:
        """The values of an array of Python objects, in one row.

        Raises:
            ValueError: they are not there.
        """
        raw, _, shape, *_ = self._claim
        if not isinstance(raw, list) or _count(shape) != len(raw):
            raise ValueError("claims other objects than it holds")
        return raw

    def data(self) -> bytes:
        """The bytes of one string.

        Raises:
            ValueError: they are not there.
        """
        raw = self._claim[0]
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        if not isinstance(raw, bytes | bytearray) or not self.kind[0][1:].isdigit():
            raise ValueError("is no string")
        return bytes(raw)

    def values(self) -> np.ndarray:
        """The numbers, as a view of the file's bytes.

        Raises:
            ValueError: they are not there; the message is to follow the tensor's name.
        """
        if not self._claim:
            raise ValueError("has no numbers")
        raw, dtype, shape, order, *axes = self._claim
        if isinstance(raw, Storage):
            return _strided(raw, dtype, shape, order)
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        if not isinstance(raw, bytes | bytearray) or not isinstance(dtype, Dtype) or order not in ("C", "F", "K"):
            raise ValueError("is no array of plain numbers")
        made, count = dtype.made(), _count(shape)
        if count * made.itemsize != len(raw):
            raise ValueError(f"claims shape {list(shape)} over {len(raw)} bytes")
        numbers = np.frombuffer(raw, made) if count else np.zeros(0, made)
        if order == "K":  # Of numpy since 2.3: as it lies in memory, and the order of its axes.
            return numbers.reshape(tuple(shape)).transpose(*axes)
        return numbers.reshape(tuple(shape), order=order)


def _count(shape: Any) -> int:
    """Elements of an array of this shape."""
    if not isinstance(shape, tuple | list) or len(shape) > 8:
        raise ValueError("has no shape")
    if not all(isinstance(side, int) and 0 <= side < _MAX_SIDE for side in shape):
        raise ValueError("has an impossible shape")
    return math.prod(shape)


def _strided(storage: Storage, offset: Any, size: Any, stride: Any) -> np.ndarray:
    """View of a storage."""
    count, held = _count(size), storage.numbers.size
    _count((offset, *stride))
    reach = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) + 1 if count else 0
    # A view with stride 0 can claim any size over a tiny storage; copying it would fill the memory.
    if max(count, reach) > held:
        raise ValueError(f"claims shape {list(size)} over a storage of {held} numbers")
    if not count:
        return np.zeros(tuple(size), storage.numbers.dtype)
    steps = tuple(step * storage.numbers.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(storage.numbers[offset:], tuple(size), steps, writeable=False)
