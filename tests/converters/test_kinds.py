"""Files that are no checkpoints are called what they are."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from gprior_converters.kinds import kind_of
from gprior_converters.reading import read_networks
from PIL import Image

from converters import nvidia


def archive(**entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in entries.items():
            made.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def array(write, **options):
    buffer = io.BytesIO()
    write(buffer, **options)
    return buffer.getvalue()


def tar():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        made.addfile(tarfile.TarInfo("g.pth"))
    return buffer.getvalue()


FILES = {
    "nothing": (b"", "is empty, not a checkpoint: fetch it again."),
    "page": (b"\n <!doctype html><p>can't scan this file", "is a web page, not a checkpoint: open the address"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "is a pointer of git LFS"),
    "words": ("Not Found: é".encode(), "is a text file"),
    "json": (b'{"error": "no access"}', "is a JSON file"),
    "onnx": (b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:\xd2\x01", "is an ONNX model"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "is an HDF5 file"),
    "gzip": (gzip.compress(b"x"), "is a gzip archive, not a checkpoint: unpack it"),
    "tar": (tar(), "is a tar archive"),
    "npy": (array(np.save, arr=np.zeros(3)), "is an array of numpy (.npy)"),
    "npz": (array(np.savez, w=np.zeros(3)), "is a file of arrays (.npz)"),
    "wheel": (archive(gan__weights="x", gan__weights_tar="y") .replace(b"weights_tar", b"weights.tar"),
              "is a zip archive, not a checkpoint: unpack it and give gan/weights.tar."),
    "zip": (archive(readme="hello"), "is a zip archive without a network"),
    "script": (archive(m__data_pkl="", m__constants_pkl="").replace(b"_pkl", b".pkl"), "is a TorchScript program"),
    "tflite": (b"\x1c\0\0\0TFL3" + bytes(30), "is a TensorFlow Lite model"),
    "picture": (array(Image.new("L", (4, 4)).save, format="PNG"), "is a PNG picture"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_are_called_what_they_are(tmp_path, name):
    content, told = FILES[name]
    (tmp_path / "g.pth").write_bytes(content)
    assert told in nvidia.refusal(tmp_path / "g.pth", read_networks)


def test_onnx_without_the_name_of_its_program(tmp_path):
    (tmp_path / "g.onnx").write_bytes(b"\x08\x07:\x90\x01\n&\n\x06input\x12")
    assert "is an ONNX model" in nvidia.refusal(tmp_path / "g.onnx", read_networks)


@pytest.mark.parametrize("name", ["model.ckpt-9.index", "model.ckpt-9.data-00000-of-00001", "saved_model.pb"])
def test_parts_of_tensorflow_checkpoints(tmp_path, name):
    (tmp_path / name).write_bytes(b"\0\x11\x80\xff" * 9)
    assert "is a part of a TensorFlow checkpoint" in nvidia.refusal(tmp_path / name, read_networks)


@pytest.mark.parametrize("zipped", [True, False])
def test_checkpoints_are_none_of_these(tmp_path, zipped):
    torch.save({"a": torch.zeros(2)}, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert kind_of(tmp_path / "a.pth") is None
