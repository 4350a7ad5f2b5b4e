"""Which masks belong to which result."""

import numpy as np
import pytest
from PIL import Image

from gprior_jax.editing import Point
from gprior_jax.runs.regions import read_classes, read_regions

POINT = Point("seed:1", {})


def mask(path, rows, value=255):
    shown = np.zeros((8, 8), np.uint8)
    shown[:rows] = value
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(shown).save(path)
    return path


def areas(masks, name="a", **options):
    return {name: int(region.sum()) for name, region in read_regions(masks, POINT, name, 8, **options).items()}


def test_of_a_file_and_of_folders(tmp_path):
    one = mask(tmp_path / "sky.png", 2)
    mask(tmp_path / "ground.png", 3)
    mask(tmp_path / "b" / "tree.png", 1)
    (tmp_path / "notes.txt").write_text("no mask")
    mask(tmp_path / "._sky.png", 5)
    assert areas(one) == {"sky": 16}
    assert areas(one, invert=True) == {"sky": 48}
    assert areas(tmp_path) == {"ground": 24, "sky": 16}
    assert areas(tmp_path, name="b") == {"tree": 8}


def test_masks_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match="holds no masks: put images into it that are white inside"):
        areas(tmp_path)
    with pytest.raises(ValueError, match=r"nothing\.png does not exist"):
        areas(tmp_path / "nothing.png")


def test_two_of_a_name(tmp_path):
    mask(tmp_path / "sky.png", 2)
    mask(tmp_path / "sky.bmp", 2)
    with pytest.raises(ValueError, match="two masks called sky: rename one"):
        areas(tmp_path)


def test_label_maps_are_found_by_the_names_of_results(tmp_path):
    for file, rows in (("cat_2", 1), ("._cat", 5), ("cat", 3)):
        mask(tmp_path / "maps" / f"{file}.png", rows, value=4)

    def hair(maps, name, source="layer3/cat.npz"):
        return int(read_classes(maps, Point(source, {}), name, 8, {4: "hair"})["hair"].sum())

    assert hair(tmp_path / "maps" / "cat.png", "dog") == 24
    assert [hair(tmp_path / "maps", name) for name in ("cat", "cat_2", "cat_3")] == [24, 8, 24]
    with pytest.raises(ValueError, match=r"maps has no label map for dog: put dog\.png into it"):
        hair(tmp_path / "maps", "dog", "dog.npz")
    with pytest.raises(ValueError, match=r"the label map .*none\.png does not exist"):
        hair(tmp_path / "none.png", "cat")
