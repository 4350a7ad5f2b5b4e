"""What a file is that is no checkpoint, told from its first bytes: people save all sorts of things under such names."""

import re
import zipfile
from pathlib import Path

from gprior_converters.contents import CODES
from gprior_converters.scanning import shown

_HEAD = 4096

_UNPACK = "unpack it and give the checkpoint in it"
_GIVE = "give a network's checkpoint"
_AS_PYTORCH = "give the network as a PyTorch checkpoint"

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x93NUMPY", "an array of numpy (.npy)", CODES),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras or flaxmodels)", _AS_PYTORCH),
    (b"GGUF", "a GGUF file of a language model", "give a GAN's checkpoint"),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (b"\x89PNG", "a PNG picture", _GIVE),
    (b"\xff\xd8\xff", "a JPEG picture", _GIVE),
    (b"GIF8", "a GIF picture", _GIVE),
    (b"%PDF", "a PDF document", _GIVE),
    (
        b"version https://git-lfs",
        "a pointer of git LFS, not the file that it stands for",
        "fetch it with 'git lfs pull'",
    ),
)

_TENSORFLOW = re.compile(r"\.(index|meta|pb|data-\d+-of-\d+)$")
"""Endings of the files that TensorFlow keeps a checkpoint or a SavedModel in, which begin like nothing else."""

_CHECKPOINTS = (".pth", ".pt", ".pkl", ".ckpt", ".tar", ".bin", ".safetensors", ".pickle")
"""Endings of checkpoints, in the order in which one of an archive is named."""


def kind_of(path: Path) -> tuple[str, str] | None:
    """What a file is and what to do instead, both as parts of a sentence; None for what may be a checkpoint.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "g.pth"
    ...     _ = path.write_text("<!DOCTYPE html><html>Quota exceeded</html>")
    ...     kind_of(path)[0]
    'a web page'
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(0, 2)
        size = file.tell()
    if not head:
        return "empty", "fetch it again"
    for start, what, remedy in _SIGNATURES:
        if head.startswith(start):
            return what, remedy
    if head[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model", _AS_PYTORCH
    named = re.search(rb"onnx|pytorch", head[:256], re.IGNORECASE) or path.suffix.lower() == ".onnx"
    if head[:1] == b"\x08" and named:
        return "an ONNX model", "export the network's state_dict() from the program that made it"
    if head.startswith(b"PK"):
        return _archive(path)
    if is_safetensors(head, size):
        return None
    if _TENSORFLOW.search(path.name):
        return "a part of a TensorFlow checkpoint", "give NVIDIA's .pkl, or the network as a PyTorch checkpoint"
    if path.suffix == ".msgpack":
        return "a file of Flax (.msgpack)", "give the network as a PyTorch or safetensors checkpoint"
    return _text(head)


def is_safetensors(head: bytes, size: int) -> bool:
    """Whether a file of so many bytes begins like safetensors: the length of a JSON object, and that."""
    length = int.from_bytes(head[:8], "little")
    return len(head) > 8 and 2 <= length <= size - 8 and head[8:9] == b"{"


def _archive(path: Path) -> tuple[str, str] | None:
    """A zip archive that is no checkpoint of PyTorch."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except (OSError, zipfile.BadZipFile):
        return None  # Damaged: the reader says so.
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        return "a TorchScript program", "give the state_dict() of the network that it was made of"
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return None
    if names and all(name.endswith(".npy") for name in names):
        return "a file of arrays (.npz)", CODES
    if "config.json" in names and any(name.endswith(".h5") for name in names):
        return "a Keras model", _AS_PYTORCH
    inside = sorted((n for n in names if n.endswith(_CHECKPOINTS) and "__MACOSX" not in n), key=_rank)
    if not inside:
        return "a zip archive without a network", "fetch it again, or give a .pth, .pt, .pkl or .safetensors file"
    return "a zip archive", f"unpack it and give {' or '.join(shown(name, 120) for name in inside[:4])}"


def _rank(name: str) -> int:
    return next(i for i, ending in enumerate(_CHECKPOINTS) if name.endswith(ending))


def _text(head: bytes) -> tuple[str, str] | None:
    """A file of words."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"<":
        return "a web page", "open the address in a browser, and give the file that it offers"
    if text[:1] in b"{[":
        return "a JSON file", "give the checkpoint that belongs to it"
    try:
        words = b"\0" not in head and bool(head[: _HEAD - 4].decode())  # A letter may be cut where the head ends.
    except UnicodeDecodeError:
        return None
    return ("a text file", "fetch it again") if words else None
