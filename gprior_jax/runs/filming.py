"""Films of inversions: ``films/NAME.webp`` in the output folder. Frames wait in a file, not in memory."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

import numpy as np

from gprior_jax.images.arrays import to_uint8
from gprior_jax.images.files import resized
from gprior_jax.images.video import save_video
from gprior_jax.inversion.filming import Film
from gprior_jax.runs.folder import FILMS
from gprior_jax.runs.job import Batch
from gprior_jax.storage.atomic import named

FPS = 20.0
"""Frames a second: 100 of them take five."""

MAX_SIDE = 512
"""Side of a film, at most; larger pictures are reduced."""

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Filming:
    """How the images of a run are filmed.

    Attributes:
        out: the output folder.
        ending: ``"webp"``, ``"gif"`` or ``"mp4"``.
        frames: of a film at most, of the optimisation; its last picture is shown for a second.
    """

    out: Path
    ending: str = "webp"
    frames: int = 100

    def path(self, name: str) -> Path:
        """The film of an image."""
        return self.out / FILMS / f"{name}.{self.ending}"


def filmed(
    filming: Filming | None, batch: Batch, solve: Callable[[Film | None], T], images: Callable[[T], np.ndarray]
) -> T:
    """Solve a batch, and write its films.

    Args:
        filming: None makes none.
        batch: that is solved.
        solve: does, with a film.
        images: of what it found, ``[B, R, R, C]``: the last pictures.
    """
    if filming is None:
        return solve(None)
    with _reel(filming, batch.items[0].name) as reel:
        found = solve(Film(reel.take, filming.frames))
        reel.take(images(found))
        for item, place in zip(batch.items, batch.places, strict=True):
            _write(filming, item.name, reel.frames(place))
    return found


class Reels:
    """Films of images that come and go, each with frames in a file of its own."""

    def __init__(self, filming: Filming):
        """Have none yet."""
        self._filming, self._reels = filming, dict[str, _Reel]()

    def begin(self, name: str) -> Film:
        """What takes the pictures of an image."""
        reel = self._reels[name] = _Reel(tempfile.TemporaryFile(dir=self._filming.out), self._filming.path(name))  # noqa: SIM115
        return Film(reel.take, self._filming.frames)

    def end(self, name: str, image: np.ndarray) -> None:
        """Write the film of an image, whose last picture is ``[R, R, C]``."""
        reel = self._reels.pop(name)
        with contextlib.closing(reel):
            reel.take(image[None])
            _write(self._filming, name, reel.frames(0))

    def close(self) -> None:
        """Let go of the frames of images that have not ended."""
        for reel in self._reels.values():
            reel.close()
        self._reels.clear()


def _write(filming: Filming, name: str, frames: np.ndarray) -> None:
    path = filming.path(name)
    path.parent.mkdir(exist_ok=True)
    save_video(path, frames, FPS)


@dataclasses.dataclass
class _Reel:
    """Frames of a batch in a file.

    Attributes:
        file: uint8, one ``[B, S, S, C]`` after the other.
        path: of the film that they become, or of the first.
        shape: of these.
        count: of these.
    """

    file: IO[bytes]
    path: Path
    shape: tuple[int, ...] = ()
    count: int = 0

    def take(self, images: np.ndarray) -> None:
        """Put pictures at the end; where there are fewer than at first, the copies of a padded batch were left out."""
        pictures = to_uint8(images)
        if pictures.shape[1] > MAX_SIDE:
            pictures = np.stack([resized(picture, MAX_SIDE) for picture in pictures])
        self.shape = self.shape or pictures.shape
        missing = self.shape[0] - len(pictures)
        with named(self.path):
            self.file.write(np.concatenate([pictures, np.repeat(pictures[-1:], missing, axis=0)]).tobytes())
        self.count += 1

    def close(self) -> None:
        """Let go of the file; what of it a full disk did not take is told by then."""
        with contextlib.suppress(OSError):
            self.file.close()

    def frames(self, place: int) -> np.ndarray:
        """The frames of one image, and the last one for a second."""
        with named(self.path):
            self.file.flush()
        every = np.memmap(self.file, np.uint8, "r", shape=(self.count, *self.shape))
        own = np.ascontiguousarray(every[:, place])
        return np.concatenate([own, np.repeat(own[-1:], round(FPS) - 1, axis=0)])


@contextlib.contextmanager
def _reel(filming: Filming, name: str) -> Iterator[_Reel]:
    with contextlib.closing(_Reel(tempfile.TemporaryFile(dir=filming.out), filming.path(name))) as reel:
        yield reel
