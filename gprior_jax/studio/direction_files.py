"""Files of directions that are sent: what they are called, and what they are, whatever they are called."""

import io
import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gprior_jax.editing.directions import Direction
from gprior_jax.errors import ArgumentError, CheckpointError, GPriorError
from gprior_jax.generators.prior import Prior
from gprior_jax.runs.directions import read_directions

MOST = 64
"""Directions that one file may hold: a slider each."""

_MOST_BYTES = 100_000_000
"""Of what an archive holds: the largest published ones hold some megabytes, and zeros are sent a thousand times smaller
than they are read."""


class Sent(NamedTuple):
    """What a file of directions holds.

    Attributes:
        file: what it is called here.
        directions: as it says.
        remarks: what is assumed.
    """

    file: str
    directions: Sequence[Direction]
    remarks: list[str]


def read_sent(file: str, content: bytes, prior: Prior, model: str) -> Sent:
    """Read a file of directions.

    Args:
        file: the name that the client gives, of which no more than letters and digits count; what the file is, its
            content says.
        content: of an ``.npy``, ``.npz``, ``.pt`` or ``.pkl`` file.
        prior: whose codes they are to move.
        model: its name or folder.

    Raises:
        GPriorError: no directions, those of another prior, or too many.
    """
    stem = plain(Path(file.replace("\\", "/")).stem) or "direction"
    name, remarks = stem + _ending(content), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            found = read_directions(path, prior, tell=remarks.append, model=model)
        except GPriorError as error:
            raise CheckpointError(_nameless(str(error), folder)) from None
    if len(found) > MOST:
        raise ArgumentError(f"{name} holds {len(found)} directions: send a file of at most {MOST}.")
    return Sent(name, found, [_nameless(remark, folder) for remark in remarks])


def _nameless(sentence: str, folder: str) -> str:
    return sentence.replace(f"{folder}/", "").replace(folder, "")


def plain(name: str) -> str:
    """A name of letters, digits and few signs, which is fit for files and for words of a command line.

    >>> plain("../a b:c.npy")
    'a_b_c.npy'
    """
    return re.sub(r"[^\w.-]+", "_", name).lstrip("._-")[-60:]


def _ending(content: bytes) -> str:
    """What a file of so much content ends in.

    Raises:
        ArgumentError: it holds no arrays, or far too much.
    """
    if content.startswith(b"\x93NUMPY"):
        return ".npy"
    if content.startswith(b"\x80"):
        return ".pkl"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names, size = archive.namelist(), sum(each.file_size for each in archive.infolist())
    except zipfile.BadZipFile:
        raise ArgumentError("this is no file of directions: use .npy, .npz, .pt or .pkl.") from None
    if size > _MOST_BYTES:
        why = f"holds {size / 1e6:.0f} MB once it is unpacked"
        raise ArgumentError(f"the file {why}: send one of directions alone, at most {_MOST_BYTES / 1e6:.0f} MB.")
    return ".pt" if any(name.endswith("data.pkl") for name in names) else ".npz"
