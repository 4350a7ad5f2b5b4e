"""Classes of the images of a run, from files and from folders."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from batteries import normal, random_params

import gprior_jax as gp
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.images.files import save_image
from gprior_jax.images.listing import Found
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.latents import WPlus, Z
from gprior_jax.objectives import Pixel
from gprior_jax.runs import Inversion, Restoring, read_record, run
from gprior_jax.runs.items import Item, find_items, name_items
from gprior_jax.runs.labels import with_labels
from gprior_jax.runs.measurements import Whole
from gprior_jax.runs.sources import read_points

NAMES = ("basophil", "ig", "platelet")


def items(*paths):
    return name_items([Found(Path(path), Path(path).name) for path in paths])


def labels(found):
    return [item.label for item in found]


FILES = {
    "a.csv": "cat.png,2\nsub/dog.png,0\n",
    "b.csv": "file;class\ncat.png;platelet\ndog;Basophil\n",
    "c.txt": "cat\t2\n\nsub/dog\t0\n",
    "d.json": json.dumps({"cat.png": 2, "sub/dog.png": "basophil"}),
    "e.json": json.dumps({"labels": [["x\\cat.png", 2], ["sub\\dog.png", 0]], "label_names": list(NAMES)}),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_labels(tmp_path, name):
    (tmp_path / name).write_text(FILES[name])
    found = with_labels(items("x/cat.png", "x/sub/dog.png", "x/other.png"), tmp_path / name, 3, NAMES)
    assert labels(found) == [2, 0, None]


def test_the_longest_end_of_a_name_counts(tmp_path):
    (tmp_path / "l.csv").write_text("cat.png,0\nb/cat.png,1\n")
    assert labels(with_labels(items("a/cat.png", "b/cat.jpg"), tmp_path / "l.csv", 3, ())) == [0, 1]


def test_folders_are_named_after_classes():
    assert labels(with_labels(items("in/2/a.png", "in/IG/b.png"), "folders", 3, NAMES)) == [2, 1]
    with pytest.raises(
        ArgumentError, match=r"in/cats/a.png, its folder: 'cats' is no class; use 0 to 2 \(basophil, ig"
    ):
        with_labels(items("in/cats/a.png"), "folders", 3, NAMES)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "cat.png,3\n", "a.csv: '3' is no class; use 0 to 2."),
        ("a.csv", "cat.png,-1\n", "'-1' is no class"),
        ("a.csv", "cat.png,2\ncat.png,1\n", "a.csv names two classes of cat.png: an image is of one."),
        ("a.json", '{"cat.png": 2, "cat.png": 1}', "('cat.png' stands in it twice, with 2 and 1)"),
        ("a.json", '{"labels": [["cat.png", 2], ["./cat.png", 1]]}', "names two classes of ./cat.png"),
        ("a.csv", "cat.png\n", "every line needs a name and a class"),
        ("a.csv", "", "every line needs a name and a class"),
        ("a.csv", "dog.png,1\n", "names the class of no input (it names dog.png"),
        ("a.json", "[]", "is not of the form"),
        ("a.json", '{"labels": null}', "is not of the form"),
        ("a.json", "{", "is not of the form"),
        ("nothing.csv", None, "cannot be read"),
    ],
)
def test_files_that_name_no_classes(tmp_path, name, content, told):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ArgumentError) as caught:
        with_labels(items("cat.png"), tmp_path / name, 3, ())
    assert told in str(caught.value)


MODULE = StyleGAN2((6, 4), 8, 5, mapping_layers=2, num_classes=3)
PRIOR = Prior(random_params(MODULE, 0), MODULE, name="tiny conditional")
KEY = jax.random.key(1)


def arrays_of(record, label):
    """Styles of the variables of a record."""
    if "w_plus" in record.variables:
        return record.variables["w_plus"]
    return np.asarray(gp.map_latents(PRIOR, record.variables["z"], label=label))


@pytest.mark.parametrize("parametrization", [Z(), WPlus()])
def test_every_image_is_inverted_in_its_class(tmp_path, parametrization):
    recipe = Recipe("test", parametrization, (Pixel(),), gp.SolverConfig(num_steps=2))
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for number, path in enumerate(paths):
        save_image(path, np.clip(np.asarray(normal(number, 8, 8, 3)), -1, 1))
    named = [item._replace(label=label) for item, label in zip(find_items(paths), (2, 0, None), strict=True)]
    told: list[str] = []
    job = Inversion(PRIOR, recipe, KEY, labels=True)
    outcome = run(job, named, tmp_path / "out", batch_size=3, tell=told.append)
    assert told == [f"{paths[2]} has no class: name one, 0 to 2."]
    assert list(outcome.failed) == [str(paths[2])]
    assert job.settings()["label"] == "each"
    images = np.stack([gp.load_image(path, PRIOR) for path in paths[:2]])
    ids = [item.id for item in named[:2]]
    wanted = gp.invert(PRIOR, images, recipe, key=KEY, ids=ids, label=np.array([2, 0]))
    for number, name in enumerate("ab"):
        record = read_record(tmp_path / "out" / f"{name}.npz")
        np.testing.assert_allclose(record.image, wanted.images[number], atol=1e-4)
        assert record.variables["label"].tolist() == np.eye(3)[named[number].label].tolist()
        # NVIDIA's programs read the styles: generate.py --projected-w FILE takes its w.
        with np.load(tmp_path / "out" / f"{name}.npz") as arrays:
            assert arrays["w"].shape == (1, PRIOR.num_styles, PRIOR.w_dim)
            drawn = gp.synthesize(PRIOR, arrays["w"], space="w_plus")[0]
        np.testing.assert_allclose(drawn, record.image, atol=1e-4)
        np.testing.assert_array_equal(record.styles, arrays_of(record, named[number].label))
    points = read_points(PRIOR, str(tmp_path / "out"))
    assert [int(np.argmax(point.variables["label"])) for point in points] == [2, 0]
    rendered = gp.editing.render(PRIOR, gp.editing.stack(points), points[0].parametrization)
    np.testing.assert_allclose(rendered, wanted.images, atol=1e-4)


def test_samples_of_a_restoration_have_the_class_of_their_image(tmp_path):
    recipe = Recipe("test", Z(), (Pixel(),), gp.SolverConfig(num_steps=2))
    path = tmp_path / "a.png"
    save_image(path, np.clip(np.asarray(normal(1, 8, 8, 3)), -1, 1))
    reader = Whole(PRIOR, gray=True)
    job = Restoring(PRIOR, recipe, KEY, gp.tasks.COLORIZE, reader, samples=2, labels=True)
    run(job, [find_items([path])[0]._replace(label=2)], tmp_path / "out")
    record = read_record(tmp_path / "out" / "a.npz")
    assert record.variables["label"].tolist() == [[0, 0, 1]] * 2
    (point,) = read_points(PRIOR, str(tmp_path / "out"))
    assert point.variables["label"].tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="class"):
        Restoring(PRIOR, recipe, KEY, gp.tasks.COLORIZE, reader).settings()


def test_another_class_is_another_content():
    paths = items(__file__)
    one, other = paths[0]._replace(label=1), paths[0]._replace(label=2)
    assert one.digests() != other.digests() != paths[0].digests()
    assert Item(0, Path("x"), "x", digest="d", label=1).digests() == ["d", "class 1"]
