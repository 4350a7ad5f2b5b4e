"""Vectors with their settings as other programs save them, in every form that numpy, pickle and PyTorch write."""

import io
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from gprior_converters.objects import read_objects

from converters import nvidia
from gprior_jax.errors import CheckpointError

ROWS = np.arange(24, dtype=np.float32).reshape(1, 4, 6)
FORMS = {
    "plain": ROWS,
    "double": ROWS.astype(np.float64),
    "half": ROWS.astype(np.float16),
    "big-endian": ROWS.astype(">f4"),
    "Fortran order": np.asfortranarray(ROWS),
    "axes exchanged": ROWS.transpose(2, 0, 1),
    "every second": ROWS[..., ::2],
    "backwards": ROWS[..., ::-1],
    "empty": np.zeros((0, 6), np.float32),
}


def same(found, wanted):
    """Equal in kind, shape and numbers, through dicts and lists."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict)
        assert found.keys() == wanted.keys()
        for key in wanted:
            same(found[key], wanted[key])
    elif isinstance(wanted, np.ndarray):
        assert isinstance(found, np.ndarray)
        assert found.dtype.newbyteorder("=") == wanted.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, wanted)
    else:
        assert type(found) is type(wanted)
        assert found == wanted


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("form", FORMS)
def test_pickles(tmp_path, form, protocol):
    settings = {"manipulate_layers": [0, 1, 2], "type": "attribute", "none": None, "part": 0.5}
    content = {"boundary": FORMS[form], "meta_data": settings}
    data = pickle.dumps(content, protocol)
    (tmp_path / "a.pkl").write_bytes(data)
    same(read_objects(tmp_path / "a.pkl"), content)
    # numpy 1 names its modules otherwise.
    older = data.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
    older = older.replace(b"\x8c\x13numpy._core.numeric", b"\x8c\x12numpy.core.numeric")
    older = older.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n") if protocol < 4 else older
    if protocol > 3:  # The length of the frame.
        older = older[:3] + (len(older) - 11).to_bytes(8, "little") + older[11:]
    assert older != data
    (tmp_path / "b.pkl").write_bytes(older)
    same(read_objects(tmp_path / "b.pkl"), content)


@pytest.mark.parametrize("form", FORMS)
def test_files_of_numpy(tmp_path, form):
    array, settings = FORMS[form], {"boundary": FORMS[form], "layers": "0-3"}
    np.save(tmp_path / "a.npy", array)
    same(read_objects(tmp_path / "a.npy"), array)
    np.save(tmp_path / "b.npy", np.array(settings, object), allow_pickle=True)
    same(read_objects(tmp_path / "b.npy"), settings)
    for save, name in ((np.savez, "c.npz"), (np.savez_compressed, "d.npz")):
        save(tmp_path / name, boundary=array, about=np.array(settings, object), name="smile")
        same(read_objects(tmp_path / name), {"boundary": array, "about": settings, "name": np.array("smile")})
    assert set(read_objects(tmp_path / "c.npz", lambda names: ["name"])) == {"name"}


@pytest.mark.parametrize("form", sorted(FORMS.keys() - {"big-endian", "backwards"}))
@pytest.mark.parametrize("zipped", [True, False])
def test_tensors(tmp_path, form, zipped):
    tensor = torch.as_tensor(FORMS[form])
    content = {"boundary": tensor, "parameter": torch.nn.Parameter(torch.ones(2)), "name": "x", "n": 3}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    found = read_objects(tmp_path / "a.pt")
    np.testing.assert_array_equal(found["boundary"], FORMS[form])
    np.testing.assert_array_equal(found["parameter"], [1, 1])
    assert (found["name"], found["n"]) == ("x", 3)


def test_numbers_of_numpy_and_ranges(tmp_path):
    content = {
        "range": np.float64(-2.5),
        "index": np.int64(15),
        "layers": range(2, 5),
        "several": [range(0, 2), np.arange(3)],
        "names": np.array(["a", None], object),
        "word": np.str_("W+"),
        "flag": np.bool_(True),
    }
    for protocol in (2, 3, 4, 5):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(content, protocol))
        found = read_objects(tmp_path / "a.pkl")
        assert (found["range"], found["index"], found["layers"]) == (-2.5, 15, [2, 3, 4])
        assert (found["names"], found["word"], found["flag"]) == (["a", None], "W+", True)
        assert found["several"][0] == [0, 1]
        np.testing.assert_array_equal(found["several"][1], [0, 1, 2])


def test_archives_with_arrays_of_numpy(tmp_path):
    content = {"w": ROWS, "t": torch.ones(2, 2).t()}
    torch.save(content, tmp_path / "a.pt")
    found = read_objects(tmp_path / "a.pt")
    np.testing.assert_array_equal(found["w"], ROWS)
    np.testing.assert_array_equal(found["t"], np.ones((2, 2)))


def test_saved_on_cuda(tmp_path):
    """The archive says where the numbers lay; no such device is needed."""
    torch.save({"boundary": torch.arange(3.0)}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "b.pt", "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))
    np.testing.assert_array_equal(read_objects(tmp_path / "b.pt")["boundary"], [0, 1, 2])


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from pathlib import Path
from gprior_converters.objects import read_objects
for path in sorted(Path(sys.argv[1]).glob("*.[np][pt]*")):
    print(path.name, type(read_objects(path)).__name__)
"""


def test_real_files_need_no_pytorch(real):
    told = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, str(real)], capture_output=True, text=True, check=True)
    found = dict(line.split() for line in told.stdout.splitlines())
    assert len(found) == len([path for path in real.iterdir() if path.suffix != ".md"]) > 10
    assert found["e4e_pose.pt"] == found["stit_yaw.npy"] == "ndarray"
    assert found["sefa_factor.pt"] == found["idinvert_stylegan_ffhq256_age.npy"] == "dict"


def test_real_files_are_read_as_their_programs_do(real):
    for path in real.glob("*.np[yz]"):
        wanted = np.load(path, allow_pickle=True)
        wanted = wanted if isinstance(wanted, np.ndarray) else dict(wanted)
        same(read_objects(path), wanted.item() if isinstance(wanted, np.ndarray) and wanted.dtype == object else wanted)
    for path in real.glob("*.pt"):
        wanted = torch.load(path, map_location="cpu", weights_only=True)
        as_arrays = (
            {k: v.numpy() if isinstance(v, torch.Tensor) else v for k, v in wanted.items()}
            if isinstance(wanted, dict)
            else wanted.numpy()
        )
        same(read_objects(path), as_arrays)


def trapped(place, path, tmp_path):
    """A file with a call in it, by where it lies."""
    trap = nvidia.Trap(os.system, f"echo > {tmp_path}/owned")
    if path.suffix == ".pkl":
        path.write_bytes(pickle.dumps({"boundary": trap if place == "array" else ROWS, "meta": trap}, 4))
    elif path.suffix == ".pt":
        torch.save({"boundary": torch.ones(3), "meta": trap}, path)
    else:
        content = np.array({"boundary": ROWS, "meta_data": {"manipulate_layers": trap}}, object)
        save = np.save if path.suffix == ".npy" else np.savez
        save(path, content, allow_pickle=True)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.pkl", "a.pt"])
def test_code_is_refused_and_not_run(tmp_path, name):
    trapped("meta", tmp_path / name, tmp_path)
    with pytest.raises(CheckpointError, match=r"posix\.system, which could run code when loaded") as told:
        read_objects(tmp_path / name)
    assert "nothing was run: save the arrays alone" in str(told.value)
    assert not (tmp_path / "owned").exists()


def test_claims_beyond_the_file(tmp_path):
    """Neither a header nor a pickle makes the reader give memory for numbers that are not there."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
    (tmp_path / "a.npy").write_bytes(header.getvalue() + b"\0" * 16)
    with pytest.raises(CheckpointError, match=r"a\.npy .*claims float32 of shape"):
        read_objects(tmp_path / "a.npy")
    shared = np.zeros(1000)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({f"a{i}": shared for i in range(50)}, 4))
    with pytest.raises(CheckpointError, match="more than the file; refused"):
        read_objects(tmp_path / "a.pkl")
    value = []
    for _ in range(12):
        value = [value] * 9
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(value, 4))
    with pytest.raises(CheckpointError, match="too many entries"):
        read_objects(tmp_path / "b.pkl")
    value.append(value)
    (tmp_path / "c.pkl").write_bytes(pickle.dumps(value[-1:], 4))
    with pytest.raises(CheckpointError, match=r"too many within each other|too many entries"):
        read_objects(tmp_path / "c.pkl")


@pytest.mark.parametrize("name", ["a.npy", "b.npy", "c.npz", "d.pkl", "e.pt"])
def test_truncated_files(tmp_path, name):
    content = {"boundary": ROWS, "layers": "0-3"}
    np.save(tmp_path / "a.npy", ROWS)
    np.save(tmp_path / "b.npy", np.array(content, object), allow_pickle=True)
    np.savez(tmp_path / "c.npz", boundary=ROWS)
    (tmp_path / "d.pkl").write_bytes(pickle.dumps(content, 4))
    torch.save(torch.ones(100), tmp_path / "e.pt")
    data = (tmp_path / name).read_bytes()
    for length in (1, 8, len(data) // 2, len(data) - 3):
        (tmp_path / name).write_bytes(data[:length])
        with pytest.raises(CheckpointError, match=name):
            read_objects(tmp_path / name)


def test_other_files(tmp_path):
    with pytest.raises(CheckpointError, match="is no file"):
        read_objects(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_text("<html>")
    with pytest.raises(CheckpointError, match="is a web page, not a file of arrays"):
        read_objects(tmp_path / "a.npy")
