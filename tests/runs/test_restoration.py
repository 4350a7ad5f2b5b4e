"""Restoration of files through the library alone: simulated and observed, with ground truths, by any method."""

import json
import threading

import jax
import numpy as np
import pytest
from batteries import random_params
from PIL import Image

import gprior_jax as gp
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.images import arrays as im
from gprior_jax.images.files import load_image
from gprior_jax.latents import WPlus
from gprior_jax.operators import Downsample, GaussianNoise
from gprior_jax.recipes import latent, with_pixels
from gprior_jax.runs import Restoring, find_items, match_files, read_record, run
from gprior_jax.runs.measurements import DrawnMasks, Masked, Small, Whole
from gprior_jax.tasks import denoising, inpainting, upscaling
from runs.records import SIDE, picture, pictures, results, times, tiny_prior

KEY = jax.random.key(7)
MODULE = StyleGAN2((6, 4), 8, 5, mapping_layers=2, architecture="plain")
STYLED = Prior(random_params(MODULE, 0), MODULE, name="tiny stylegan2")


def upscaled(**options):
    """Restoring enlarged pictures, two solutions each."""
    prior = tiny_prior()
    recipe = gp.recipes.restoration("upscale", prior, num_codes=2, layer=2, num_steps=3)
    settings = {"samples": 2, "simulate": True, "devices": 1} | options
    return Restoring(prior, recipe, KEY, upscaling(2), Small(prior, 2), **settings)


class Simulated:
    """A whole run, of three intact pictures in batches of two."""

    def __init__(self, folder):
        pictures(folder / "in", "abc")
        self.items, self.out = find_items([folder / "in"]), folder / "out"
        self.job = upscaled(about={"factor": 2})
        self.outcome = run(self.job, self.items, self.out, batch_size=2)
        self.results = results(self.out)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return Simulated(tmp_path_factory.mktemp("simulated"))


def test_intact_pictures_are_degraded_and_compared_with(simulated):
    intact = np.stack([load_image(item.source, SIDE) for item in simulated.items])
    small = im.from_uint8(im.to_uint8(jax.vmap(Downsample(2, "bicubic"))(intact)))  # As a file would hold it.
    prior, recipe = simulated.job.prior, simulated.job.recipe
    ids = [item.id for item in simulated.items]
    restored = gp.tasks.upscale(prior, small, key=KEY, ids=ids, recipe=recipe, samples=2, batch_size=2)
    for i, name in enumerate("abc"):
        record = read_record(simulated.out / f"{name}.npz")
        np.testing.assert_array_equal(record.image, restored.images[i])
        np.testing.assert_array_equal(record.samples, im.to_uint8(restored.samples[i]))
        np.testing.assert_array_equal(record.sample_losses, restored.result.loss[i])
        np.testing.assert_array_equal(record.variables["codes"], restored.result.variables["codes"][i])
        assert record.terms["loss"] == restored.result.loss[i, 0]
        pictures = {
            "measured": small,
            "reconstruction": restored.reconstruction,
            "mean": restored.mean,
            "truth": intact,
        }
        for picture_name, wanted in pictures.items():
            np.testing.assert_array_equal(record.pictures[picture_name], im.to_uint8(wanted[i]))
        assert record.pictures["std"].shape == (SIDE, SIDE, 3)
        np.testing.assert_array_equal(record.target, im.to_uint8(small[i]))
        written = load_image(simulated.out / f"{name}.png", SIDE)
        psnr = 10 * np.log10(4 / np.mean((written - intact[i]) ** 2))
        assert record.metrics == {
            "psnr": pytest.approx(psnr, abs=1e-3),
            "consistency": pytest.approx(restored.consistency[i], abs=1e-3),
        }


def test_every_picture_is_a_file(simulated):
    folders = ("", "measured/", "reconstruction/", "mean/", "std/")
    wanted = {f"{folder}{name}.png" for folder in folders for name in "abc"} | {f"{name}.npz" for name in "abc"}
    assert simulated.results.keys() == wanted | {f"samples/{name}_{k}.png" for name in "abc" for k in (1, 2)}
    assert simulated.outcome.report.read_text().count("<img") == 3 * 8  # The first sample is the result.


def test_everything_that_decides_the_results_is_written_down(simulated):
    settings = json.loads((simulated.out / "run.json").read_text())["settings"]
    own = {"task": "upscale", "samples": 2, "simulate": True, "crop": "center", "range": "auto", "factor": 2}
    assert settings.items() >= own.items()
    assert settings.keys() == own.keys() | {"prior", "label", "recipe", "key"}
    for other, told in (({"samples": 3}, r"samples \(2 there, 3 now\)"), ({"about": {"factor": 4}}, "factor")):
        with pytest.raises(ArgumentError, match=f"another {told}.*: give another folder"):
            run(upscaled(**({"about": {"factor": 2}} | other)), simulated.items, simulated.out)


def test_an_interrupted_run_ends_with_the_same_bits(simulated, tmp_path, monkeypatch):
    from gprior_jax.runs import folder

    write, written, first = folder.write_record, [], threading.Lock()

    def fail(path, record, about):
        with first:
            if written:
                raise KeyboardInterrupt
            written.append(record.name)
        write(path, record, about)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "write_record", fail)
        with pytest.raises(KeyboardInterrupt):
            run(simulated.job, simulated.items, tmp_path, batch_size=2)
    assert [path.stem for path in tmp_path.glob("*.npz")] == written  # By either of the threads that write.
    run(simulated.job, simulated.items, tmp_path, batch_size=2)
    assert results(tmp_path) == simulated.results


def test_simulated_noise_is_the_items_own(tmp_path):
    pictures(tmp_path / "in", "ab")
    items = find_items([tmp_path / "in"])
    prior = tiny_prior()

    def degraded(item, key=KEY):
        job = Restoring(prior, gp.recipes.mganprior(), key, denoising(sigma=25), Whole(prior), simulate=True)
        arrays = job.load(item)
        np.testing.assert_array_equal(arrays["truth"], load_image(item.source, SIDE))
        return arrays["observed"]

    first = degraded(items[0])
    np.testing.assert_array_equal(degraded(items[0]), first)
    levels = (first + 1) * 127.5
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-3)
    # Another item of the same picture, and another key, have other noise; it is not that of the start of the search.
    noise = first - load_image(items[0].source, SIDE)
    assert 10 < np.std(noise) * 127.5 < 40
    for other in (degraded(items[0]._replace(id=1)), degraded(items[0], jax.random.key(8))):
        assert np.abs(other - first).mean() > 5 / 127.5
    start = GaussianNoise(25)(jax.random.fold_in(KEY, items[0].id), load_image(items[0].source, SIDE))
    assert np.abs(start - first).mean() > 5 / 127.5


def painted(items, masks, truths=None, **options):
    """Restoring pictures with masks by another method than mGANprior's: a w for every layer."""
    task = inpainting("paste")
    recipe = with_pixels(latent("w_plus", num_steps=3, perceptual=None), task.pixels)
    truths = truths or {}
    items = [i._replace(companions=tuple(f[i.source] for f in (masks, truths) if i.source in f)) for i in items]
    return Restoring(STYLED, recipe, KEY, task, Masked(STYLED, masks), truths=truths, devices=1, **options), items


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    """Folder of three pictures with their masks, and intact pictures of two, of which one cannot be read."""
    folder = tmp_path_factory.mktemp("masked")
    pictures(folder / "in", "abc")
    for name, box in (("a", (2, 2, 5, 6)), ("b", (0, 0, 4, 4)), ("c", (3, 0, 8, 5))):
        image = Image.new("L", (SIDE, SIDE), 255)
        image.paste(0, box)
        (folder / "masks").mkdir(exist_ok=True)
        image.save(folder / "masks" / f"{name}.png")
    (folder / "truths").mkdir()
    picture(folder / "truths" / "a.png", 50)
    (folder / "truths" / "c.png").write_text("no picture")
    return folder


def test_inpainting_by_a_style_for_every_layer(masked, tmp_path):
    found = find_items([masked / "in"])
    masks = match_files(masked / "masks", found, "masks")
    truths, told = match_files(masked / "truths", found, "truths"), []
    job, items = painted(found, masks, truths, tell=told.append)
    assert isinstance(job.recipe.parametrization, WPlus)
    outcome = run(job, items, tmp_path, batch_size=3)
    assert outcome.failed == {}
    pixels = np.stack([load_image(item.source, SIDE) for item in items])
    known = np.stack([load_image(masks[item.source], SIDE)[..., :1] > 0 for item in items])
    ids = [item.id for item in items]
    library = gp.tasks.inpaint(STYLED, pixels, known.astype(np.float32), key=KEY, ids=ids, recipe=job.recipe)
    for i, item in enumerate(items):
        record = read_record(tmp_path / f"{item.name}.npz")
        np.testing.assert_array_equal(record.image, library.images[i])
        assert record.variables["w_plus"].shape == (4, 5)
        inside = np.broadcast_to(known[i], pixels[i].shape)
        np.testing.assert_array_equal(load_image(tmp_path / f"{item.name}.png", SIDE)[inside], pixels[i][inside])
        np.testing.assert_array_equal(record.pictures["measured"][~inside], 128)
        assert record.samples.shape[0] == 0
        assert record.metrics["consistency"] == np.inf
    # Only one has a ground truth that can be read.
    assert [sorted(entry.metrics) for entry in outcome.entries] == [
        ["consistency", "missing", "psnr"],
        ["consistency", "missing"],
        ["consistency", "missing"],
    ]
    assert job.spoilt == {"c"}
    (sentence,) = told
    assert "c.png is no image" in sentence
    assert sentence.endswith("c.png is restored without metrics.")
    assert [("truth" in read_record(tmp_path / f"{name}.npz").pictures) for name in "abc"] == [True, False, False]


def test_a_mask_or_a_ground_truth_that_changes_is_done_again(masked, tmp_path):
    found = find_items([masked / "in"])
    for name in ("masks", "truths"):
        (tmp_path / name).mkdir()
        for path in (masked / name).iterdir():
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    masks = match_files(tmp_path / "masks", found, "masks")
    truths = match_files(tmp_path / "truths", found, "truths")
    job, items = painted(found, masks, truths)
    run(job, items, tmp_path / "out", batch_size=3)
    before = times(tmp_path / "out")
    picture(truths[items[2].source], 51)
    image = Image.new("L", (SIDE, SIDE), 255)
    image.paste(0, (1, 1, 3, 3))
    image.save(masks[items[1].source])
    outcome = run(job, items, tmp_path / "out", batch_size=3)
    after = times(tmp_path / "out")
    assert {name[:-4] for name in after if "/" not in name and after[name] != before[name]} == {"b", "c"}
    assert "psnr" in outcome.entries[2].metrics
    known = read_record(tmp_path / "out" / "b.npz").pictures["measured"]
    assert (known[1:3, 1:3] == 128).all()


def test_a_picture_without_a_mask_fails_alone(masked, tmp_path):
    masks = match_files(masked / "masks", find_items([masked / "in"]), "masks")
    del masks[masked / "in" / "b.png"]
    job, items = painted(find_items([masked / "in"]), masks)
    outcome = run(job, items, tmp_path, batch_size=3)
    assert [entry.row["name"] for entry in outcome.entries] == ["a", "c"]
    assert list(outcome.failed) == [str(masked / "in" / "b.png")]
    assert "has no mask of its name" in outcome.failed[str(masked / "in" / "b.png")]


def test_drawn_masks_of_intact_pictures(masked, tmp_path):
    task = inpainting("paste")
    recipe = with_pixels(latent("w_plus", num_steps=3, perceptual=None), task.pixels)
    job = Restoring(STYLED, recipe, KEY, task, DrawnMasks(STYLED, KEY, box=4), simulate=True, devices=1)
    items = find_items([masked / "in"])
    outcome = run(job, items, tmp_path, batch_size=3)
    for item, entry in zip(items, outcome.entries, strict=True):
        record = read_record(tmp_path / f"{item.name}.npz")
        assert (record.pictures["measured"][2:6, 2:6] == 128).all()
        np.testing.assert_array_equal(record.pictures["truth"], im.to_uint8(load_image(item.source, SIDE)))
        inside = (load_image(tmp_path / f"{item.name}.png", SIDE) - load_image(item.source, SIDE))[2:6, 2:6]
        assert entry.metrics["psnr"] == pytest.approx(10 * np.log10(4 * 4 / np.mean(inside**2)), abs=1e-3)
