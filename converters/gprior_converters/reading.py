"""Reading checkpoint files without executing what they hold.

NVIDIA's ``.pkl`` files go through :mod:`gprior_converters.pickles`, and so do whole networks of its programs that
``torch.save`` wrote (PTI's tuned generators); ``.safetensors`` through :mod:`gprior_converters.safetensors`; others
(``.pth``, ``.pt``, ``.ckpt``) are read with ``torch.load(weights_only=True)``, whose unpickler knows tensors, plain
containers and (here) options of training programs, of which nothing is kept. What it cannot refuse is refused here:
archives that inflate, and tensors that claim more elements than the file stores.
"""

import argparse
import contextlib
import os
import pickle
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gprior_converters import pickles, safetensors, tensorflow
from gprior_converters.contents import no_network, whole_network
from gprior_converters.kinds import kind_of
from gprior_converters.selecting import CONF, Weights, select
from gprior_converters.selecting import Networks as Networks
from gprior_converters.state import SETTINGS
from gprior_jax.errors import CheckpointError, MissingExtraError, require

_OPTIONS = (
    *("omegaconf.", "easydict.", "addict.", "yacs.", "ml_collections.", "pathlib.", "types.SimpleNamespace"),
    *("pytorch_lightning.", "lightning.", "lightning_fabric.", "lightning_utilities.", "torch.torch_version"),
)
"""Beginnings of the names of classes that hold options, which training programs store beside their tensors."""


class _Settings:
    """Stands for the settings of pytorch_GAN_zoo: its plain values are kept, under the names of its attributes."""

    values: dict[str, Any]

    def __setstate__(self, state: Any) -> None:
        plain = (bool, int, float, str)
        named = state.items() if isinstance(state, dict) else ()
        self.values = {str(name): value for name, value in named if isinstance(value, plain)}


_NAMED: dict[str, type] = {"models.utils.config.BaseConfig": _Settings}
"""Classes whose values are wanted, by their names in files."""


class _Options:
    """Stands for options of a training program, of any class; what it is made from is dropped."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def read_networks(path: str | os.PathLike, weights: Weights = "averaged") -> Networks:
    """Read the networks of a file of PyTorch, zip or legacy serialisation, of safetensors, or of NVIDIA's programs.

    The content decides, not the name.

    Args:
        path: the file.
        weights: which generator of a file that has both, the average of the weights or those that were trained last.

    Returns:
        its networks; prefixes of wrappers are stripped, tensors are float32 (integers are kept).

    Raises:
        CheckpointError: missing, damaged, no checkpoint, or holding anything but tensors in dicts.
    """
    path = Path(path)
    if pickles.is_pickle(path) or pickles.is_archive(path):
        found = pickles.read_pickle(path, weights)
        found = tensorflow.convert(found, str(path)) if found.kind == pickles.TENSORFLOW else found
        attributes = {role: pickles.attributes(found, role) for role in found.networks}
        return Networks(found.networks, found.left_out, attributes, found.taken)
    content = load(path)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} {no_network(content)}.")
    return _with_settings(content, select(path, content, weights))


def _with_settings(content: dict[Any, Any], networks: Networks) -> Networks:
    """The networks with what the file says beside the generator's tensors."""
    beside = content.get("config")
    own = content.get(networks.taken.get("generator", ""))
    if isinstance(beside, _Settings):
        networks.attributes = {"generator": {SETTINGS: getattr(beside, "values", {})}}
    elif isinstance(own, dict) and isinstance(own.get(CONF), dict):
        networks.attributes = {"generator": {SETTINGS: own[CONF]}}
    return networks


def load(path: Path, drop_arrays: bool = True) -> Any:
    """What a file of PyTorch or safetensors holds: tensors in plain containers, of PyTorch or numpy.

    Args:
        path: the file.
        drop_arrays: leave out arrays of numpy in a file of PyTorch, whose reader does not know them; otherwise they are
            Python objects like others.

    Raises:
        CheckpointError: missing, damaged, another kind of file, or holding Python objects.
    """
    if not path.is_file():
        raise CheckpointError(f"{path} is no file: give a .pth, .pt, .ckpt, .pkl or .safetensors checkpoint.")
    try:
        if found := kind_of(path):
            raise CheckpointError(f"{path} is {found[0]}, not a checkpoint: {found[1]}.")
        if safetensors.is_file(path):
            return safetensors.read(path)
        _check_archive(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Deprecated storages in old files; what matters is checked below.
            with _options_allowed(path, drop_arrays) as torch:
                return torch.load(path, map_location="cpu", weights_only=True)
    except (CheckpointError, MissingExtraError):  # Of a file that is whole, PyTorch may be what is missing.
        raise
    except pickle.UnpicklingError as error:
        if "weights_only" in str(error) or "Weights only" in str(error):
            if found := whole_network(path):
                raise CheckpointError(f"{path} {found}.") from error
            raise CheckpointError(
                f"{path} holds Python objects beside tensors, which could run code when loaded; it was refused and "
                "nothing was run: save the network's state_dict() alone."
            ) from error
        raise CheckpointError(f"{path} is no PyTorch checkpoint, or is damaged: fetch it again.") from error
    except PermissionError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except Exception as error:  # torch raises RuntimeError, EOFError, KeyError, ... for damaged files.
        reason = " ".join(str(error).split())[:120]
        raise CheckpointError(f"{path} is damaged or truncated ({reason}): fetch it again.") from error


@contextlib.contextmanager
def _options_allowed(path: Path, drop_arrays: bool) -> Iterator[Any]:
    """PyTorch, while classes that hold options are read as :class:`_Options`: nothing of theirs is called."""
    torch = require("torch", "convert")
    names: list[str] = []
    if zipfile.is_zipfile(path):
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    # PyTorch's reader puts entries into dicts of the known kinds only.
    kinds = {name: OrderedDict if name.endswith(("Dict", "CfgNode")) else _Options for name in names}
    wanted = [(kind, name) for name, kind in _NAMED.items()]
    known = (*_OPTIONS, "numpy.") if drop_arrays else _OPTIONS
    allowed = [(kind, name) for name, kind in kinds.items() if name.startswith(known)]
    with torch.serialization.safe_globals([argparse.Namespace, *wanted, *allowed]):
        yield torch


def _check_archive(path: Path) -> None:
    """Refuse a zip archive whose entries are compressed or overlap: torch stores them plainly, a bomb not."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > path.stat().st_size:
        raise CheckpointError(f"{path} inflates to {size} bytes, more than the file holds; it was refused.")
