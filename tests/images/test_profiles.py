"""Embedded colour profiles against their mathematics."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from gprior_jax.errors import GPriorWarning
from gprior_jax.images.files import load_unscaled, save_image
from gprior_jax.images.opening import open_picture, to_rgba
from gprior_jax.images.profiles import from_srgb
from images import profiles
from images.deep import chunk, random_samples, write_png

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
PROFILES = {
    "Display P3": (profiles.rgb_profile(profiles.DISPLAY_P3), profiles.DISPLAY_P3, profiles.linear),
    "Adobe RGB": (
        profiles.rgb_profile(profiles.ADOBE, profiles.gamma_curve(563 / 256)),
        profiles.ADOBE,
        lambda values: values ** (563 / 256),
    ),
    "linear": (profiles.rgb_profile(profiles.SRGB, profiles.gamma_curve(1.0)), profiles.SRGB, lambda values: values),
}


def read(path):
    return (load_unscaled(path) + 1) * 127.5


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colours_become_srgb(tmp_path, name, suffix):
    profile, primaries, decode = PROFILES[name]
    Image.fromarray(PIXELS).save(tmp_path / f"a.{suffix}", icc_profile=profile)
    found, wanted = read(tmp_path / f"a.{suffix}"), profiles.as_srgb(PIXELS, primaries, decode)
    assert np.abs(found - wanted).max() < 1.5  # Little CMS computes in 16 bits.
    assert np.abs(found - PIXELS).max() > 40


def test_a_photograph_of_a_phone(tmp_path):
    rows, columns = np.mgrid[:64, :48]
    smooth = np.stack([rows * 3, columns * 5, 255 - rows * 2], axis=-1).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=98, icc_profile=PROFILES["Display P3"][0])
    found, wanted = read(tmp_path / "a.jpg"), profiles.as_srgb(smooth, profiles.DISPLAY_P3)
    assert np.abs(found - wanted).mean() < 2
    assert np.abs(found - smooth).mean() > 5


@pytest.mark.parametrize("made_by", ["hand", "Little CMS"])
def test_profiles_of_srgb_leave_every_pixel(tmp_path, made_by):
    profile = profiles.rgb_profile(profiles.SRGB)
    if made_by == "Little CMS":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for mode in ("RGB", "L", "RGBA"):
        image = Image.fromarray(PIXELS).convert(mode)
        image.save(tmp_path / "plain.png")
        image.save(tmp_path / "tagged.png", icc_profile=profile)
        np.testing.assert_array_equal(read(tmp_path / "tagged.png"), read(tmp_path / "plain.png"))


def test_gray_profiles(tmp_path):
    gray = PIXELS[..., 0]
    profile = profiles.gray_profile(profiles.gamma_curve(1.8))
    wanted = 255 * profiles.encoded((gray / 255) ** (461 / 256))
    Image.fromarray(gray).save(tmp_path / "a.png", icc_profile=profile)
    found = read(tmp_path / "a.png")
    assert np.abs(found - wanted[..., None]).max() < 2
    # With alpha too.
    alpha = PIXELS[..., 1]
    Image.merge("LA", [Image.fromarray(gray), Image.fromarray(alpha)]).save(tmp_path / "b.png", icc_profile=profile)
    over_white = wanted * (alpha / 255) + 255 - alpha
    assert np.abs(read(tmp_path / "b.png") - over_white[..., None]).max() < 3


def test_gray_with_a_profile_of_colours_keeps_its_grays(tmp_path):
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "a.png", icc_profile=PROFILES["Display P3"][0])
    assert np.abs(read(tmp_path / "a.png") - PIXELS[..., :1]).max() <= 1  # The curve of P3 is that of sRGB.
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "b.png", icc_profile=PROFILES["linear"][0])
    wanted = 255 * profiles.encoded(PIXELS[..., :1] / 255)
    assert np.abs(read(tmp_path / "b.png") - wanted).max() < 1.5


def test_palettes_alpha_and_sixteen_bits(tmp_path):
    profile, primaries, _ = PROFILES["Display P3"]
    wanted = profiles.as_srgb(PIXELS, primaries)
    rgba = Image.fromarray(PIXELS)
    rgba.putalpha(128)
    rgba.save(tmp_path / "alpha.png", icc_profile=profile)
    assert np.abs(read(tmp_path / "alpha.png") - (wanted * 128 + 255 * 127) / 255).max() < 2
    palette = Image.fromarray(PIXELS).quantize(16)
    palette.save(tmp_path / "palette.png", icc_profile=profile)
    colours = profiles.as_srgb(np.asarray(palette.convert("RGB")), primaries)
    assert np.abs(read(tmp_path / "palette.png") - colours).max() < 1.5
    import zlib

    embedded = chunk(b"iCCP", b"p3\0\0" + zlib.compress(profile))
    samples = random_samples((24, 32, 3))
    samples[0, 0] = 65535
    write_png(tmp_path / "deep.png", samples, embedded)
    deep = profiles.as_srgb(samples / 257.0, primaries)
    # It is applied to 8 bits: half a level before it is up to some levels after it, where the curve is steep.
    assert np.abs(read(tmp_path / "deep.png") - deep).mean() < 0.6


def test_colours_with_alpha(tmp_path):
    profile, primaries, _ = PROFILES["Display P3"]
    image = Image.fromarray(PIXELS)
    image.putalpha(Image.fromarray(PIXELS[..., 0]))
    image.save(tmp_path / "a.png", icc_profile=profile)
    found = np.asarray(open_picture(tmp_path / "a.png", to_rgba))
    assert np.abs(found[..., :3] - profiles.as_srgb(PIXELS, primaries)).max() < 1.5
    np.testing.assert_array_equal(found[..., 3], PIXELS[..., 0])
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "b.png")
    found = np.asarray(open_picture(tmp_path / "b.png", to_rgba))
    np.testing.assert_array_equal(found, np.dstack([PIXELS[..., 0]] * 3 + [np.full((24, 32), 255)]))


def test_cmyk_profiles(tmp_path):
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:8, :, 3] = 255
    Image.fromarray(inks, "CMYK").save(tmp_path / "a.tif", icc_profile=profiles.cmyk_profile())
    found = read(tmp_path / "a.tif")
    np.testing.assert_allclose(found[:8], 0, atol=1)
    np.testing.assert_allclose(found[8:], 255, atol=1)
    # Half an ink is half-way between in L*, not in the light that is left out (which Pillow takes without a profile).
    Image.new("CMYK", (16, 16), (0, 0, 0, 128)).save(tmp_path / "b.tif", icc_profile=profiles.cmyk_profile())
    half = 255 * profiles.encoded(((100 * 127 / 255 + 16) / 116) ** 3)
    np.testing.assert_allclose(read(tmp_path / "b.tif"), half, atol=1.5)


BAD = {
    "cut off": PROFILES["Display P3"][0][:300],
    "noise": bytes(range(256)),
    "of gray": profiles.gray_profile(profiles.gamma_curve(1.8)),
    "of inks": profiles.cmyk_profile(),
}


@pytest.mark.parametrize("case", BAD)
def test_profiles_that_cannot_be_used_are_told_and_left(tmp_path, case):
    Image.fromarray(PIXELS).save(tmp_path / "a.png", icc_profile=BAD[case])
    with pytest.warns(
        GPriorWarning, match=r"a\.png: its colour profile cannot be used \(.*\); its colours are taken as sRGB"
    ):
        found = read(tmp_path / "a.png")
    np.testing.assert_allclose(found, PIXELS, atol=1e-3)


def test_what_is_written_is_srgb(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png", icc_profile=PROFILES["Display P3"][0])
    image = load_unscaled(tmp_path / "a.png")
    save_image(tmp_path / "b.png", image)
    with Image.open(tmp_path / "b.png") as written:
        assert "icc_profile" not in written.info
    np.testing.assert_array_equal(load_unscaled(tmp_path / "b.png"), image)


def test_the_way_back():
    profile, primaries, _ = PROFILES["Display P3"]
    inside = PIXELS // 4 + 96  # Colours that both have.
    assert np.abs(profiles.as_srgb(from_srgb(inside, profile), primaries) - inside).max() < 2
    for left in (None, b"", profiles.rgb_profile(profiles.SRGB), *BAD.values()):
        assert from_srgb(inside, left) is inside
