"""NVIDIA's ``.pkl`` files, read without running anything they hold and without NVIDIA's code, torch or TensorFlow.

Two kinds are known:

* stylegan2-ada-pytorch (and its descendants): a dict ``{G, D, G_ema, training_set_kwargs, augment_pipe}`` of modules,
  each with its class's source text, which is dropped, and its ``__dict__``;
* PGGAN, StyleGAN and StyleGAN2 in TensorFlow: a tuple ``(G, D, Gs)`` of networks (in-domain inversion: ``(E, G, D,
  Gs)``), each with variables by name, and components that are networks again.

A whole network of the first kind is also what PTI saves of a tuned generator, in an archive of ``torch.save``. A state
dict that was pickled by itself is read, too.

What no tensor tells is kept as settings: the arguments that the networks were made with.
"""

import os
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_converters.contents import no_network
from gprior_converters.kinds import is_safetensors, kind_of
from gprior_converters.scanning import shown
from gprior_converters.selecting import Weights
from gprior_converters.state import State
from gprior_converters.unpickler import TORCH_MAGIC, Array, Module, Network, read, read_archive
from gprior_jax.errors import CheckpointError

TORCH, TENSORFLOW, STATE = "stylegan2-ada-pytorch", "tensorflow", "state dict"
"""Kinds of files."""

_START = b"\x80"
"""First byte of every pickle since protocol 2; NVIDIA's programs write no older ones."""

_TUPLE = ("E", "G", "D", "Gs")
"""Networks of a TensorFlow file, the first in files of in-domain inversion only."""

_MAX_DEPTH = 16
_MAX_ENTRIES = 100_000
"""Modules, tensors and settings of one file; one entry of a file may be named again and again."""

_MAX_SETTING = 64
"""Numbers of an array that is a setting."""

_SCOPES = {"G_mapping": "mapping", "G_synthesis": "synthesis"}
"""Names of the components in the graph, and as which the generator holds them."""


class Pickled(NamedTuple):
    """What a file holds.

    Attributes:
        kind: ``"stylegan2-ada-pytorch"``, ``"tensorflow"`` or ``"state dict"``.
        networks: tensors by role, ``"generator"`` (the averaged one, where there are two) and ``"discriminator"``, or
            ``""`` of a state dict; keys are those of the state dict, or names of variables with those of the components
            before them.
        settings: by role, the arguments of the constructor, as far as they are plain values, with ``class_name`` or
            ``build_func_name`` and ``version``.
        left_out: names of entries of the file that are not used.
        taken: by role, the name of the entry that is used.
    """

    kind: str
    networks: dict[str, State]
    settings: dict[str, dict[str, Any]]
    left_out: tuple[str, ...]
    taken: dict[str, str]


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle, but none by ``torch.save``, whose older files begin with a pickled number."""
    try:
        with path.open("rb") as file:
            head = file.read(14)
        if is_safetensors(head, path.stat().st_size):  # The length of its header may end in the same byte.
            return False
    except OSError:
        return False
    return head[:1] == _START and head[2:] != b"\x8a\x0a" + TORCH_MAGIC.to_bytes(10, "little")


def is_archive(path: Path) -> bool:
    """Whether a file is what ``torch.save`` made of a whole network of stylegan2-ada-pytorch."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
            if name is None or archive.getinfo(name).file_size > _MAX_PICKLE:
                return False
            return b"_reconstruct_persistent_obj" in archive.read(name)
    except (OSError, zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError):
        return False


_MAX_PICKLE = 64 << 20
"""Bytes of the pickle in an archive; the numbers are beside it."""


def read_pickle(path: str | os.PathLike, weights: Weights = "averaged") -> Pickled:
    """Read the networks of a ``.pkl`` file, or of an archive with one of them.

    Args:
        path: the file.
        weights: which generator of a file that has both.

    Returns:
        Its networks; tensors are float32 (integers are kept).

    Raises:
        CheckpointError: missing, damaged, no such file, or one that names anything which could run code.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            pickled = file.read(1) == _START
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    if not pickled and not is_archive(path):
        what, remedy = kind_of(path) or ("no pickle", "fetch it again")
        raise CheckpointError(f"{path} is {what}, not a pickle of a network: {remedy}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of odd escapes; what matters is checked.
            content = read(path.read_bytes(), str(path)) if pickled else read_archive(path, str(path))
            return _select(content, _Reader(str(path), path.stat().st_size), weights)
    except CheckpointError:
        raise
    except Exception as error:  # Damage can end in any error: EOFError, KeyError, TypeError, MemoryError, ...
        reason = shown(error, 120) or type(error).__name__
        raise CheckpointError(f"{path} is damaged or truncated ({reason}): fetch it again.") from error


def attributes(pickled: Pickled, role: str) -> dict[str, Any]:
    """Attributes of the converted module that no tensor tells, as the file's settings give them.

    Args:
        pickled: what a file holds.
        role: ``"generator"`` or ``"discriminator"``.

    Returns:
        Any of ``clamp`` (of networks trained with float16), ``group_size`` and ``fused`` (of discriminators).
    """
    settings = pickled.settings.get(role, {})
    parts = (settings, *(settings.get(f"{part}_kwargs", {}) for part in ("synthesis", "block", "epilogue")))
    known = {name: value for part in parts if isinstance(part, dict) for name, value in part.items()}
    names = {"conv_clamp": "clamp"}
    if role == "discriminator":
        names |= {"mbstd_group_size": "group_size", "fused_scale": "fused"}
    return {ours: known[theirs] for theirs, ours in names.items() if known.get(theirs) is not None}


def _select(content: Any, reader: "_Reader", weights: Weights) -> Pickled:
    """The networks among the objects of a file."""
    if isinstance(content, Module):  # As PTI saves its tuned generator.
        content = {"G": content}
    if isinstance(content, dict) and content and all(isinstance(part, Array) for part in content.values()):
        return Pickled(STATE, {"": reader.state(content)}, {}, (), {})
    if isinstance(content, tuple) and len(content) in (3, 4) and all(isinstance(part, Network) for part in content):
        entries: dict[Any, Any] = dict(zip(_TUPLE[-len(content) :], content, strict=True))
        kind, names = TENSORFLOW, {"averaged": "Gs", "raw": "G"}
    elif isinstance(content, dict) and any(isinstance(part, Module) for part in content.values()):
        entries, kind, names = dict(content), TORCH, {"averaged": "G_ema", "raw": "G"}
    else:
        raise CheckpointError(
            f"{reader.source} {no_network(content)}; of pickles, those of stylegan2-ada-pytorch ({{G, D, G_ema}}), of "
            "TensorFlow GANs (G, D, Gs) and plain state dicts are read."
        )
    if weights == "averaged" and not _is_network(entries.get(names["averaged"])):
        weights = "raw"
    if weights == "raw" and not _is_network(entries.get("G")) and _is_network(entries.get(names["averaged"])):
        raise CheckpointError(
            f"{reader.source} holds averaged weights only ({names['averaged']}), no raw ones: take these (averaged)."
        )
    roles = {"generator": names[weights], "discriminator": "D"}
    roles = {role: name for role, name in roles.items() if _is_network(entries.get(name))}
    if "generator" not in roles:
        raise CheckpointError(f"{reader.source} holds no generator: give a file with G_ema.")
    read_one = reader.variables if kind == TENSORFLOW else reader.module
    found = {role: read_one(entries[name]) for role, name in roles.items()}
    return Pickled(
        kind,
        {role: state for role, (state, _) in found.items()},
        {role: settings for role, (_, settings) in found.items()},
        tuple(shown(name) for name, value in entries.items() if name not in roles.values() and value is not None),
        roles,
    )


def _is_network(value: Any) -> bool:
    return isinstance(value, Module | Network)


class _Reader:
    """Gathers tensors and settings of one file, within what its size allows."""

    def __init__(self, source: str, size: int):
        self.source, self._size = source, size
        self._bytes = self._entries = 0

    def _enter(self, depth: int = 0) -> None:
        """Count an entry."""
        self._entries += 1
        if self._entries > _MAX_ENTRIES or depth > _MAX_DEPTH:
            raise ValueError("it has too many entries, or too many within each other")

    def state(self, content: dict[Any, Any]) -> State:
        """A state dict that was pickled by itself."""
        state: State = {}
        for key, value in content.items():
            self._add(state, shown(key, 200), value)
        return state

    def module(self, module: Module) -> tuple[State, dict[str, Any]]:
        """State dict of a stylegan2-ada-pytorch network, and its settings."""
        state: State = {}
        self._gather(module, "", state, 0)
        own = module.state
        settings = {"class_name": shown(module.class_name)}
        positional = self._plain(own.get("_init_args", ()), 0)
        settings |= {"init_args": positional} if positional else {}
        keywords = self._plain(own.get("_init_kwargs", {}), 0)
        return state, settings | (keywords if isinstance(keywords, dict) else {})

    def _gather(self, module: Any, prefix: str, state: State, depth: int) -> None:
        """Add the tensors of a module and of those below it."""
        self._enter(depth)
        if not isinstance(module, Module) or not isinstance(module.state, dict):
            raise ValueError(f"{shown(prefix)} is no module")
        for kind in ("_parameters", "_buffers"):
            for name, value in module.state.get(kind, {}).items():
                self._add(state, f"{prefix}{name}", value)
        for name, child in module.state.get("_modules", {}).items():
            if child is not None:
                self._gather(child, f"{prefix}{name}.", state, depth + 1)

    def variables(self, network: Network) -> tuple[State, dict[str, Any]]:
        """Variables of a TensorFlow network by name, and its settings."""
        variables: State = {}
        self._collect(network, "", variables, 0)
        settings = self._plain(network.state.get("static_kwargs", {}), 0)
        settings = settings if isinstance(settings, dict) else {}
        names = ("build_func_name", "version")
        return variables, settings | {name: self._plain(network.state.get(name), 0) for name in names}

    def _collect(self, network: Any, prefix: str, variables: State, depth: int) -> None:
        """Add the variables of a network and of its components."""
        self._enter(depth)
        state = network.state if isinstance(network, Network) else None
        if not isinstance(state, dict):
            raise ValueError(f"{shown(prefix) or 'an entry'} is no network")
        if "variables" not in state:
            raise CheckpointError(
                f"{self.source} holds a network without variables, perhaps of PGGAN's Theano version, which is not "
                "known: give the TensorFlow version."
            )
        for name, value in state["variables"]:
            head, _, rest = str(name).partition("/")
            name = f"{_SCOPES[head]}/{rest}" if not prefix and head in _SCOPES else name
            self._add(variables, f"{prefix}{name}", value)
        for name, part in state.get("components", {}).items():
            self._collect(part, f"{prefix}{name}/", variables, depth + 1)

    def _add(self, state: State, key: str, value: Any) -> None:
        """Add one tensor, in float32 unless of integers; None is a parameter that the module does not have."""
        self._enter()
        if value is None:
            return
        name = f"{self.source}: {shown(key)}"
        if key in state:
            raise CheckpointError(f"{self.source} has {shown(key)} twice.")
        try:
            if not isinstance(value, Array | float | int):
                raise ValueError("is no tensor")
            array = value.values() if isinstance(value, Array) else np.asarray(value)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{name} {shown(error, 120)}; it was refused.") from error
        # Every tensor is in the file once: whoever claims the same bytes again and again claims more than its size.
        self._bytes += array.nbytes
        if self._bytes > self._size:
            raise CheckpointError(f"{name} claims shape {array.shape}, with which tensors exceed the file; refused.")
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):
                array = np.array(array, np.float32)
            if not np.isfinite(array).all():
                raise CheckpointError(f"{name} holds NaN or infinite numbers: the training that wrote it failed.")
        else:
            array = np.array(array)
        state[key] = array

    def _plain(self, value: Any, depth: int) -> Any:
        """A setting without what is no plain value: None in its place, or its entry of a dict dropped."""
        self._enter(depth)
        if isinstance(value, Array):
            value = value.values()
            value = value.tolist() if value.size <= _MAX_SETTING else None
        if isinstance(value, dict):
            pairs = ((key, one, self._plain(one, depth + 1)) for key, one in value.items() if isinstance(key, str))
            return {key: made for key, one, made in pairs if made is not None or one is None}
        if isinstance(value, list | tuple):
            return [self._plain(one, depth + 1) for one in value]
        return value if isinstance(value, bool | int | float | str) else None
