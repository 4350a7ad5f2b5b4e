"""What a file of PyTorch or a pickle holds that is no network: people save all sorts of things beside one."""

import pickletools
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gprior_converters.scanning import shown
from gprior_converters.tensors import is_tensor
from gprior_converters.unpickler import Array

_GIVE = "give the file with the network's state_dict(), often netG_*.pth or *_generator.pth"
CODES = "codes are read by gprior morph, mix and arithmetic, directions by gprior directions"
"""What to do with files of these instead."""
_DIRECTIONS = ({"eigvec"}, {"comp", "std"}, {"lat_comp"}, {"boundary"}, {"latent"}, {"X_comp"})
"""Names in dicts of directions and codes: of rosinality, e4e, GANSpace, HiGAN, rosinality's projector, Barbershop."""
_OPTIMISER = {"state", "param_groups"}
_PICKLED = 64 << 20
"""Bytes of a pickle that are looked through for names."""


def no_network(content: Any) -> str:
    """What was found in place of a network, and what to do, the rest of a sentence that names the file.

    >>> no_network([0.7, 0.6, 0.5])  # doctest: +ELLIPSIS
    "holds a list of 3 numbers (losses, perhaps), no network: give the file with the network's state_dict(), ...
    """
    remedy = f"{_GIVE}; {CODES}" if is_array(content) or holds_directions(content) else _GIVE
    return f"holds {_what(content)}, no network: {remedy}"


def is_array(content: Any) -> bool:
    """Whether it is one array, of whatever file."""
    return isinstance(content, Array) or is_tensor(content)


def holds_directions(content: Any) -> bool:
    """Whether it is a dict as programs keep directions and codes in.

    >>> holds_directions({"ckpt": "g.pt", "eigvec": 0}), holds_directions({"g_ema": {}})
    (True, False)
    """
    return isinstance(content, dict) and any(content.keys() >= names for names in _DIRECTIONS)


def _what(content: Any) -> str:
    if is_array(content):
        return f"one array{_shape(content)} (codes, perhaps)"
    if isinstance(content, list | tuple):
        if content and all(isinstance(one, bool | int | float) for one in content):
            return f"a list of {len(content)} numbers (losses, perhaps)"
        if content and all(is_array(one) for one in content):
            return f"a list of {len(content)} arrays (images or codes, perhaps)"
        return f"a list of {len(content)} entries"
    if isinstance(content, dict):
        if content.keys() >= _OPTIMISER:
            return "the state of an optimiser"
        named = ", ".join(shown(key, 40) for key in list(content)[:4])
        if content and all(_is_numbers(one) for one in content.values()):
            return f"lists of numbers ({named}: losses, perhaps)"
        if any(isinstance(one, dict) for one in content.values()):
            return f"nothing under the name of a generator (it holds {named})"
        return f"nothing but {named}" if content else "nothing"
    return f"a {type(content).__name__}"


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, bool | int | float) for one in value)


def _shape(content: Any) -> str:
    return f" {list(content.shape)}" if hasattr(content, "shape") else ""


def whole_network(path: Path) -> str | None:
    """What to say of a network that was saved whole (``torch.save(net)``), the rest of a sentence; None of other files.

    Names are read, nothing is run.
    """
    names = [name for name in _names(path) if not name.startswith(("torch._utils", "torch.storage", "collections"))]
    if not any(name.startswith("torch.nn.modules.") for name in names):
        return None
    standard = ("torch.", "builtins.", "__builtin__.", "_codecs.", "numpy.")
    layers = [name for name in names if name.startswith("torch.nn.modules.")]
    own = next((name for name in names if not name.startswith(standard)), layers[0])
    return (
        f"is a whole network, of the class {shown(own)}, as torch.save(net) writes it; code could run when it is "
        "loaded, so it was refused and nothing was run: where its program is installed, save net.state_dict() of it"
    )


def _names(path: Path) -> Iterable[str]:
    """Classes and functions that a file's pickle names."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
                if archive.getinfo(name).file_size > _PICKLED:
                    return []
                data = archive.read(name)
        else:
            with path.open("rb") as file:
                data = file.read(_PICKLED)
        return list(_globals(data))
    except Exception:  # Of damage any error may come, and there is nothing to name then.
        return []


def _globals(data: bytes) -> Iterable[str]:
    """Names in the pickles that data begins with: old files of PyTorch have four, of which the last is the object."""
    start = 0
    for _ in range(5):
        words: list[str] = []
        end = start
        for opcode, argument, position in pickletools.genops(data[start:]):
            if opcode.name == "GLOBAL":
                yield str(argument).replace(" ", ".")
            elif opcode.name == "STACK_GLOBAL" and len(words) >= 2:
                yield ".".join(words[-2:])
            elif "UNICODE" in opcode.name:
                words.append(str(argument))
            end = start + (position or 0) + 1
        start = end
        if start >= len(data):
            return
