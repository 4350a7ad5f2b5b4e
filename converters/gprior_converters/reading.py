"""Reading checkpoint files without executing what they hold.

NVIDIA's ``.pkl`` files go through :mod:`gprior_converters.pickles`; others (``.pth``) are read with
``torch.load(weights_only=True)``, whose unpickler knows tensors, plain containers and (here) ``argparse.Namespace``,
options of a training program. What it cannot refuse is refused here: archives that inflate, and tensors that claim more
elements than the file stores.
"""

import argparse
import os
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from gprior_converters import pickles, tensorflow
from gprior_converters.state import State
from gprior_jax.errors import CheckpointError, require

# Names under which training programs store the networks of a file, the best one for inference first: averaged
# generators (genforce "generator_smooth", rosinality "g_ema", stylegan2-ada "G_ema") before the raw one.
GENERATOR_NAMES = ("generator_smooth", "generator_ema", "g_ema", "G_ema", "netG_ema", "generator", "netG", "G", "g")
DISCRIMINATOR_NAMES = ("discriminator", "netD", "D", "d")
WRAPPER_NAMES = ("state_dict", "model_state_dict", "model", "models", "network", "params", "weights")

MEAN = "latent_avg"
"""Mean of w, which rosinality's programs and the encoders built on them store beside their networks."""

_MAX_DEPTH = 4
_PICKLE_START, _ZIP_START = b"\x80", b"P"
"""First byte of a file in the legacy and in the zip serialisation (a truncated one is no zip file any more)."""

_PREFIXES = ("module.", "_orig_mod.")
"""Added by DataParallel and by ``torch.compile``."""


class Networks(dict[str, State]):
    """The networks of one file: ``{"generator": ..., "discriminator": ...}``, or ``{"": ...}`` for a bare state dict.

    Attributes:
        left_out: names of entries of the file that are not used.
        attributes: by network, attributes of the converted module that the file tells beside its tensors.
    """

    def __init__(
        self,
        networks: dict[str, State],
        left_out: tuple[str, ...] = (),
        attributes: dict[str, dict[str, Any]] | None = None,
    ):
        super().__init__(networks)
        self.left_out = left_out
        self.attributes = attributes or {}


def read_networks(path: str | os.PathLike) -> Networks:
    """Read the networks of a ``.pth`` or ``.pt`` file, zip or legacy serialisation, or of NVIDIA's ``.pkl``.

    The content decides, not the name.

    Args:
        path: the file.

    Returns:
        its networks; prefixes of wrappers are stripped, tensors are float32 (integers are kept).

    Raises:
        CheckpointError: missing, damaged, no checkpoint, or holding anything but tensors in dicts.
    """
    path = Path(path)
    if pickles.is_pickle(path):
        found = pickles.read_pickle(path)
        found = tensorflow.convert(found, str(path)) if found.kind == pickles.TENSORFLOW else found
        return Networks(
            found.networks, found.left_out, {role: pickles.attributes(found, role) for role in found.networks}
        )
    content = _load(path)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a state dict: save net.state_dict().")
    return _select(path, content)


def _load(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointError(f"{path} is no file: give a .pth or .pt checkpoint.")
    torch = require("torch", "convert")
    try:
        _check_archive(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Deprecated storages in old files; what matters is checked below.
            with torch.serialization.safe_globals([argparse.Namespace]):  # Options, beside rosinality's networks.
                return torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        if "weights_only" in str(error) or "Weights only" in str(error):
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


def _check_archive(path: Path) -> None:
    """Refuse text, and a zip archive whose entries are compressed or overlap: torch stores them plainly, a bomb not."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            if file.read(1) not in (_PICKLE_START, _ZIP_START):
                raise CheckpointError(
                    f"{path} is no PyTorch checkpoint (a web page or a pointer saved in its place?): fetch it again."
                )
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > path.stat().st_size:
        raise CheckpointError(f"{path} inflates to {size} bytes, more than the file holds; it was refused.")


def _select(path: Path, content: dict[Any, Any]) -> Networks:
    """Find the networks in a file's dict: a bare state dict, a wrapped one, or several by name."""
    mean: dict[str, Any] = {}
    for _ in range(_MAX_DEPTH):
        if _is_state(content):
            state, rest = _decoder(content)
            return Networks({"": _to_numpy(path, state | mean)}, rest)
        mean |= {MEAN: content[MEAN]} if _is_state({MEAN: content.get(MEAN)}) else {}
        names = [key for key, value in content.items() if _is_state(value)]
        generator = next((n for n in GENERATOR_NAMES if n in names), None)
        discriminator = next((n for n in DISCRIMINATOR_NAMES if n in names), None)
        if generator or discriminator:
            chosen = {"generator": generator, "discriminator": discriminator}
            found = {role: _to_numpy(path, content[name]) for role, name in chosen.items() if name}
            if "generator" in found:
                found["generator"] |= _to_numpy(path, mean)
            used = {*chosen.values(), *mean}
            return Networks(found, tuple(str(key) for key in content if key not in used))
        wrapper = next((n for n in WRAPPER_NAMES if isinstance(content.get(n), dict)), None)
        if wrapper is None and len(names) == 1:
            wrapper = names[0]
        if wrapper is None:
            break
        content = content[wrapper]
    held = ", ".join(map(str, list(content)[:8])) or "nothing"
    raise CheckpointError(f"{path} holds no state dict that could be found (it holds {held}): save net.state_dict().")


def _decoder(state: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The generator that pSp and its successors keep under ``decoder.``, and the names of what is beside it."""
    found = {key.removeprefix("decoder."): value for key, value in state.items() if key.startswith("decoder.")}
    if not found:
        return state, ()
    return found, tuple(dict.fromkeys(key.partition(".")[0] for key in state if not key.startswith("decoder.")))


def _is_state(value: Any) -> bool:
    """Whether a value is a dict of tensors."""
    torch = require("torch", "convert")
    if not isinstance(value, dict) or not value:
        return False
    return all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items())


def _to_numpy(path: Path, state: dict[str, Any]) -> State:
    result = {}
    for key, tensor in state.items():
        name = key
        while name.startswith(_PREFIXES):
            name = name.removeprefix(next(p for p in _PREFIXES if name.startswith(p)))
        if name in result:
            raise CheckpointError(f"{path} has {name} twice, with and without a wrapper's prefix.")
        result[name] = _array(path, key, tensor)
    return result


def _array(path: Path, key: str, tensor: Any) -> np.ndarray:
    if tensor.is_sparse or tensor.is_quantized or tensor.is_complex():
        raise CheckpointError(f"{path}: {key} is not a plain real tensor: save the network in float32.")
    # A view with stride 0 can claim any size over a tiny storage; copying it would fill the memory.
    if tensor.numel() * tensor.element_size() > max(tensor.untyped_storage().nbytes(), 1):
        raise CheckpointError(f"{path}: {key} claims shape {tuple(tensor.shape)} over a smaller storage; refused.")
    if not tensor.is_floating_point():
        return tensor.numpy()
    array = tensor.detach().float().numpy()
    if not np.isfinite(array).all():
        raise CheckpointError(f"{path}: {key} holds NaN or infinite numbers: the training that wrote it failed.")
    return array
