"""Moving pictures: what is written is read again, frame by frame."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageSequence

from gprior_jax.errors import GPriorError, MissingExtraError
from gprior_jax.images.video import check, save_video


def frames(count=5, height=12, width=20):
    """Slopes that get brighter; no two are alike."""
    slope = np.linspace(0, 150, height)[:, None, None] + np.linspace(0, 50, width)[None, :, None] + np.zeros(3)
    return np.stack([slope + 10 * i for i in range(count)]).astype(np.uint8)


def read(path):
    with Image.open(path) as image:
        pictures, times = [], []
        for frame in ImageSequence.Iterator(image):
            pictures.append(np.asarray(frame.convert("RGB")))
            times.append(frame.info["duration"])
        return np.stack(pictures), times, image.info.get("loop")


def test_webp_holds_every_frame_exactly(tmp_path):
    save_video(tmp_path / "a.webp", frames(), 30.0)
    pictures, times, loop = read(tmp_path / "a.webp")
    np.testing.assert_array_equal(pictures, frames())
    assert times == [33, 34, 33, 33, 34]
    assert loop == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.webp"]


@pytest.mark.parametrize("ending", ["webp", "gif", "mp4"])
@pytest.mark.parametrize("channels", [1, 4])
def test_gray_and_transparent_frames(tmp_path, ending, channels):
    gray = frames(4, 16, 16)[..., :1]
    given = gray if channels == 1 else np.concatenate([frames(4, 16, 16), 255 - gray], axis=-1)
    white = 255.0 * (1 - given[..., 3:] / 255.0) if channels == 4 else 0.0
    wanted = (given[..., :3] * (given[..., 3:] / 255.0) + white) if channels == 4 else np.repeat(gray, 3, axis=-1)
    if ending == "mp4":
        ffmpeg = pytest.importorskip("imageio_ffmpeg")
        save_video(tmp_path / "a.mp4", given, 10.0)
        command = [ffmpeg.get_ffmpeg_exe(), "-i", str(tmp_path / "a.mp4"), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        done = subprocess.run(command, capture_output=True, check=True)
        pictures = np.frombuffer(done.stdout, np.uint8).reshape(4, 16, 16, 3)
    else:
        save_video(tmp_path / f"a.{ending}", given, 10.0)
        with Image.open(tmp_path / f"a.{ending}") as image:
            assert (image.mode == "RGBA") == (ending == "webp" and channels == 4)
            if image.mode == "RGBA":
                found = np.stack([np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)])
                np.testing.assert_array_equal(found, given)
                return
        pictures, _, _ = read(tmp_path / f"a.{ending}")
    assert np.abs(pictures.astype(float) - wanted).max() <= 12


def test_large_webp_is_nearly_what_was_given(tmp_path):
    given = frames(2, 272, 16)
    save_video(tmp_path / "a.webp", given, 10.0)
    pictures, times, _ = read(tmp_path / "a.webp")
    assert np.abs(pictures.astype(int) - given).mean() < 3.0
    assert times == [100, 100]


def test_gif_keeps_step_in_hundredths_of_a_second(tmp_path):
    save_video(tmp_path / "a.gif", frames(), 30.0)
    pictures, times, loop = read(tmp_path / "a.gif")
    assert np.abs(pictures.astype(int) - frames()).max() <= 8
    assert times == [30, 40, 30, 30, 40]
    assert loop == 0


def test_mp4_of_odd_sides(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    given = frames(6, 15, 21)
    save_video(tmp_path / "a.mp4", given, 25.0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    command = [ffmpeg.get_ffmpeg_exe(), "-i", str(tmp_path / "a.mp4"), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    shown = np.frombuffer(done.stdout, np.uint8).reshape(6, 16, 22, 3)
    assert re.search(r"22x16.* 25 fps", done.stderr.decode())
    assert np.abs(shown[:, :15, :21].astype(int) - given).mean() < 6.0


@pytest.mark.parametrize(
    ("name", "fps", "told"),
    [("a.avi", 30, "ends in .webp, .gif, .mp4"), ("a.webp", 0, "use 1 to 100"), ("a.gif", 60, "60 frames a second")],
)
def test_videos_that_cannot_be_written(tmp_path, name, fps, told):
    with pytest.raises(GPriorError, match=told):
        save_video(tmp_path / name, frames(), fps)
    assert not list(tmp_path.iterdir())


def test_mp4_without_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'gprior-jax[video]'")):
        check(tmp_path / "a.mp4", 30.0)


def test_mp4_without_a_program(tmp_path, monkeypatch):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")

    def none():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(ffmpeg, "get_ffmpeg_exe", none)
    with pytest.raises(GPriorError, match="there is no ffmpeg for this machine"):
        check(tmp_path / "a.mp4", 30.0)


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_mp4_that_was_cut_short_replaces_nothing(tmp_path, monkeypatch, part):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    whole = ffmpeg.write_frames

    def cut(path, *arguments, **options):
        """As on a full disk, of which closing says nothing."""
        try:
            yield from whole(path, *arguments, **options)
        finally:
            os.truncate(path, int(part * os.path.getsize(path)))

    monkeypatch.setattr(ffmpeg, "write_frames", cut)
    (tmp_path / "a.mp4").write_bytes(b"an earlier one")
    with pytest.raises(OSError, match="ffmpeg could not write it"):
        save_video(tmp_path / "a.mp4", frames(), 30.0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"an earlier one"


def test_mp4_that_fails_leaves_nothing(tmp_path, monkeypatch):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")

    def broken(path, *arguments, **options):
        with open(path, "wb") as file:
            file.write(b"half")
        yield
        raise OSError("a log of many lines")

    monkeypatch.setattr(ffmpeg, "write_frames", broken)
    with pytest.raises(OSError, match="ffmpeg could not write it"):
        save_video(tmp_path / "a.mp4", frames(), 30.0)
    assert not list(tmp_path.iterdir())
