import io
import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from gprior_jax.images.deep import deep_samples
from gprior_jax.images.opening import opened
from gprior_jax.images.png import encode_samples
from images import profiles
from images.deep import random_samples

FORMATS = {1: "gray16le", 2: "ya16le", 3: "rgb48le", 4: "rgba64le"}


@pytest.mark.parametrize("channels", FORMATS)
def test_sixteen_bits_are_what_another_program_reads(channels):
    samples = random_samples((13, 17, channels))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "png_pipe", "-i", "-", "-f", "rawvideo"]
    command += ["-pix_fmt", FORMATS[channels], "-"]
    found = subprocess.run(command, input=encode_samples(samples), capture_output=True, check=True).stdout
    np.testing.assert_array_equal(np.frombuffer(found, "<u2").reshape(samples.shape), samples)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("profile", [None, profiles.rgb_profile(profiles.DISPLAY_P3)])
def test_pillow_reads_them_and_their_profile(tmp_path, channels, dtype, profile):
    samples = random_samples((9, 8, channels)).astype(dtype)
    (tmp_path / "a.png").write_bytes(encode_samples(samples, profile))
    if dtype == np.uint8:
        with Image.open(tmp_path / "a.png") as image:
            assert image.mode == ("L", "LA", "RGB", "RGBA")[channels - 1]
            assert image.info.get("icc_profile") == profile
            np.testing.assert_array_equal(np.asarray(image).reshape(samples.shape), samples)
        return
    with opened(tmp_path / "a.png") as (image, again):
        deep = deep_samples(image, again)
    assert deep.profile == profile
    found = deep.values if deep.alpha is None else np.concatenate([deep.values, deep.alpha[..., None]], axis=-1)
    np.testing.assert_array_equal(found, samples)


def test_smooth_pictures_are_small():
    slope = np.linspace(0, 65535, 200).astype(np.uint16)
    samples = np.broadcast_to(slope[:, None, None], (200, 200, 3))
    assert len(encode_samples(samples)) < 0.02 * samples.nbytes
    with Image.open(io.BytesIO(encode_samples(samples))) as image:
        image.verify()
