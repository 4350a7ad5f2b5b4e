import dataclasses
import json

import pytest

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.training import continuing
from gprior_jax.training.config import PGGANConfig, StyleGAN2Config
from gprior_jax.training.data import ImageZip

LEVELS = PGGANConfig(resolution=32, batch_size=4, images_per_level=(16, 40, 80), fade_fraction=0.5)


def begun(path, config, image_zip, **changed):
    """The folder of a run with these settings."""
    settings = continuing.settings_of(config, ImageZip(image_zip)) | changed
    (path / "config.json").write_text(json.dumps(settings))
    return path


def check(out, config, image_zip, seen=16):
    continuing.check_continues(out, config, continuing.settings_of(config, ImageZip(image_zip)), seen)


@pytest.mark.parametrize("images", [400, 1600, 16])
def test_a_stylegan2_goes_on_for_more_images(tmp_path, image_zip, images):
    config = StyleGAN2Config(images=800)
    out = begun(tmp_path, config, image_zip)
    check(out, dataclasses.replace(config, images=images), image_zip, seen=800)


@pytest.mark.parametrize(
    ("counts", "seen"),
    [
        ((16, 40, 80), 50),
        ((16, 40, 80, 999), 136),  # The same: there is no fourth level.
        ((16, 40, 96), 136),  # The last one longer: at its end 80 of 48 images have faded its blocks in.
        ((16, 40, 152), 136),
        ((16, 40, 4000), 56),  # Nothing of it is done yet.
        ((16, 60, 80), 56),  # Longer before the next has begun: faded in over 30 of 40 images.
        ((999,), 0),
        ((99, 40, 80), 16),  # The first has nothing to fade in.
    ],
)
def test_levels_that_can_change(tmp_path, image_zip, counts, seen):
    out = begun(tmp_path, LEVELS, image_zip)
    check(out, dataclasses.replace(LEVELS, images_per_level=counts), image_zip, seen)


@pytest.mark.parametrize(
    ("counts", "seen", "most"),
    [
        ((20, 40, 80), 56, ""),  # A level that is done.
        ((16, 44, 80), 60, ""),
        ((16, 40, 400), 136, ", this one up to 152 images"),  # Its blocks would fade in again.
        ((16, 60, 80), 28, ""),  # They are fading in.
        ((16, 8, 80), 40, ""),  # Shorter than it has been.
    ],
)
def test_levels_that_cannot(tmp_path, image_zip, counts, seen, most):
    out = begun(tmp_path, LEVELS, image_zip)
    with pytest.raises(ArgumentError, match=rf"^images_per_level .*: after {seen} images") as caught:
        check(out, dataclasses.replace(LEVELS, images_per_level=counts), image_zip, seen)
    assert str(caught.value).endswith(f"make only levels longer that are not done{most}.")


def test_only_what_differs_is_named(tmp_path, image_zip):
    config = StyleGAN2Config(images=800)
    out = begun(tmp_path, config, image_zip)
    with pytest.raises(ArgumentError) as caught:
        check(out, dataclasses.replace(config, images=1600, learning_rate=0.1), image_zip, 800)
    assert str(caught.value) == (
        f"{out} holds a run with another learning_rate (0.002 there, 0.1 now): use it again or another folder."
    )


def test_other_images(tmp_path, image_zip):
    config = StyleGAN2Config(images=800)
    out = begun(tmp_path, config, image_zip, data="7 images, names 0")
    with pytest.raises(ArgumentError, match=r"another data \(7 images, names 0 there, \d+ images, names \w+ now\)"):
        check(out, config, image_zip, 800)


def test_a_setting_that_came_later_was_what_it_is_by_itself(tmp_path, image_zip):
    config = StyleGAN2Config(images=800)
    settings = continuing.settings_of(config, ImageZip(image_zip))
    del settings["noise_limit"], settings["condition_from"]
    (tmp_path / "config.json").write_text(json.dumps(settings))
    check(tmp_path, config, image_zip)
    with pytest.raises(ArgumentError, match=r"another noise_limit \(None there, 0\.5 now\)"):
        check(tmp_path, dataclasses.replace(config, noise_limit=0.5), image_zip)


@pytest.mark.parametrize(("text", "why"), [("", "is empty"), ("{", "is damaged"), ("[]", "is damaged")])
def test_damaged_settings(tmp_path, image_zip, text, why):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=rf"config\.json {why}.*remove it to go on with the settings of this"):
        check(tmp_path, LEVELS, image_zip)
    (tmp_path / "config.json").unlink()
    check(tmp_path, LEVELS, image_zip)


def test_settings_of_another_kind(tmp_path, image_zip):
    out = begun(tmp_path, LEVELS, image_zip, images_per_level="all")
    with pytest.raises(CheckpointError, match=r"config\.json is damaged"):
        check(out, LEVELS, image_zip)


def test_a_range_that_is_written_otherwise_is_no_other(tmp_path, image_zip):
    config = StyleGAN2Config(images=800)
    out = begun(tmp_path, config, image_zip, range=[0.0, 4095.0])
    for wanted in ("12", "0:4095", (0, 4095)):
        continuing.check_continues(
            out, config, continuing.settings_of(config, ImageZip(image_zip, value_range=wanted)), 800
        )
    with pytest.raises(ArgumentError, match="another range"):
        check(out, config, image_zip)
