"""Inversion of files through the library alone: results, settings, and that nothing depends on interruptions."""

import dataclasses
import functools
import json
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

import gprior_jax as gp
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.images.files import load_image
from gprior_jax.inversion.driver import invert
from gprior_jax.runs import Inversion, find_items, read_record, read_records, run
from gprior_jax.summary import fingerprint, summarise
from runs.records import SIDE, picture, pictures, results, times, tiny_prior

KEY = jax.random.key(3)
RECIPE = gp.recipes.mganprior(2, 2, num_steps=3, perceptual=None)


def job(channels=3, recipe=RECIPE, key=KEY, **options):
    return Inversion(tiny_prior(channels), recipe, key, devices=1, **options)


class Done:
    """A whole run, of five pictures in batches of two."""

    def __init__(self, folder):
        pictures(folder / "in")
        self.items, self.out = find_items([folder / "in"]), folder / "out"
        self.outcome = run(job(), self.items, self.out, batch_size=2)
        self.results = results(self.out)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return Done(tmp_path_factory.mktemp("whole"))


def test_results_are_those_of_the_library(whole):
    images = np.stack([load_image(item.source, SIDE) for item in whole.items[2:4]])
    ids = [item.id for item in whole.items[2:4]]
    result = invert(tiny_prior(), images, RECIPE, key=KEY, ids=ids, batch_size=2)
    for i, name in enumerate("cd"):
        record = read_record(whole.out / f"{name}.npz")
        np.testing.assert_array_equal(record.image, result.images[i])
        for variable, value in result.variables.items():
            np.testing.assert_array_equal(record.variables[variable], value[i])
        np.testing.assert_array_equal(record.history["loss"], result.history["loss"][i])
        assert record.terms == {"loss": result.loss[i], "pixel_mse": result.terms["pixel_mse"][i]}
        np.testing.assert_allclose(record.target, (images[i] + 1) * 127.5, atol=1e-3)
        mse = np.mean((np.clip(result.images[i], -1, 1) - images[i]) ** 2)
        assert record.metrics == {"psnr": pytest.approx(10 * np.log10(4 / mse), abs=1e-3)}
    assert [entry.row["name"] for entry in whole.outcome.entries] == list("abcde")


def test_everything_that_decides_the_results_is_written_down(whole):
    assert json.loads((whole.out / "run.json").read_text())["settings"] == {
        "prior": {
            "weights": fingerprint(tiny_prior().params),
            "module": json.loads(json.dumps(summarise(tiny_prior().module))),
            "latent": {"kind": "normal", "low": -1.0, "high": 1.0},
        },
        "label": None,
        "recipe": json.loads(json.dumps(RECIPE.fit(tiny_prior()).summary())),
        "key": jax.random.key_data(KEY).tolist(),
        "crop": "center",
        "range": "auto",
    }


def test_a_second_run_reads_nothing_and_keeps_every_byte(whole, monkeypatch):
    before = times(whole.out)
    monkeypatch.setattr(Inversion, "load", None)
    monkeypatch.setattr(Inversion, "start", None)
    outcome = run(job(), whole.items, whole.out, batch_size=2)
    assert times(whole.out) == before
    assert results(whole.out) == whole.results
    assert [entry.row for entry in outcome.entries] == [entry.row for entry in whole.outcome.entries]


LONG = gp.recipes.mganprior(2, 2, num_steps=10, perceptual=None)
"""Long enough for mates to matter; conjugate gradients grow the last bits, to 2e-3 after twenty steps."""


@pytest.mark.slow
def test_a_picture_has_its_result_whatever_else_is_in_the_list(tmp_path):
    """Design's row property: the same bits at the same place beside other mates, rounding apart in other lists."""
    pictures(tmp_path / "in", "abc")
    a, b, c = (tmp_path / "in" / f"{name}.png" for name in "abc")

    def result(name, *inputs, batch_size=2):
        out = tmp_path / "-".join([str(batch_size), *(path.stem for path in inputs)])
        run(job(recipe=LONG), find_items(inputs), out, batch_size=batch_size)
        return read_record(out / f"{name}.npz")

    first = result("b", a, b)
    picture(a, 50)
    again = find_items([a, b])[::-1]
    run(job(recipe=LONG), again, tmp_path / "again", batch_size=2)
    beside_another = read_record(tmp_path / "again" / "b.npz")
    np.testing.assert_array_equal(first.image, beside_another.image)
    np.testing.assert_array_equal(first.history["loss"], beside_another.history["loss"])
    for other in (result("b", b), result("b", b, c), result("b", a, b, c, batch_size=3), result("b", b, batch_size=1)):
        assert other.terms["loss"] == pytest.approx(first.terms["loss"], rel=1e-4)
        np.testing.assert_allclose(other.image, first.image, atol=1e-3)


def test_adding_removing_and_naming_a_file_leave_the_others_alone(tmp_path):
    pictures(tmp_path / "in", "bc")
    folder, out = tmp_path / "in", tmp_path / "out"

    def names(*inputs):
        outcome = run(job(), find_items(inputs), out, batch_size=2)
        rows = json.loads((out / "run.json").read_text())["images"]
        lines = (out / "history.csv").read_text().splitlines()[1:]
        shown = outcome.report.read_text()
        listed = [row["name"] for row in rows]
        assert sorted({line.partition(",")[0] for line in lines}) == listed
        assert all(f"<h2>{name}</h2>" in shown for name in listed)
        assert [entry.row for entry in outcome.recorded] == rows
        return [entry.row["name"] for entry in outcome.entries], {row["name"]: row for row in rows}

    _, before = names(folder)
    first, written = results(out), times(out)
    picture(folder / "a.png", 7)
    with Image.open(folder / "b.png") as image:
        image.save(folder / "b.jpg")
    told, rows = names(folder)
    assert told == ["a", "b_jpg", "b", "c"]
    assert rows.items() >= before.items()
    told, rows = names(folder / "c.png")
    assert told == ["c"]
    assert list(rows) == ["a", "b", "b_jpg", "c"]
    (folder / "b.png").unlink()
    told, rows = names(f"{folder}/*.png")
    assert told == ["a", "c"]
    assert list(rows) == ["a", "b", "b_jpg", "c"]
    after = results(out)
    assert {name: after[name] for name in first} == first
    assert {name: time for name, time in times(out).items() if name in written} == written


def test_an_interrupted_run_ends_with_the_same_bits(whole, tmp_path, monkeypatch):
    from gprior_jax.runs import folder

    write = folder.write_record

    def fail(path, record, about):
        if record.name > "c":
            raise OSError(28, "No space left on device")
        write(path, record, about)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "write_record", fail)
        with pytest.raises(OSError, match="No space left"):
            run(job(), whole.items, tmp_path, batch_size=2)
    done = times(tmp_path)
    assert sorted(name for name in done if name.endswith("npz")) == ["a.npz", "b.npz", "c.npz"]
    run(job(), whole.items, tmp_path, batch_size=2)
    assert results(tmp_path) == whole.results
    assert times(tmp_path).items() >= {name: done[name] for name in ("a.npz", "b.npz", "c.npz", "a.png")}.items()


def test_a_changed_picture_and_a_damaged_record_are_done_again(tmp_path):
    first = Done(tmp_path)
    picture(first.items[0].source, 99)
    (first.out / "d.npz").write_bytes(first.results["d.npz"][:300])
    before = times(first.out)
    run(job(), first.items, first.out, batch_size=2)
    after, found = times(first.out), results(first.out)
    assert {name for name in after if after[name] != before[name]} == {"a.png", "a.npz", "d.png", "d.npz"}
    assert found["d.npz"] == first.results["d.npz"]
    wanted = load_image(first.items[0].source, SIDE)
    np.testing.assert_allclose(read_record(first.out / "a.npz").target, (wanted + 1) * 127.5, atol=1e-3)
    assert found["a.npz"] != first.results["a.npz"]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (functools.partial(job, key=jax.random.key(4)), r"another key \(\[0, 3\] there, \[0, 4\] now\): give"),
        (functools.partial(job, crop="pad"), r"another crop \(center there, pad now\): give"),
        (
            functools.partial(job, recipe=gp.recipes.mganprior(2, 2, num_steps=4, perceptual=None)),
            r"another recipe\.solver\.num_steps \(3 there, 4 now\): give",
        ),
    ],
)
def test_other_settings_are_refused_and_only_they_are_named(whole, other, told):
    with pytest.raises(ArgumentError, match=told):
        run(other(), whole.items, whole.out)
    assert results(whole.out) == whole.results


def with_fewer_fields(settings):
    """Settings as a version told them in which nothing that has its default was a setting yet."""
    if isinstance(settings, dict):
        kept = settings.keys() - getattr(settings, "at_default", frozenset()) | {"kind"}
        return {name: with_fewer_fields(value) for name, value in settings.items() if name in kept}
    return [with_fewer_fields(value) for value in settings] if isinstance(settings, list | tuple) else settings


def of_an_earlier_version(whole, out):
    """A copy of a whole run's folder, with fewer fields in what it says of its settings; and these."""
    shutil.copytree(whole.out, out)
    settings = with_fewer_fields(job().settings())
    run_json = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(run_json | {"settings": settings}))
    for path in out.glob("*.npz"):
        with np.load(path) as stored:
            arrays = dict(stored)
        about = json.loads(str(arrays["about"]))
        text = json.dumps(settings, sort_keys=True)
        assert text != about["fingerprint"]
        np.savez(path, **arrays | {"about": json.dumps(about | {"fingerprint": text})})
    return settings


@pytest.mark.parametrize("lost", [False, True])
def test_a_run_goes_on_that_was_begun_before_fields_came(whole, tmp_path, monkeypatch, lost):
    out = tmp_path / "out"
    settings = of_an_earlier_version(whole, out)
    assert "free_label" not in settings["recipe"]["parametrization"]
    if lost:
        (out / "run.json").unlink()
    (out / "c.npz").unlink()
    before = times(out)
    outcome = run(job(), whole.items, out, batch_size=2)
    after = times(out)
    assert {name for name in after if after[name] != before.get(name)} == {"c.npz", "c.png"}
    assert [entry.row["name"] for entry in outcome.entries] == list("abcde")
    assert json.loads((out / "run.json").read_text())["settings"] == settings
    assert read_record(out / "c.npz").metrics == read_record(whole.out / "c.npz").metrics
    assert len(list(read_records(out)[1])) == 5
    monkeypatch.setattr(Inversion, "load", None)
    run(job(), whole.items, out, batch_size=2)
    assert times(out) == after


def test_fields_that_came_later_are_settings_all_the_same(whole, tmp_path):
    of_an_earlier_version(whole, tmp_path / "out")
    other = gp.recipes.mganprior(2, 2, num_steps=3, perceptual=None)
    moved = dataclasses.replace(other.parametrization, start_spread=0.5)
    told = r"another recipe\.parametrization\.start_spread \(None there, 0\.5 now\): give"
    with pytest.raises(ArgumentError, match=told):
        run(job(recipe=dataclasses.replace(other, parametrization=moved)), whole.items, tmp_path / "out")


def test_other_weights_are_other_settings():
    prior = tiny_prior()
    params = jax.tree.map(lambda leaf: leaf + 1, prior.params)
    changed = Inversion(gp.Prior(params, prior.module), RECIPE, KEY).settings()
    assert changed["prior"]["weights"] != job().settings()["prior"]["weights"]
    assert changed | {"prior": None} == job().settings() | {"prior": None}


def test_equal_weights_in_another_network_are_other_settings():
    prior = tiny_prior()
    changed = Inversion(gp.Prior(prior.params, prior.module.clone(final_tanh=True)), RECIPE, KEY).settings()
    assert changed["prior"] != job().settings()["prior"]
    assert changed["prior"]["weights"] == job().settings()["prior"]["weights"]


def test_another_class_is_another_setting():
    from batteries import random_params

    from gprior_jax.generators.stylegan2 import StyleGAN2

    module = StyleGAN2((6, 4), 8, 5, mapping_layers=2, num_classes=3, architecture="plain")
    prior = gp.Prior(random_params(module, 0), module)
    labels = [Inversion(with_label(prior, label), RECIPE, KEY).settings()["label"] for label in (0, 2)]
    assert labels == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    with pytest.raises(ValueError, match="class"):
        Inversion(prior, RECIPE, KEY).settings()


def test_a_recipe_that_does_not_fit_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="layers 1 to 4"):
        run(job(recipe=gp.recipes.mganprior(2, 7)), [], tmp_path / "out", batch_size=2)
    assert not (tmp_path / "out").exists()


def test_a_prior_of_one_channel_inverts_the_luma(tmp_path):
    items = find_items([picture(tmp_path / "a.png", 0, 12), picture(tmp_path / "b.png", 1, 12)])
    outcome = run(job(channels=1), items, tmp_path / "out", size=16)
    for item in items:
        record = read_record(tmp_path / "out" / f"{item.name}.npz")
        assert record.image.shape == record.target.shape == (SIDE, SIDE, 1)
        luma = load_image(item.source, tiny_prior(1))
        np.testing.assert_allclose(record.target, (luma + 1) * 127.5, atol=1e-3)
        assert load_image(tmp_path / "out" / f"{item.name}.png", 16).shape == (16, 16, 3)
    assert outcome.report.read_text().count("<img") == 6


def test_items_that_are_no_files_are_read_by_the_job(tmp_path):
    drawn = np.random.default_rng(0).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)
    items = [gp.runs.Item(i, tmp_path / "out" / f"drawn_{i}", f"drawn_{i}", digest=f"number {i}") for i in range(2)]
    own = job(read=lambda item: drawn[item.id])
    run(own, items, tmp_path / "out", batch_size=2)
    before = times(tmp_path / "out")
    target = read_record(tmp_path / "out" / "drawn_1.npz").target
    np.testing.assert_allclose(target, (drawn[1] + 1) * 127.5, atol=0.51)
    changed = [items[0], items[1]._replace(digest="another number 1")]
    run(own, changed, tmp_path / "out", batch_size=2)
    after = times(tmp_path / "out")
    assert {name for name in after if after[name] != before[name]} == {"drawn_1.png", "drawn_1.npz"}


def test_what_only_saves_memory_is_no_setting():
    wanted = Inversion(tiny_prior(), RECIPE, KEY).settings()
    for saved in ({"remat": True}, {"codes_per_call": 1}):
        recipe = gp.recipes.mganprior(2, 2, num_steps=3, perceptual=None, **saved)
        assert Inversion(tiny_prior(), recipe, KEY, devices=2).settings() == wanted


def test_another_size_is_written_again_from_what_is_stored(whole, tmp_path, monkeypatch):
    out = tmp_path / "out"
    shutil.copytree(whole.out, out)
    monkeypatch.setattr(Inversion, "start", None)
    for size, side in ((32, 32), (None, SIDE)):
        outcome = run(job(), whole.items, out, batch_size=2, size=size)
        assert len(outcome.entries) == 5
        for name in "abcde":
            with Image.open(out / f"{name}.png") as image:
                assert image.size == (side, side)
    assert results(out) == whole.results
