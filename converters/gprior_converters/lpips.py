"""LPIPS v0.1: torchvision's VGG-16 or AlexNet with the linear weights that the lpips package ships.

The linear weights are ``lpips/weights/v0.1/{vgg,alex}.pth`` in the wheel of lpips 0.1.4, with the keys
``lin{i}.model.1.weight`` and the shapes ``[1, C, 1, 1]``. The wheel itself serves too. (The files of ``v0.0`` have the
same keys and shapes: nothing in them tells the versions apart.)
"""

import os
import re
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any, NoReturn

from gprior_converters.ledger import Ledger
from gprior_converters.reading import read_networks
from gprior_converters.state import State
from gprior_jax.errors import CheckpointError
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.lpips import TRUNKS, LPIPSNetwork
from gprior_jax.perceptual.vgg import CONVOLUTIONS, VGG16
from gprior_jax.typing import Params

LICENCE_NOTE = "linear weights, lpips: BSD-2-Clause; trunk, torchvision: BSD-3-Clause, trained on ImageNet."

FILES = {"vgg16": "vgg.pth", "alexnet": "alex.pth"}
"""File of the linear weights by trunk."""

_CHECKPOINTS = {"vgg16": "vgg16-397923af.pth", "alexnet": "alexnet-owt-7be5be79.pth"}
_WHEEL_FOLDER = "lpips/weights/v0.1/"
_MAX_BYTES = 1 << 20
"""Far above the published files (7 kB): no larger member of a wheel is read."""

_SQUEEZE_TAPS = 7
"""Linear weights of SqueezeNet (``squeeze.pth``)."""

_KEY = re.compile(r"lin(\d+)\.model\.1\.weight")


def is_linear(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether the keys are those of the linear weights and of nothing else."""
    return bool(shapes) and all(_KEY.fullmatch(key) for key in shapes)


def convert(state: State, source: str, options: dict[str, Any]) -> NoReturn:
    """Linear weights alone make no network.

    Raises:
        CheckpointError: always; the message gives the command that is meant.
    """
    name = _trunk_of(state)
    if name is None:
        raise CheckpointError(
            f"{source} holds LPIPS's linear weights for a trunk that is not known (SqueezeNet?); nothing was written: "
            f"give torchvision's checkpoint as FILE and {' or '.join(FILES.values())} of lpips 0.1.4 as --lpips-linear."
        )
    raise CheckpointError(
        f"{source} holds LPIPS's linear weights without their trunk; nothing was written: give torchvision's "
        f"checkpoint first, 'gprior convert {_CHECKPOINTS[name]} --lpips-linear {source} --to DIR'."
    )


def combine(module: Any, params: Params, source: str, linear: str | os.PathLike) -> tuple[LPIPSNetwork, Params]:
    """Make LPIPS of a converted trunk and the file of its linear weights.

    Args:
        module: the trunk: :class:`VGG16` with all convolutions, or :class:`AlexNet`.
        params: its weights.
        source: names the trunk's file in messages.
        linear: the ``.pth`` file of the linear weights, or the wheel that holds it.

    Returns:
        The module and its weights.

    Raises:
        CheckpointError: no such trunk, too short a one, or linear weights that are not those of this trunk.
    """
    name = _trunk_name(module, source)
    state, place = _read_linear(Path(linear), name)
    _check_trunk(state, name, place, source)
    ledger = Ledger(state, place)
    taps = TRUNKS[name].taps
    weights = {
        tap: ledger.take(f"lin{i}.model.1.weight", (1, width, 1, 1)).reshape(width)
        for i, (tap, width) in enumerate(taps.items())
    }
    ledger.close("linear weights of LPIPS")
    if negative := [f"lin{i}" for i, value in enumerate(weights.values()) if (value < 0).any()]:
        raise CheckpointError(
            f"{place} has negative numbers in {', '.join(negative)}, which LPIPS's linear weights never have; nothing "
            f"was written: take {_WHEEL_FOLDER}{FILES[name]} of lpips 0.1.4."
        )
    return LPIPSNetwork(name), {"convolutions": params, "linear": weights}


def _trunk_name(module: Any, source: str) -> str:
    """The name of the trunk in ``TRUNKS``; an error where the module cannot be one."""
    if isinstance(module, AlexNet):
        return "alexnet"
    if not isinstance(module, VGG16):
        raise CheckpointError(
            f"{source} holds neither VGG-16 nor AlexNet, which --lpips-linear needs; nothing was written: convert "
            f"{' or '.join(_CHECKPOINTS.values())} with it."
        )
    if module.depth < len(CONVOLUTIONS):
        raise CheckpointError(
            f"{source} holds {module.depth} of the {len(CONVOLUTIONS)} convolutions of VGG-16, and LPIPS compares the "
            f"last one's output too; nothing was written: convert the whole {_CHECKPOINTS['vgg16']}."
        )
    return "vgg16"


def _trunk_of(state: State) -> str | None:
    """The trunk whose taps have the channels of these linear weights; None for no known one."""
    widths = [state[key].shape[1:2] for key in sorted(state) if state[key].ndim == 4]
    return next((name for name, trunk in TRUNKS.items() if [(w,) for w in trunk.taps.values()] == widths), None)


def _check_trunk(state: State, name: str, place: str, source: str) -> None:
    """Refuse linear weights that belong to another trunk."""
    if not is_linear({key: value.shape for key, value in state.items()}):
        raise CheckpointError(
            f"{place} holds no linear weights of LPIPS (its first tensors are {', '.join(list(state)[:3])}); nothing "
            f"was written: give {_WHEEL_FOLDER}{FILES[name]} of lpips 0.1.4, or its wheel, as --lpips-linear."
        )
    other = "squeezenet" if len(state) == _SQUEEZE_TAPS else _trunk_of(state)
    if other is not None and other != name:
        raise CheckpointError(
            f"{place} holds the linear weights for {other}, {source} is {name}; nothing was written: give "
            f"{_WHEEL_FOLDER}{FILES[name]} of lpips 0.1.4, or its wheel, as --lpips-linear."
        )


def _read_linear(path: Path, name: str) -> tuple[State, str]:
    """Tensors of a ``.pth`` file, or of the trunk's own file in a wheel, and what to call the place in messages."""
    if path.suffix != ".whl":
        networks, place = read_networks(path), str(path)
    else:
        member = f"{_WHEEL_FOLDER}{FILES[name]}"
        place = f"{path}, {member}"
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / FILES[name]
            copy.write_bytes(_member(path, member))
            try:
                networks = read_networks(copy)
            except CheckpointError as error:
                raise CheckpointError(str(error).replace(str(copy), place)) from error
    return next(iter(networks.values())), place


def _member(path: Path, member: str) -> bytes:
    """One file of a wheel, in memory."""
    if not path.is_file():
        raise CheckpointError(f"{path} is no file: give the linear weights of LPIPS or the wheel of lpips 0.1.4.")
    try:
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo(member).file_size
            if size <= _MAX_BYTES:
                return archive.read(member)
    except KeyError:
        raise CheckpointError(f"{path} has no {member}: give the wheel of lpips 0.1.4.") from None
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise CheckpointError(f"{path} is damaged or no wheel ({error}): fetch lpips 0.1.4 again.") from error
    raise CheckpointError(f"{path}: {member} has {size} bytes, more than linear weights need; it was refused.")
