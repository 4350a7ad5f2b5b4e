import json

import numpy as np
import pytest

from gprior_jax.errors import GPriorError
from gprior_jax.training.data import ImageZip
from training.test_data import make_zip, png

IMAGE = png(np.zeros((8, 8, 3), np.uint8))
NAMES = ("00000/000.png", "00000/001.png", "00001/002.png", "00001/003.png")


def images_of(path, told=None, names=NAMES, where="dataset.json"):
    """Images with a ``dataset.json``: text as it is, else an object."""
    entries = dict.fromkeys(names, IMAGE)
    if told is not None:
        entries[where] = told if isinstance(told, str) else json.dumps(told)
    return ImageZip(make_zip(path / "a.zip", entries), "all")


def labelled(*labels, names=NAMES, **more):
    return {"labels": [[name, label] for name, label in zip(names, labels, strict=True)]} | more


@pytest.mark.parametrize(
    "told",
    [
        labelled(0, 2, 1, 2),
        {"labels": dict(zip(NAMES, (0, 2, 1, 2), strict=True))},
        labelled(0, 2, 1, 2, names=[name.replace("/", "\\") for name in NAMES]),
        labelled(0, 2, 1, 2, names=[f"./{name}" for name in NAMES]),
        labelled("0", "2", " 1", "2"),
        labelled(0.0, 2.0, 1.0, 2.0),
        labelled([1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]),
        labelled(0, 2, 1, 2, label_names=None),
        {"labels": [*labelled(0, 2, 1, 2)["labels"], ["gone.png", 1]]},
        {"labels": [*labelled(0, 2, 1, 2)["labels"], [NAMES[1], "2"]]},
    ],
)
def test_ways_to_name_classes(tmp_path, told):
    labels, names = images_of(tmp_path, told).labels()
    assert labels.tolist() == [0, 2, 1, 2]
    assert names == ["0", "1", "2"]


def test_words_and_names(tmp_path):
    labels, names = images_of(tmp_path, labelled("dog", "cat", "cat", "cow")).labels()
    assert (labels.tolist(), names) == ([2, 0, 0, 1], ["cat", "cow", "dog"])
    assert images_of(tmp_path, labelled(1, 0, 0, 1, label_names=["a", "b"])).labels()[1] == ["a", "b"]


def test_a_file_in_the_one_folder_of_all(tmp_path):
    """As the Finder packs a folder: names in it are those below the folder."""
    names = [f"photos/{name}" for name in NAMES]
    images = images_of(tmp_path, labelled(0, 1, 1, 0), names, "photos/dataset.json")
    assert images.labels()[0].tolist() == [0, 1, 1, 0]


def test_folders_are_classes(tmp_path):
    labels, names = images_of(tmp_path).labels()
    assert (labels.tolist(), names) == ([0, 0, 1, 1], ["00000", "00001"])
    deep = ("all/dog/x/0.png", "all/cat/0.png", "all/cat/y/1.png")
    assert images_of(tmp_path, names=deep).labels()[0].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("{", r"its dataset\.json cannot be read as JSON"),
        ("", r"its dataset\.json cannot be read as JSON"),
        ('{"labels": {"a.png": 0, "a.png": 1}}', r"cannot be read as JSON \('a\.png' stands in it twice, with 0 and 1"),
        ([], r"its dataset\.json holds no object"),
        ({}, r"its dataset\.json has no 'labels' \(remove the file where the folders are the classes\)"),
        (dict.fromkeys(NAMES, 0), r"its dataset\.json has no 'labels'"),
        ({"labels": None}, r"the 'labels' of its dataset\.json are null"),
        ({"labels": []}, r"the 'labels' of its dataset\.json are empty"),
        ({"labels": 3}, r"the 'labels' of its dataset\.json are no list of pairs"),
        (
            {"labels": [*labelled(0, 1, 0, 1)["labels"], [NAMES[0].replace("/", "\\"), 2]]},
            r"00000\\000\.png has two classes in its dataset\.json, 0 and 2, and an image is of one",
        ),
        ({"labels": ["a.png"]}, r'"a\.png" in its dataset\.json is no pair of a name and a class'),
        (
            {"labels": [["00000/000.png", 0]]},
            r"3 of 4 images have none in dataset\.json: 00000/001\.png, 0",
        ),
        ({"labels": [["x/y.png", 0]]}, r"4 of 4 images have none in .* \(it names others, such as x/y\.png\)"),
        (labelled(0, -1, 0, 0), r"the class -1 of 00000/001\.png in its dataset\.json is neither a whole number"),
        (labelled(0, 0.5, 0, 0), r"the class 0\.5 of 00000/001\.png"),
        (labelled(0, None, 0, 0), r"the class null of 00000/001\.png"),
        (labelled(0, True, 0, 0), r"the class true of 00000/001\.png"),
        (labelled(0, [0.1, 0.9], 0, 0), r"the class \[0\.1, 0\.9\] of 00000/001\.png"),
        (labelled("a", 1, "b", "a"), r"its dataset\.json has both numbers and words for classes"),
        (labelled(0, 1, 1, 0, label_names=["a"]), r"its dataset\.json has 2 classes and 1 'label_names'"),
    ],
)
def test_what_is_wrong_is_said_in_words(tmp_path, told, why):
    with pytest.raises(GPriorError, match=rf"a\.zip does not name the class of every image: .*{why}") as caught:
        images_of(tmp_path, told).labels()
    assert "conditional training needs 'labels'" in str(caught.value)
    assert "Error(" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("a.png", "b.png"), "it has no dataset.json, and all images lie in one folder"),
        (("x/a.png", "x/b.png"), "it has no dataset.json, and all images lie in one folder"),
        (("x/a.png", "y/b.png", "c.png"), "it has no dataset.json, and in no folder are c.png"),
    ],
)
def test_images_without_classes(tmp_path, names, why):
    with pytest.raises(GPriorError) as caught:
        images_of(tmp_path, names=names).labels()
    assert why in str(caught.value)
