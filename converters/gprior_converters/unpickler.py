"""A reader of pickles that runs nothing of what they hold.

A pickle is a program: it names callables and calls them. Here every name leads to a class or function of this module
that only keeps what it is given, any other name ends the reading, and source text in a file is dropped unread. Before
that, the instructions are gone through without being carried out, so that damage, deep nesting and jumps in the memo,
which the interpreter would pay for with its stack or its memory, are refused.

Tensors stay claims, see :mod:`gprior_converters.claims`.
"""

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from gprior_converters.claims import Array as Array
from gprior_converters.claims import Dtype, Storage
from gprior_converters.scanning import scan, shown
from gprior_jax.errors import CheckpointError

TORCH_MAGIC = 0x1950A86A20F9469CFC6C
"""First object of what ``torch.save`` writes without a zip archive."""

_TORCH_PROTOCOL = 1001

_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}


class Table(dict[Any, Any]):
    """A dict of the file (``OrderedDict``, ``EasyDict``); it takes no arguments, which would copy at no cost."""

    __slots__ = ()

    def __init__(self):
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        """Drop attributes: they are no entries."""


class Module:
    """A network, or part of one, of stylegan2-ada-pytorch: its class's name and its attributes."""

    __slots__ = ("class_name", "state")

    def __init__(self, class_name: Any, state: Any):
        self.class_name, self.state = class_name, state

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a module has two states")


class Network:
    """A network of the TensorFlow programs: its state."""

    __slots__ = ("state",)

    def __init__(self):
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Callable:
    """Stands for a function that a file names; nothing of it can be read or changed from there."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a function has no state")


_REMEDY = "give a network as NVIDIA's programs save it, or a state dict"


def _refuse(source: str, module: str, name: str, remedy: str) -> NoReturn:
    raise CheckpointError(
        f"{source} holds {shown(module)}.{shown(name)}, which could run code when loaded; it was refused and nothing "
        f"was run: {remedy}."
    )


class _Unpickler(pickle.Unpickler):
    """Knows what NVIDIA's files name."""

    def __init__(self, file: io.BytesIO, source: str, remedy: str, budget: int):
        super().__init__(file, encoding="latin1")
        self._source, self._remedy, self._budget = source, remedy, budget
        arrays: dict[str, Any] = {"_reconstruct": _no_array, "scalar": _number}
        self._allowed: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): Table,
            ("dnnlib.util", "EasyDict"): Table,
            ("dnnlib.tflib.network", "Network"): Network,
            ("tfutil", "Network"): Network,
            ("torch_utils.persistence", "_reconstruct_persistent_obj"): _module,
            ("torch.storage", "_load_from_bytes"): self._storage,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
            ("numpy", "dtype"): Dtype,
            ("numpy", "ndarray"): _no_array,
            ("_codecs", "encode"): self._encode,
            ("builtins", "set"): self._set,
            ("__builtin__", "set"): self._set,
            ("builtins", "range"): self._range,
            ("__builtin__", "xrange"): self._range,
            ("__builtin__", "bytes"): lambda: b"",  # Empty ones, of protocol 2.
        }
        for package in ("numpy.core", "numpy._core"):
            self._allowed |= {(f"{package}.multiarray", name): function for name, function in arrays.items()}
            self._allowed[f"{package}.numeric", "_frombuffer"] = Array

    def find_class(self, module: str, name: str) -> Any:
        found = self._allowed.get((module, name))
        if found is None:
            _refuse(self._source, module, name, self._remedy)
        # Classes are asked for by instructions that make objects without a call.
        return found if found in (Table, Network) else _Callable(found)

    def _spend(self, size: int) -> None:
        """Count what is copied or read again: a file that is as written does so once."""
        self._budget -= size
        if self._budget < 0:
            raise ValueError("it uses its bytes again and again")

    def _encode(self, text: Any, encoding: Any = "latin1") -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise ValueError("bytes in an unknown encoding")
        self._spend(len(text))
        return text.encode("latin1")

    def _set(self, items: Any = ()) -> list[Any]:
        if not isinstance(items, list | tuple):
            raise ValueError("a set of unknown form")
        self._spend(len(items))
        return list(items)

    def _range(self, *bounds: Any) -> list[int]:
        if not all(isinstance(bound, int) for bound in bounds):
            raise ValueError("a range of unknown form")
        numbers = range(*bounds)
        self._spend(len(numbers))
        return list(numbers)

    def _storage(self, data: Any) -> Storage:
        if not isinstance(data, bytes | bytearray):
            raise ValueError("a storage is not of bytes")
        self._spend(len(data))
        return _read_storage(bytes(data), self._source, self._remedy)


def _module(meta: Any) -> Module:
    """What is kept of ``_reconstruct_persistent_obj``: neither the source text nor its version."""
    if not isinstance(meta, dict) or meta.get("type") != "class":
        raise ValueError("a persistent object is no class")
    return Module(meta.get("class_name"), meta.get("state"))


def _no_array(*_: Any) -> Array:
    """An array to which its state is given afterwards."""
    return Array()


def _number(dtype: Any, raw: Any = b"") -> Array:
    return Array(raw, dtype, (), "C")


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Array:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor has no storage")
    return Array(storage, offset, size, stride)


class _StorageUnpickler(pickle.Unpickler):
    """Knows what ``torch.save`` of one storage names."""

    def __init__(self, file: io.BytesIO, source: str, remedy: str):
        super().__init__(file, encoding="latin1")
        self._source, self._remedy = source, remedy

    def find_class(self, module: str, name: str) -> Any:
        if module != "torch" or name not in _STORAGES:
            _refuse(self._source, module, name, self._remedy)
        return name

    def persistent_load(self, pid: Any) -> Any:
        return pid


def _read_storage(data: bytes, source: str, remedy: str) -> Storage:
    """A storage from what ``torch.save`` made of it, without a zip archive."""
    file = io.BytesIO(data)
    made = []
    for _ in range(5):
        scan(file, {"BINPERSID"})
        made.append(_StorageUnpickler(file, source, remedy).load())
    magic, protocol, _, claim, _ = made
    if (magic, protocol) != (TORCH_MAGIC, _TORCH_PROTOCOL):
        raise ValueError("a storage is not as torch.save writes it")
    kind, name, _, _, count, *view = claim
    if kind != "storage" or not isinstance(name, str) or any(part is not None for part in view):
        raise ValueError("a storage is of no known form")
    dtype, there = np.dtype(_STORAGES[name]), int.from_bytes(file.read(8), "little", signed=True)
    if not isinstance(count, int) or not 0 <= count == there or count * dtype.itemsize > len(data) - file.tell():
        raise ValueError(f"a storage claims {shown(count, 20)} numbers in {len(data)} bytes")
    return Storage(np.frombuffer(data, dtype, count, file.tell()) if count else np.zeros(0, dtype))


def read(data: bytes, source: str, remedy: str = _REMEDY) -> Any:
    """The object that a pickle makes.

    Args:
        data: the file's content.
        source: names the file in messages.
        remedy: what to do about one that is refused, for the message.

    Returns:
        Plain values, and :class:`Table`, :class:`Module`, :class:`Network` and :class:`Array` of them.

    Raises:
        CheckpointError: the pickle names something else; nothing was run.
        Exception: any other, where the pickle is damaged.
    """
    file = io.BytesIO(data)
    scan(file, set())
    return _Unpickler(file, source, remedy, 2 * len(data)).load()


class _ArchiveUnpickler(_Unpickler):
    """Knows what ``torch.save`` of NVIDIA's networks names; the numbers are in other entries of the archive."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, file: io.BytesIO, source: str, remedy: str, budget: int):
        super().__init__(file, source, remedy, budget)
        self._archive, self._folder, self._made = archive, folder, dict[str, Storage]()

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return name
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Storage:
        match pid:
            case ("storage", str(kind), str(key), _, int(count)) if kind in _STORAGES:
                pass
            case _:
                raise ValueError("a storage is of no known form")
        if key not in self._made:
            data, dtype = self._archive.read(f"{self._folder}data/{key}"), np.dtype(_STORAGES[kind])
            if not 0 <= count * dtype.itemsize <= len(data):
                raise ValueError(f"a storage claims {count} numbers in {len(data)} bytes")
            self._made[key] = Storage(np.frombuffer(data, dtype, count))
        return self._made[key]


def read_archive(path: Path, source: str, remedy: str = _REMEDY) -> Any:
    """The object in a zip archive of ``torch.save``; see :func:`read`."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        size = path.stat().st_size
        if sum(entry.file_size for entry in entries) > size:
            raise ValueError("it inflates to more than the file holds")
        name = next(entry.filename for entry in entries if entry.filename.endswith("data.pkl"))
        file = io.BytesIO(archive.read(name))
        scan(file, {"BINPERSID"})
        return _ArchiveUnpickler(archive, name.removesuffix("data.pkl"), file, source, remedy, 2 * size).load()
