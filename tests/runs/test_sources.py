"""Sources of points: seeds, arrays, and what an inversion wrote."""

import json
import shutil
import tracemalloc

import jax
import numpy as np
import pytest
from batteries import normal, random_params, random_prior

from gprior_jax.editing import codes
from gprior_jax.errors import CheckpointError, GPriorError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.synthesis import sample_z
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.latents import MultiCode, Sphere, WPlus, Z
from gprior_jax.objectives import Pixel
from gprior_jax.recipes import mganprior
from gprior_jax.runs.ending import end
from gprior_jax.runs.folder import OutputFolder
from gprior_jax.runs.inversion import inversion_settings
from gprior_jax.runs.items import Item
from gprior_jax.runs.sources import read_points
from runs.records import record, tiny_prior

SQUARE = StyleGAN2((6, 4), 8, 4, mapping_layers=2, architecture="plain")
PLAIN, STYLED = tiny_prior(), Prior(random_params(SQUARE, 0), SQUARE, name="tiny stylegan2")
"""The second has as many styles as one has numbers."""

MODULE = StyleGAN2((6, 4), 8, 5, mapping_layers=2, num_classes=3)
CONDITIONAL = Prior(random_params(MODULE, 0), MODULE, name="tiny conditional")


def inverted(folder, prior, recipe, samples=0, seeds=(0, 1)):
    """An output folder as a run writes it, with the variables that a parametrisation starts from."""
    last = recipe.fit(prior).stages[-1].parametrization
    out = OutputFolder(folder, inversion_settings(prior, recipe, jax.random.key(0)))
    for seed in seeds:
        source = folder / f"{seed}.jpg"
        source.write_bytes(b"pixels")
        variables = jax.tree.map(np.asarray, last.init(prior, jax.random.key(seed)))
        if samples:
            variables = {name: np.stack([value + i for i in range(samples)]) for name, value in variables.items()}
        own = record(str(seed))._replace(variables=variables, samples=np.zeros((samples, 8, 8, 3), np.uint8))
        out.write(Item(seed, source, str(seed)), own._replace(sample_losses=np.zeros(samples)))
    end(out, [], {}, {}, {"model": "somewhere/tiny"})
    return folder


def recipe(parametrization):
    return Recipe("test", parametrization, (Pixel(),))


def test_seeds_are_the_first_codes_of_generate():
    points = read_points(PLAIN, "seed:7,9-10")
    assert [point.name for point in points] == ["seed:7", "seed:9", "seed:10"]
    for point, seed in zip(points, (7, 9, 10), strict=True):
        np.testing.assert_array_equal(point.variables["z"], sample_z(PLAIN, jax.random.key(seed), 1)[0])


def test_draws_are_the_pictures_of_one_generate():
    points = read_points(PLAIN, "draw:0,5", seed=3)
    expected = np.asarray(sample_z(PLAIN, jax.random.key(3), 16))[[0, 5]]
    np.testing.assert_array_equal([point.variables["z"] for point in points], expected)


def test_classes_of_codes():
    (named,) = read_points(CONDITIONAL, "seed:1@2", label=0)
    (given,) = read_points(CONDITIONAL, "seed:1", label=0)
    np.testing.assert_array_equal(named.variables["label"], [0, 0, 1])
    np.testing.assert_array_equal(given.variables["label"], [1, 0, 0])
    with pytest.raises(GPriorError, match="needs a class"):
        read_points(CONDITIONAL, "seed:1")
    with pytest.raises(ValueError, match="classes 0 to 2"):
        read_points(CONDITIONAL, "seed:1@3")
    with pytest.raises(ValueError, match="has no classes"):
        read_points(PLAIN, "seed:1@0")


@pytest.mark.parametrize(
    ("prior", "name", "array", "space", "count"),
    [
        (PLAIN, "a.npy", normal(0, 8), "z", 1),
        (PLAIN, "a.npy", normal(0, 3, 8), "z", 3),
        (STYLED, "a.npy", normal(0, 3, 8), "z", 3),
        (STYLED, "a.npy", normal(0, 4, 4), "w_plus", 1),  # And said to be, see test_codes.py.
        (STYLED, "a.npy", normal(0, 2, 4, 4), "w_plus", 2),
        (PLAIN, "z.npz", normal(0, 2, 8), "z", 2),
        (STYLED, "w.npz", normal(0, 4), "w", 1),
        (STYLED, "w.npz", normal(0, 4, 4), "w", 4),
        (STYLED, "w.npz", normal(0, 1, 4, 4), "w_plus", 1),  # projected_w.npz of stylegan2-ada-pytorch.
        (STYLED, "w_plus.npz", normal(0, 4, 4).astype(np.float64), "w_plus", 1),
    ],
)
def test_files_of_codes(tmp_path, prior, name, array, space, count):
    path = tmp_path / name
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        np.savez(path, **{path.stem: array})
    points = read_points(prior, str(path))
    assert len(points) == count
    assert all(set(point.variables) == {space} for point in points)
    found = np.stack([point.variables[space] for point in points])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.ravel(), array.astype(np.float32).ravel())


def test_files_hold_the_classes_of_their_codes(tmp_path):
    np.savez(tmp_path / "samples.npz", z=normal(0, 2, 8), label=np.array([2, 0]), images=np.zeros((2, 8, 8, 3)))
    points = read_points(CONDITIONAL, str(tmp_path / "samples.npz"))
    np.testing.assert_array_equal([point.variables["label"] for point in points], [[0, 0, 1], [1, 0, 0]])


@pytest.mark.parametrize("parametrization", [MultiCode(2), WPlus(noise="free"), Sphere(statistics_samples=100)])
def test_inversions_with_what_they_were_made_by(tmp_path, parametrization):
    folder = inverted(tmp_path / "out", STYLED, recipe(parametrization))
    points = read_points(STYLED, str(folder))
    assert [point.name for point in points] == [str(folder / "0.npz"), str(folder / "1.npz")]
    assert all(point.parametrization == parametrization.fit(STYLED) for point in points)
    assert points[0].model == "somewhere/tiny"
    assert getattr(points[0].parametrization, "layer", 1) is not None  # What was left to the prior has been decided.
    (one,) = read_points(STYLED, str(folder / "1.npz"))
    np.testing.assert_equal(one.variables, points[1].variables)


def test_the_best_of_several_samples(tmp_path):
    folder = inverted(tmp_path / "out", PLAIN, mganprior(2, 2, perceptual=None), samples=3, seeds=(0,))
    (point,) = read_points(PLAIN, str(folder))
    np.testing.assert_allclose(point.variables["alpha"], 0.5)


def test_the_last_stage_is_what_was_found(tmp_path):
    first = Recipe("test", WPlus(), (Pixel(),), then=recipe(WPlus(noise="free")))
    (point,) = read_points(STYLED, str(inverted(tmp_path / "out", STYLED, first, seeds=(0,))))
    assert point.parametrization == WPlus(noise="free")


def test_inversions_of_a_class(tmp_path):
    folder = inverted(tmp_path / "out", with_label(CONDITIONAL, 2), recipe(Z()), seeds=(0,))
    (point,) = read_points(CONDITIONAL, str(folder))
    np.testing.assert_array_equal(point.variables["label"], [0, 0, 1])
    assert set(codes(CONDITIONAL, [point], "z")) == {"z", "label"}
    assert codes(CONDITIONAL, [point])["w_plus"].shape == (1, 4, 5)


def test_inversions_of_another_prior(tmp_path):
    folder = inverted(tmp_path / "out", PLAIN, recipe(MultiCode(2, 2)))
    with pytest.raises(GPriorError, match="does not fit tiny dcgan: name the prior it was made with, somewhere/tiny"):
        read_points(random_prior("dcgan"), str(folder))


def test_files_that_hold_no_codes(tmp_path):
    def refused(name, told, error=GPriorError, prior=PLAIN):
        with pytest.raises(error, match=told):
            read_points(prior, str(tmp_path / name))

    (tmp_path / "cat.png").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut short")
    np.savez(tmp_path / "images.npz", images=np.zeros((2, 4)))
    np.savez(tmp_path / "w.npz", w=normal(0, 4))
    np.save(tmp_path / "long.npy", normal(0, 2, 9))
    np.save(tmp_path / "whole.npy", np.zeros((2, 8), int))
    np.save(tmp_path / "nan.npy", np.full((2, 8), np.nan, np.float32))
    np.save(tmp_path / "objects.npy", np.array([{}], object))
    refused("nothing.npz", "does not exist: give seed:NUMBER")
    refused("cat.png", "gprior invert finds those of a picture")
    refused("cut.npz", "damaged", CheckpointError)
    np.savez(tmp_path / "several.npz", images=np.zeros((2, 4)), other=np.zeros(2))
    refused("images.npz", r"images as float64 of shape \(2, 4\)", CheckpointError)
    refused("several.npz", "holds no array z, w or w_plus", CheckpointError)
    refused("w.npz", "has no styles", ValueError)
    refused("long.npy", r"float32 of shape \(2, 9\): tiny pggan takes finite floats \[N, 8\] as z", CheckpointError)
    refused("whole.npy", "finite floats", CheckpointError)
    refused("nan.npy", "nan.npy holds numbers that are NaN or infinite, no codes", CheckpointError)
    refused("objects.npy", "holds a list, no codes: save the array alone", CheckpointError)
    refused("", "no folder of gprior invert")
    for source in ("seed:", "seed:a", "seed:5-3", "draw:100000", "seed:99999999999"):
        with pytest.raises(GPriorError, match=r"seed:|draw:"):
            read_points(PLAIN, source)


def test_sizes_are_checked_from_the_ends():
    tracemalloc.start()
    for source in ("seed:1-3000000", "seed:3,1-3000000,2", "draw:0-3000000", "seed:4294967000-4294967296"):
        with pytest.raises(GPriorError, match="names no codes, or too many"):
            read_points(PLAIN, source)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    assert [point.name for point in read_points(PLAIN, "seed:5-3,2")] == ["seed:2"]


def test_inversions_away_from_their_run(tmp_path):
    folder = inverted(tmp_path / "out", PLAIN, recipe(MultiCode(2, 2)))
    run = json.loads((folder / "run.json").read_text())
    run["settings"]["recipe"]["parametrization"]["kind"] = "FIXED"
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(CheckpointError, match="names no parametrisation"):
        read_points(PLAIN, str(folder))


def test_a_record_says_by_itself_what_it_is_of(tmp_path):
    """Without its folder, and beside the run.json of another one."""
    folder = inverted(tmp_path / "out", PLAIN, recipe(MultiCode(2, 2)))
    (wanted,) = read_points(PLAIN, str(folder / "0.npz"))
    other = inverted(tmp_path / "other", PLAIN, recipe(Z()), seeds=())
    for place in (tmp_path, other):
        shutil.copy(folder / "0.npz", place / "codes.npz")
        (found,) = read_points(PLAIN, str(place / "codes.npz"))
        assert (found.parametrization, found.weights) == (wanted.parametrization, wanted.weights)
        jax.tree.map(np.testing.assert_array_equal, found.variables, wanted.variables)
    assert wanted.model == "somewhere/tiny"
    assert found.model is None  # The folder had said it.
    with pytest.raises(GPriorError, match="does not fit"):
        read_points(STYLED, str(tmp_path / "codes.npz"))


def test_a_folder_without_results(tmp_path):
    inverted(tmp_path / "out", PLAIN, recipe(MultiCode(2, 2)), seeds=())
    with pytest.raises(GPriorError, match="holds no finished images"):
        read_points(PLAIN, str(tmp_path / "out"))
