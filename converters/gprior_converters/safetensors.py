"""``.safetensors`` files: a length, a JSON object that tells every tensor's kind, shape and place, and their bytes.

The format is described at https://huggingface.co/docs/safetensors; numbers are little-endian, in C order.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from gprior_converters.kinds import is_safetensors
from gprior_converters.scanning import shown
from gprior_converters.state import State
from gprior_jax.errors import CheckpointError

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}

_MAX_HEADER = 100_000_000
"""Bytes of the JSON object, as in the official reader."""


def is_file(path: Path) -> bool:
    """Whether a file begins as such files do."""
    try:
        with path.open("rb") as file:
            return is_safetensors(file.read(64), path.stat().st_size)
    except OSError:
        return False


def read(path: Path) -> State:
    """Read all tensors.

    The file lists them by kind and name; here they are in the natural order of their names (``main.3`` before
    ``main.10``), which is that of the forward pass in numbered stacks.

    Args:
        path: the file.

    Returns:
        Tensors by name, float32 (integers are kept).

    Raises:
        CheckpointError: damaged, or with numbers of a kind that is not known.
    """
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(len(data) - 8, _MAX_HEADER):
        raise CheckpointError(f"{path} is a damaged or truncated safetensors file: fetch it again.")
    try:
        header = json.loads(data[8 : 8 + length])
        entries = {str(name): dict(entry) for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is a damaged safetensors file ({shown(error)}): fetch it again.") from error
    body = memoryview(data)[8 + length :]
    if sum(_extent(entry, len(body))[1] for entry in entries.values()) > len(body):
        raise CheckpointError(f"{path} claims more numbers than it holds (truncated?): fetch it again.")
    return {name: _tensor(path, name, entries[name], body) for name in sorted(entries, key=_natural)}


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers within names by their value."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part]


def _extent(entry: dict[str, Any], size: int) -> tuple[int, int]:
    """Where a tensor's bytes begin, and their number; (0, more than there are) where that is no sense."""
    match entry.get("data_offsets"):
        case [int(start), int(stop)] if 0 <= start <= stop <= size:
            return start, stop - start
    return 0, size + 1


def _tensor(path: Path, name: str, entry: dict[str, Any], body: memoryview) -> np.ndarray:
    kind, shape = entry.get("dtype"), entry.get("shape")
    if kind not in _DTYPES:
        raise CheckpointError(f"{path}: {shown(name)} has numbers of kind {shown(kind)}: save it in float32.")
    start, count = _extent(entry, len(body))
    dtype = np.dtype(_DTYPES[kind])
    if not isinstance(shape, list) or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise CheckpointError(f"{path}: {shown(name)} claims the impossible shape {shown(shape)}; refused.")
    if math.prod(shape) * dtype.itemsize != count:
        raise CheckpointError(f"{path}: {shown(name)} claims shape {shown(shape)} over {count} bytes; refused.")
    array = np.frombuffer(body[start : start + count], dtype).reshape(shape)
    if kind == "BF16":  # The upper half of a float32.
        return (array.astype("<u4") << 16).view("<f4").astype(np.float32)
    return array.astype(np.float32) if array.dtype.kind == "f" else array.copy()
