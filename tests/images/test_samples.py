"""Pictures of more than 8 bits a sample: each rule, against the numbers that the file was made of."""

import contextlib

import numpy as np
import pytest
from PIL import Image

from gprior_jax.errors import GPriorWarning, ImageFileError
from gprior_jax.images.files import load_image, load_unscaled
from gprior_jax.images.samples import parse_range
from images.deep import chunk, random_samples, write_png

tifffile = pytest.importorskip("tifffile")
RNG = np.random.default_rng(0)


def told(message):
    """Expects a guess to be told; an empty message that nothing is."""
    return pytest.warns(GPriorWarning, match=message) if message else contextlib.nullcontext()


def assert_read(path, colours, black, white, alpha=None, **options):
    """The picture is what the numbers in the file are, to the rounding of 8 bits (twice with alpha)."""
    found = (load_unscaled(path, **options) + 1) * 127.5
    wanted = np.clip((colours.astype(float) - black) / (white - black), 0, 1) * 255
    wanted = np.broadcast_to(wanted[..., None] if wanted.ndim == 2 else wanted, found.shape)
    if alpha is not None:
        part = alpha[..., None] / 65535
        wanted = wanted * part + 255 * (1 - part)
    assert np.abs(found - wanted).max() <= (0.51 if alpha is None else 1.5)


@pytest.mark.parametrize(
    ("most", "white", "message"),
    [
        (65535, 65535, ""),
        (16384, 65535, ""),
        (16383, 65535, r"its 16-bit samples lie between \d+ and \d+, and are taken as 0 \(black\) to 65535"),
        (4095, 4095, r"are taken as 0 \(black\) to 4095 \(white\): give the range if it is another"),
        (1023, 1023, r"to 1023 \(white\)"),
        (255, 255, r"to 255 \(white\)"),
        (0, 1, ""),  # All black, whatever white is.
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits(tmp_path, most, white, message, channels):
    samples = random_samples((20, 30, channels), most)
    samples[0, 0] = most
    samples[1, 1] = 0
    if channels in (2, 4):
        samples[..., -1] = random_samples((20, 30), seed=1)
    write_png(tmp_path / "a.png", samples)
    colours, alpha = (samples[..., :-1], samples[..., -1]) if channels in (2, 4) else (samples, None)
    with told(message):
        assert_read(tmp_path / "a.png", colours, 0, white, alpha)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_of_tiff(tmp_path, order, compression, channels):
    samples = random_samples((20, 30, channels))
    kind = {"photometric": "minisblack" if channels == 1 else "rgb", "extrasamples": ["unassalpha"] * (channels == 4)}
    content = samples[..., 0] if channels == 1 else samples
    tifffile.imwrite(tmp_path / "a.tif", content, byteorder=order, compression=compression, **kind)
    assert_read(tmp_path / "a.tif", samples[..., :3], 0, 65535, samples[..., 3] if channels == 4 else None)


def test_a_range_that_is_given_is_no_guess(tmp_path):
    samples = random_samples((20, 30, 3), 2000)
    write_png(tmp_path / "a.png", samples)
    for value_range, black, white in (("12", 0, 4095), ("100:1500", 100, 1500), ((0, 2000), 0, 2000), ("16", 0, 65535)):
        assert_read(tmp_path / "a.png", samples, black, white, value_range=value_range)
    found = load_image(tmp_path / "a.png", 16, value_range="12")
    assert abs((found.mean() + 1) * 127.5 - samples.mean() / 4095 * 255) < 1


@pytest.mark.parametrize(
    ("samples", "black", "white"),
    [
        (RNG.integers(0, 4096, (20, 30)).astype(np.int16), 0, 4095),
        (RNG.integers(0, 32767, (20, 30)).astype(np.int16), 0, 32767),
        (RNG.integers(-900, 3000, (20, 30)).astype(np.int16), -32768, 32767),
        (RNG.integers(0, 4096, (20, 30)).astype(np.uint32), 0, 4095),
        (RNG.integers(0, 60000, (20, 30)).astype(np.uint32), 0, 65535),
        (RNG.integers(0, 2**32, (20, 30)).astype(np.uint32), 0, 2**32 - 1),
        (RNG.integers(0, 2**31, (20, 30)).astype(np.int32), 0, 2**31 - 1),
        (RNG.integers(-(2**31), 2**31, (20, 30)).astype(np.int32), -(2**31), 2**31 - 1),
        (RNG.random((20, 30), np.float32), 0, 1),
        (RNG.random((20, 30), np.float32) * np.float32(0.2), 0, 1),  # Not to its own maximum.
        (RNG.random((20, 30), np.float32) * 2 - 1, -1, 1),
        (RNG.random((20, 30), np.float32) * 255, 0, 255),
        (RNG.random((20, 30), np.float32) * 900, 0, 1023),
        (RNG.random((20, 30), np.float32) * 4000, 0, 4095),
        (RNG.random((20, 30), np.float32) * 60000, 0, 65535),
    ],
)
def test_other_numbers_are_guesses(tmp_path, samples, black, white):
    tifffile.imwrite(tmp_path / "a.tif", samples)
    with told(rf"a\.tif: its .* are taken as {black} \(black\) to {white} \(white\)"):
        assert_read(tmp_path / "a.tif", samples, black, white)
    assert_read(tmp_path / "a.tif", samples, black, white, value_range=f"{black}:{white}")


def test_equal_floats_are_of_one_brightness_whatever_else_is_in_the_picture(tmp_path):
    for name, peak in (("a", 0.4), ("b", 1.0)):
        samples = np.full((16, 16), 0.25, np.float32)
        samples[0, 0], samples[0, 1] = 0.0, peak
        tifffile.imwrite(tmp_path / f"{name}.tif", samples)
    with pytest.warns(GPriorWarning):
        a, b = (load_unscaled(tmp_path / f"{name}.tif") for name in "ab")
    np.testing.assert_array_equal(a[1:], b[1:])


def test_floats_that_may_mean_anything(tmp_path):
    samples = RNG.random((20, 30), np.float32) * 1e6
    tifffile.imwrite(tmp_path / "a.tif", samples)
    with pytest.raises(
        ImageFileError, match=r"a\.tif: its floats lie between .*, which may mean anything: give the range"
    ):
        load_unscaled(tmp_path / "a.tif")
    assert_read(tmp_path / "a.tif", samples, 0, 1e6, value_range="0:1e6")


def test_declared_bits_are_no_guess(tmp_path):
    # 12 bits a sample in TIFF: two samples in three bytes, 0xABC 0xDEF.
    row = np.array([0x0, 0xFFF, 0x800, 0x123] * 4)
    packed = b"".join(bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in row.reshape(-1, 2).tolist())
    tags = {256: 16, 257: 8, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 8, 279: len(packed) * 8}
    data, offset = packed * 8, 8 + len(packed) * 8
    entries = b"".join(
        key.to_bytes(2, "little") + b"\4\0" + (1).to_bytes(4, "little") + value.to_bytes(4, "little")
        for key, value in tags.items()
    )
    head = b"II*\0" + offset.to_bytes(4, "little") + data + len(tags).to_bytes(2, "little") + entries + b"\0" * 4
    (tmp_path / "a.tif").write_bytes(head)
    assert_read(tmp_path / "a.tif", np.tile(row, (8, 1)), 0, 4095)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("declared", "most", "white", "message"),
    [(1000, 1000, 1000, ""), (4095, 900, 4095, ""), (65535, 65535, 65535, ""), (65535, 4095, 4095, "to 4095 .white.")],
)
def test_a_netpbm_file_says_what_its_white_is(tmp_path, channels, declared, most, white, message):
    samples = random_samples((8, 9, channels), most)
    samples[0, 0] = most
    head = f"P{5 if channels == 1 else 6} 9 8 {declared}\n".encode()
    (tmp_path / "a.ppm").write_bytes(head + samples.astype(">u2").tobytes())
    with told(message):
        assert_read(tmp_path / "a.ppm", samples, 0, white)
    (tmp_path / "a.ppm").write_bytes((head + samples.astype(">u2").tobytes())[:-9])
    with pytest.raises(ImageFileError, match=r"a\.ppm is damaged"):
        load_unscaled(tmp_path / "a.ppm")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_negatives_of_scanners(tmp_path, dtype):
    ramp = np.linspace(0, 255, 32)[None].repeat(16, 0)
    samples = {np.uint8: ramp, np.uint16: ramp * 257, np.float32: ramp / 255}[dtype].astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="miniswhite")
    with told("as 0 .black. to 1 .white." if dtype == np.float32 else ""):
        found = load_unscaled(tmp_path / "a.tif")
    np.testing.assert_allclose((found[..., 0] + 1) * 127.5, 255 - ramp, atol=1.01)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_both_bytes_are_turned_upright(tmp_path, orientation):
    samples = random_samples((20, 30, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    write_png(tmp_path / "a.png", samples, chunk(b"eXIf", exif.tobytes()[6:]))
    turned = {1: samples, 3: samples[::-1, ::-1], 6: np.rot90(samples, -1)}[orientation]
    assert_read(tmp_path / "a.png", turned, 0, 65535)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_colour(tmp_path, channels):
    samples = random_samples((20, 30, channels))
    colour = samples[4, 5]
    write_png(tmp_path / "a.png", samples, chunk(b"tRNS", colour.astype(">u2").tobytes()))
    alpha = np.where((samples == colour).all(-1), 0, 65535)
    assert (alpha == 0).any()
    assert_read(tmp_path / "a.png", samples, 0, 65535, alpha)


def test_planes_that_pillow_misreads_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", random_samples((3, 20, 30)), planarconfig="separate", photometric="rgb")
    with pytest.raises(ImageFileError, match=r"a\.tif keeps its colours of 16 bits in planes.*: save it as PNG"):
        load_unscaled(tmp_path / "a.tif")


def test_a_range_for_eight_bits_is_told(tmp_path):
    Image.new("RGB", (16, 16), (90, 80, 70)).save(tmp_path / "a.png")
    with pytest.warns(GPriorWarning, match=r"a\.png has 8 bits a sample: the range 12 is for those of more"):
        found = load_unscaled(tmp_path / "a.png", value_range="12")
    np.testing.assert_allclose((found[0, 0] + 1) * 127.5, (90, 80, 70), atol=1e-3)


@pytest.mark.parametrize("value", ["", "x", "7", "33", "0:0", "5:1", "nan:1", "0:inf", "1:2:3", (3, 2), (0, np.nan)])
def test_ranges_that_are_none(tmp_path, value):
    with pytest.raises(ValueError, match="use auto, a number of bits from 8 to 32, or LOW:HIGH"):
        parse_range(value)
    with pytest.raises(ValueError, match="use auto"):
        load_image(tmp_path / "none.png", 16, value_range=value)
