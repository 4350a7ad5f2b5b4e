"""Many images as batches of one shape."""

import jax
import numpy as np
import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.batching import batches, core_batch_size, default_batch_size, in_batches, inversion_batch_size


@pytest.mark.parametrize("size", [1, 2, 5, 7, 16])
def test_batches_have_one_shape_and_every_row_once(size):
    parts = list(batches(7, size))
    assert all(rows.shape == (size,) for rows, _ in parts)
    assert np.concatenate([rows[:own] for rows, own in parts]).tolist() == list(range(7))
    # What fills the last one up is its last row.
    rows, own = parts[-1]
    assert (rows[own:] == 6).all()


def test_an_empty_list_has_no_batches():
    assert list(batches(0, 3)) == []


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_holds_something(size):
    with pytest.raises(ArgumentError, match=f"batch_size {size}: use at least 1"):
        list(batches(3, size))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_a_function_of_batches_sees_all_rows_in_one_shape(size):
    seen = []

    def function(tree, y):
        seen.append((tree["a"].shape, y.shape))
        return jax.numpy.asarray(tree["a"][:, 0] - y)

    a, y = np.arange(10.0).reshape(5, 2), np.arange(5.0)
    found = in_batches(function, size, {"a": a}, y)
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, a[:, 0] - y)
    assert set(seen) == {((size, 2), (size,))}


def test_larger_images_come_in_smaller_batches():
    assert [default_batch_size(side, 100) for side in (32, 64, 128, 256, 512, 1024)] == [8, 8, 8, 2, 1, 1]
    assert default_batch_size(64, 3) == 3


@pytest.mark.parametrize("cores", [2, 3, 16])
@pytest.mark.parametrize(("resolution", "most"), [(32, 8), (128, 8), (256, 2), (1024, 1)])
def test_cores_take_a_few_images_at_once_in_equal_batches(resolution, most, cores):
    for images in range(1, 150):
        size = core_batch_size(resolution, images, cores)
        assert size % cores == 0
        assert size <= most * cores
        # All have one shape: what fills the last up is less than an image for each batch and core.
        number = -(-images // size)
        assert number * size < images + cores * (number + 1)
        assert number == -(-images // (most * cores))


def test_accelerators_take_more_at_once(monkeypatch):
    assert inversion_batch_size(256, 100) == default_batch_size(256, 100)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert [inversion_batch_size(1024, images) for images in (1, 20, 100)] == [1, 20, 64]
