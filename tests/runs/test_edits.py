"""Names of results of codes, and masks of edits."""

import numpy as np
import pytest
from PIL import Image

from gprior_jax.editing import Point
from gprior_jax.images.masks import Gray
from gprior_jax.runs.edits import edited_region, result_names


def test_names_are_distinct_and_fit_for_files():
    names = ["seed:7@3", "seed:7@3", "a/cat.npz", "b/Cat.npz", "codes.npy:3", "x.pt:a b.png", "c:\\d*?.npz"]
    found = result_names([Point(name, {}) for name in names])
    assert found[:5] == ["seed_7_3", "seed_7_3_2", "cat", "Cat_2", "codes_3"]
    assert len({name.lower() for name in found}) == len(found)
    assert not any(set(name) & set('/\\:*?"<>|') for name in found)


@pytest.mark.parametrize("invert", [False, True])
def test_black_is_edited_unless_inverted(tmp_path, invert):
    shown = np.full((8, 8), 255, np.uint8)
    shown[:3] = 0
    Image.fromarray(shown).save(tmp_path / "seed_1.png")
    region = edited_region(tmp_path / "seed_1.png", Point("seed:1", {}), "seed_1", 8, invert)
    np.testing.assert_array_equal(region[..., 0] == 1, (shown == 0) != invert)
    np.testing.assert_array_equal(edited_region(tmp_path, Point("seed:1", {}), "seed_1", 8, invert), region)


def test_masks_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"no mask for seed_2: put seed_2\.png into it"):
        edited_region(tmp_path, Point("seed:2", {}), "seed_2", 8, False)


def test_gray_values_are_parts_of_the_edit(tmp_path):
    shown = np.full((8, 8), 255, np.uint8)
    shown[:3], shown[3] = 0, 51
    Image.fromarray(shown).save(tmp_path / "m.png")
    region = edited_region(tmp_path / "m.png", Point("seed:1", {}), "seed_1", 8, False, Gray(weights=True))
    np.testing.assert_allclose(region[:5, 0, 0], [1, 1, 1, 0.8, 0], atol=1e-6)
