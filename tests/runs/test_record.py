import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gprior_jax.errors import CheckpointError, Status
from gprior_jax.inversion.result import Result
from gprior_jax.runs.record import read_about, read_record, record_of, write_record
from runs.records import record


def test_record_comes_back_as_it_was(tmp_path):
    write_record(tmp_path / "cat.npz", record(), {"id": 3})
    found = read_record(tmp_path / "cat.npz")
    for name, value in record()._asdict().items():
        np.testing.assert_equal(getattr(found, name), value)
    assert read_about(tmp_path / "cat.npz") == {"id": 3, "name": "cat", "source": "somewhere/cat.jpg"}
    assert [path.name for path in tmp_path.iterdir()] == ["cat.npz"]


def test_equal_records_are_equal_bytes(tmp_path):
    for name in "ab":
        write_record(tmp_path / f"{name}.npz", record(), {})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"text"])
@pytest.mark.parametrize("read", [read_record, read_about])
def test_damaged_records(tmp_path, content, read):
    path = tmp_path / "cat.npz"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cat\.npz is no result of this program, or damaged"):
        read(path)


def test_arrays_of_something_else(tmp_path):
    np.savez(tmp_path / "cat.npz", about=np.zeros(3))
    for read in (read_record, read_about):
        with pytest.raises(CheckpointError, match="no result of this program"):
            read(tmp_path / "cat.npz")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "cat.npz"
    write_record(path, record(), {"id": 3})
    return path


@settings(deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255), cut=st.booleans())
def test_any_byte_may_be_wrong(stored, place, bits, cut):
    """Whatever is done to a file, it is read or named as damaged: no other exception leaves."""
    content = bytearray(stored.read_bytes())
    at = int(place * len(content))
    content[at] ^= bits
    path = stored.with_name("spoilt.npz")
    path.write_bytes(content[:at] if cut else content)
    for read in (read_record, read_about):
        try:
            read(path)
        except CheckpointError as error:
            assert str(path) in str(error)  # noqa: PT017


@pytest.mark.parametrize("field", [6, 8, 10])  # Version, flags and method of compression of the first entry.
def test_damaged_directories(stored, field):
    content = bytearray(stored.read_bytes())
    content[content.index(b"PK\x01\x02") + field] ^= 0x61
    path = stored.with_name("spoilt.npz")
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"spoilt\.npz is no result of this program, or damaged"):
        read_about(path)


def test_record_of_a_result():
    rng = np.random.default_rng(1)
    result = Result(
        images=rng.normal(size=(8, 8, 3)).astype(np.float32),
        variables={"z": np.arange(3.0)},
        loss=np.float32(0.5),
        terms={"pixel_mse": np.float32(0.25)},
        step=np.int32(4),
        status=np.int32(Status.NONFINITE),
        history={"loss": np.ones(6)},
    )
    observed = rng.uniform(-1.2, 1.2, (4, 4, 3))
    found = record_of("cat", "cat.jpg", observed, result, {"psnr": 7.0})
    assert (found.name, found.source, found.step, found.status) == ("cat", "cat.jpg", 4, Status.NONFINITE)
    assert found.terms == {"loss": 0.5, "pixel_mse": 0.25}
    assert found.metrics == {"psnr": 7.0}
    np.testing.assert_array_equal(found.target, np.clip(np.floor((observed + 1) * 127.5 + 0.5), 0, 255))
    assert found.target.dtype == np.uint8
    np.testing.assert_array_equal(found.image, result.images)
    assert found.samples.shape == (0, 8, 8, 3)
    assert found.pictures == {}
