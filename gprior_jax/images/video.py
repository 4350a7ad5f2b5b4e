"""Moving pictures in files: animated WebP and GIF through Pillow, MP4 through ffmpeg."""

import errno
import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from gprior_jax.errors import GPriorError, require
from gprior_jax.images.arrays import check_dtype, rgb_uint8
from gprior_jax.storage.atomic import remove_unfinished, temporary_name, write_bytes

FASTEST = {".webp": 100.0, ".gif": 50.0, ".mp4": 120.0}
"""Formats, and the most pictures a second that they, or those who show them, take."""

LOSSLESS_SIDE = 256
"""WebP pictures of up to this side are stored exactly; larger ones at quality 90."""


def check(path: str | os.PathLike, fps: float) -> None:
    """Make sure, before any work, that :func:`save_video` can write a file of this name.

    Raises:
        GPriorError: an unknown ending, a rate out of range, or MP4 without its extra.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FASTEST:
        raise GPriorError(
            f"{path} cannot be written as a moving picture: name a file that ends in {', '.join(FASTEST)}."
        )
    if not 1.0 <= fps <= FASTEST[suffix]:
        raise GPriorError(f"{fps:g} frames a second: use 1 to {FASTEST[suffix]:g} for {suffix}.")
    if suffix == ".mp4":
        try:
            require("imageio_ffmpeg", "video").get_ffmpeg_exe()
        except RuntimeError:
            raise GPriorError("there is no ffmpeg for this machine: install one, or name a file in .webp.") from None


def save_video(path: str | os.PathLike, frames: Sequence[np.ndarray] | np.ndarray, fps: float) -> None:
    """Write frames as a moving picture that repeats (MP4: as players are told to), whole or not at all.

    Args:
        path: ends in ``.webp``, ``.gif`` or ``.mp4``.
        frames: uint8 ``[T, H, W, C]``, gray, RGB or RGBA. WebP keeps transparency; in GIF and MP4 pictures are laid
            over white.
        fps: frames a second.

    Raises:
        GPriorError: see :func:`check`; frames of another dtype.
        OSError: it could not be written, or not whole.
    """
    check(path, fps)
    for frame in frames:
        check_dtype(frame, "u", "give 8-bit pixels, which images.arrays.to_uint8 makes of [-1, 1].", "frames")
    path = Path(path)
    pictures = np.asarray(frames)
    if pictures.shape[-1] != 4 or path.suffix.lower() != ".webp":
        pictures = rgb_uint8(pictures)
    if path.suffix.lower() == ".mp4":
        _save_mp4(path, pictures, fps)
        return
    first, *others = (Image.fromarray(picture) for picture in pictures)
    buffer = io.BytesIO()
    if path.suffix.lower() == ".gif":
        times = durations(len(frames), fps, unit=10)
        first.save(buffer, "GIF", save_all=True, append_images=others, duration=times, loop=0)
    else:
        quality = {"lossless": True} if max(first.size) <= LOSSLESS_SIDE else {"quality": 90}
        times = durations(len(frames), fps)
        first.save(buffer, "WEBP", save_all=True, append_images=others, duration=times, loop=0, **quality)
    write_bytes(path, buffer.getvalue())


def durations(count: int, fps: float, unit: int = 1) -> list[int]:
    """Whole milliseconds of every frame, in multiples of ``unit``, that keep step with the rate.

    >>> durations(3, 30.0)
    [33, 34, 33]
    """
    times = np.round(np.arange(count + 1) * 1000.0 / fps / unit).astype(int) * unit
    return np.diff(times).tolist()


def _save_mp4(path: Path, frames: np.ndarray, fps: float) -> None:
    """H.264 with 4:2:0 chroma, which every player shows; odd sides are filled up by repeating the edge."""
    ffmpeg = require("imageio_ffmpeg", "video")
    height, width = frames.shape[1:3]
    frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    temporary = path.with_name(temporary_name(".mp4"))
    try:
        writer = ffmpeg.write_frames(
            str(temporary),
            frames.shape[2:0:-1],
            fps=fps,
            codec="libx264",
            quality=8,
            macro_block_size=2,
            output_params=["-movflags", "+faststart"],
        )
        with warnings.catch_warnings():
            # JAX warns of any fork; this child runs ffmpeg and nothing else.
            warnings.filterwarnings("ignore", message="os.fork", category=RuntimeWarning)
            writer.send(None)
        for frame in frames:
            writer.send(np.ascontiguousarray(frame))
        writer.close()  # It does not tell how ffmpeg ended: what was written is read again.
        found, _ = ffmpeg.count_frames_and_secs(temporary)
        if found != len(frames):
            raise OSError(f"{found} of {len(frames)} frames")
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # Its own text is the whole log of ffmpeg.
        number = getattr(error, "errno", None) or errno.EIO
        raise OSError(number, "ffmpeg could not write it", str(path)) from error
    finally:
        remove_unfinished(temporary)
