"""Vectors with their settings, as other programs save them: read without running anything that a file holds.

Known are ``.npy`` and ``.npz`` of numpy, with Python objects in them or not (HiGAN, in-domain inversion); pickles
(GANSpace); tensors of ``torch.save`` (e4e, rosinality). The content decides, not the name; PyTorch is needed only for
what it wrote before version 1.6, and for the options of training programs beside tensors.
"""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from gprior_converters import reading, tensors, unpickler
from gprior_converters.kinds import kind_of
from gprior_converters.pickles import is_pickle
from gprior_converters.scanning import shown
from gprior_jax.errors import CheckpointError, MissingExtraError

_REMEDY = "save the arrays alone, with numpy.save, numpy.savez or torch.save"

_MAX_DEPTH = 16
_MAX_ENTRIES = 100_000
"""Values of one file; one value may be named again and again."""

_MAX_PICKLE = 256 << 20
"""Bytes of a pickle within an archive."""

_TEXTS = {"U": ("utf-32-le", "utf-32-be"), "S": ("latin1", "latin1")}
"""Encodings of numpy's strings, by their kind and byte order."""


def read_objects(path: Path, wanted: Callable[[Sequence[str]], Sequence[str]] = lambda names: names) -> Any:
    """What a file holds: arrays, numbers and words, in dicts and lists.

    Args:
        path: the file.
        wanted: of an ``.npz`` file, which of its arrays to read, by their names.

    Returns:
        an array of a ``.npy`` file, or what its one Python object is; a dict of a ``.npz`` file; whatever was pickled.
        Arrays are numpy's, with the numbers of the file in their own order.

    Raises:
        CheckpointError: missing, damaged, another kind of file, or one that could run code.
    """
    try:
        return _read(path, wanted)
    except (CheckpointError, MissingExtraError):
        raise
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # Of damage any error may come.
        reason = shown(error, 120) or type(error).__name__
        raise CheckpointError(f"{path} is no file of arrays, or damaged ({reason}): write it again.") from error


def _read(path: Path, wanted: Callable[[Sequence[str]], Sequence[str]]) -> Any:
    if not path.is_file():
        raise CheckpointError(f"{path} is no file: give an .npy, .npz, .pt or .pkl file.")
    size, source = path.stat().st_size, str(path)
    with path.open("rb") as file:
        if file.read(6) == npy.MAGIC_PREFIX:
            file.seek(0)
            return _plain(_read_npy(file, size, source), source, size)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if names and all(name.endswith(".npy") for name in names):
                return _read_npz(archive, wanted, source)
        return _read_tensors(path, size)
    if is_pickle(path):
        return _plain(unpickler.read(path.read_bytes(), source, _REMEDY), source, size)
    if found := kind_of(path):
        raise CheckpointError(f"{path} is {found[0]}, not a file of arrays: {_GIVE}.")
    return _of_torch(path, reading.load(path, drop_arrays=False))


_GIVE = "give an .npy, .npz, .pt or .pkl file"


def _read_npz(archive: zipfile.ZipFile, wanted: Callable[[Sequence[str]], Sequence[str]], source: str) -> Any:
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    arrays = {}
    for name in wanted(names):
        size = archive.getinfo(f"{name}.npy").file_size
        with archive.open(f"{name}.npy") as file:
            arrays[name] = _plain(_read_npy(file, size, source), source, size)
    return arrays


def _read_npy(file: IO[bytes], size: int, source: str) -> Any:
    """An array, or the claim of one that holds Python objects."""
    version = npy.read_magic(file)
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = header(file)
    if dtype.hasobject:
        return unpickler.read(file.read(min(size, _MAX_PICKLE)), source, _REMEDY)
    count = int(np.prod(shape, dtype=object))
    if dtype.kind not in "biufUS" or count * dtype.itemsize > size:
        raise ValueError(f"it claims {dtype} of shape {shape} in {size} bytes")
    data = file.read(count * dtype.itemsize)
    numbers = np.frombuffer(data, dtype, count) if count else np.zeros(0, dtype)
    return numbers.reshape(shape, order="F" if fortran else "C")


def _read_tensors(path: Path, size: int) -> Any:
    """What ``torch.save`` put in an archive; PyTorch reads what is unknown here, such as options."""
    try:
        if found := kind_of(path):
            raise CheckpointError(f"{path} is {found[0]}, not a file of arrays: {_GIVE}.")
        return _plain(unpickler.read_archive(path, str(path), _REMEDY), str(path), size)
    except Exception as error:
        try:
            return _of_torch(path, reading.load(path, drop_arrays=False))
        except MissingExtraError:
            raise error from None
        except CheckpointError as other:
            raise (error if isinstance(error, CheckpointError) else other) from None


def _of_torch(path: Path, value: Any, key: str = "the tensor") -> Any:
    """What PyTorch's reader made, with arrays in place of tensors."""
    if isinstance(value, dict):
        return {name: _of_torch(path, one, str(name)) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_of_torch(path, one, f"{key} {i}") for i, one in enumerate(value)]
    return tensors.as_array(path, key, value) if tensors.is_tensor(value) else value


def _plain(value: Any, source: str, size: int) -> Any:
    return _Plain(source, size)(value, "the array", 0)


class _Plain:
    """Puts arrays in place of their claims, within what the file's size allows."""

    def __init__(self, source: str, size: int):
        self._source, self._left, self._entries = source, size, 0

    def __call__(self, value: Any, key: str, depth: int) -> Any:
        self._entries += 1
        if self._entries > _MAX_ENTRIES or depth > _MAX_DEPTH:
            raise ValueError("it has too many entries, or too many within each other")
        if isinstance(value, unpickler.Array):
            return self._array(value, key, depth)
        if isinstance(value, dict):
            named = {str(name): one for name, one in value.items() if isinstance(name, str | int | float)}
            return {name: self(one, shown(name), depth + 1) for name, one in named.items()}
        if isinstance(value, list | tuple):
            return [self(one, key, depth + 1) for one in value]
        return value if isinstance(value, np.ndarray | bool | int | float | str) else None

    def _array(self, claim: unpickler.Array, key: str, depth: int) -> Any:
        """An array of numbers; the one object of an array without axes, or a list of objects; a string."""
        kind, order = claim.kind
        if kind.startswith("O"):
            objects = [self(one, key, depth + 1) for one in claim.objects()]
            return objects if claim.axes else objects[0]
        if kind[:1] in _TEXTS and not claim.axes:
            return claim.data().decode(_TEXTS[kind[:1]][order == ">"]).rstrip("\0")
        try:
            array = claim.values()
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{self._source}: {key} {shown(error, 120)}; it was refused.") from error
        # Every array is in the file once: whoever names the same bytes again and again claims more than its size.
        self._left -= array.nbytes
        if self._left < 0:
            raise CheckpointError(f"{self._source}: {key} claims shape {array.shape}, more than the file; refused.")
        return np.array(array) if array.ndim else array.item()
