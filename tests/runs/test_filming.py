"""Films of runs: what lies in the output folder, and that batch mates keep apart."""

import contextlib
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image, ImageSequence

import gprior_jax as gp
from gprior_jax.images import arrays as im
from gprior_jax.inversion.saving import Saver
from gprior_jax.runs import Inversion, Restoring, find_items, read_record, run
from gprior_jax.runs.filming import FPS, MAX_SIDE, Filming, _Reel
from gprior_jax.runs.measurements import Whole
from gprior_jax.tasks import denoising
from runs.records import SIDE, tiny_prior

RECIPE = gp.recipes.latent("z", num_steps=6, perceptual=None)


def frames(path):
    with Image.open(path) as image:
        return np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)])


@pytest.mark.parametrize("devices", [1, None])
def test_every_image_has_its_own(tmp_path, devices):
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    out = tmp_path / "out"
    job = Inversion(tiny_prior(), RECIPE, jax.random.key(0), devices=devices, filming=Filming(out, "webp", 4))
    run(job, find_items([tmp_path]), out, batch_size=3)
    assert sorted(path.name for path in (out / "films").iterdir()) == ["0.webp", "1.webp", "2.webp"]
    assert not [path for path in out.iterdir() if path.suffix not in (".png", ".npz", ".json", ".csv", ".html", "")]
    lasts = []
    for i in range(3):
        film, result = frames(out / "films" / f"{i}.webp"), im.to_uint8(read_record(out / f"{i}.npz").image)
        assert 1 <= len(film) <= 4 + FPS
        np.testing.assert_array_equal(film[-1], result)
        # Every frame is of this image: nearer to its result than to any other's.
        lasts.append((film, result))
    for i, (film, result) in enumerate(lasts):
        others = [other for j, (_, other) in enumerate(lasts) if j != i]
        own = np.abs(film[-2].astype(int) - result).mean()
        assert all(own <= np.abs(film[-2].astype(int) - other).mean() for other in others)


def test_frames_lie_in_a_file_and_copies_are_filled_up(tmp_path):
    rng = np.random.default_rng(0)
    whole = rng.uniform(-1, 1, (5, 4, SIDE, SIDE, 3)).astype(np.float32)
    with open(tmp_path / "reel", "w+b") as file:
        reel = _Reel(file, tmp_path / "a.webp")
        for each in whole:
            reel.take(each)
        reel.take(whole[0, :3])  # The result, without the copy that filled the batch.
        found = reel.frames(1)
    assert (tmp_path / "reel").stat().st_size == 6 * 4 * SIDE * SIDE * 3
    np.testing.assert_array_equal(found[:5], im.to_uint8(whole[:, 1]))
    assert len(found) == 5 + FPS
    np.testing.assert_array_equal(found[5:], np.repeat(im.to_uint8(whole[:1, 1]), round(FPS), axis=0))


def test_a_full_disk_names_the_film():
    reel = _Reel(open("/dev/full", "wb"), Path("films/a.webp"))  # noqa: SIM115
    told = pytest.raises(OSError, match=r"No space.*'films/a\.webp'")
    with told, contextlib.closing(reel):
        reel.take(np.zeros((1, SIDE, SIDE, 3), np.float32))
        reel.frames(0)


def test_large_pictures_are_reduced(tmp_path):
    with open(tmp_path / "reel", "w+b") as file:
        reel = _Reel(file, tmp_path / "a.webp")
        reel.take(np.zeros((1, MAX_SIDE + 8, MAX_SIDE + 8, 3), np.float32))
        assert reel.frames(0).shape[1:] == (MAX_SIDE, MAX_SIDE, 3)


@pytest.mark.parametrize("samples", [None, 2])
def test_images_that_come_and_go_have_their_own(tmp_path, samples):
    """Three in two places, each film as of a batch: no goal is reached, and one that is ends the film."""
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    films = {}
    recipes = {"batch": RECIPE, "stream": RECIPE.until(psnr=99.0)}
    recipes |= {} if samples else {"early": RECIPE.until(psnr=1.0)}
    for name, recipe in recipes.items():
        out, common = tmp_path / name, (tiny_prior(), recipe, jax.random.key(0))
        filming = Filming(out, "webp", 4)
        if samples is None:
            job = Inversion(*common, devices=1, filming=filming)
        else:
            reader = Whole(tiny_prior())
            job = Restoring(*common, denoising("poisson"), reader, samples=samples, devices=1, filming=filming)
        assert (job.stream(2) is None) == (name == "batch")
        assert job.stream(2, Saver(60.0, print, print)) is None
        run(job, find_items([tmp_path / f"{i}.png" for i in range(3)]), out, batch_size=2)
        films[name] = [frames(out / "films" / f"{i}.webp") for i in range(3)]
        assert not [path for path in out.iterdir() if path.name.startswith("tmp")]
        for i, film in enumerate(films[name]):
            last = read_record(out / f"{i}.npz")
            np.testing.assert_array_equal(film[-1], im.to_uint8(last.image) if samples is None else drawn_of(last))
    for ours, theirs in zip(films["stream"], films["batch"], strict=True):
        assert len(ours) == len(theirs)
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1
    assert all(len(film) < len(whole) for film, whole in zip(films.get("early", []), films["batch"], strict=False))


def drawn_of(record):
    """What the generator drew of a restoration."""
    return record.pictures["reconstruction"]
