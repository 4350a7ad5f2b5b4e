"""Results of a run put back into the photographs of its inputs: ``pasted/NAME.png`` in the output folder."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np
from PIL import Image

from gprior_jax.errors import ArgumentError, ImageFileError
from gprior_jax.images.arrays import to_uint8
from gprior_jax.images.covering import Place, as_covered, covered, inside
from gprior_jax.images.frames import Frame
from gprior_jax.images.pasting import Finish, Seam, enlarged, paste, read_original, seam
from gprior_jax.images.placement import Crop, Cropping, placed
from gprior_jax.images.png import encode_samples
from gprior_jax.images.samples import ValueRange
from gprior_jax.operators import Luma
from gprior_jax.runs.folder import PASTED
from gprior_jax.runs.items import Item
from gprior_jax.runs.measurements import DrawnMasks, Masked, Small
from gprior_jax.runs.record import Record, read_about, read_frame, write_record
from gprior_jax.runs.sources import split_source
from gprior_jax.storage.atomic import read_json, write_bytes
from gprior_jax.tasks.finishing import feather_width, feathered, keep_luma

Tell = Callable[[str], None]

SEAM = ("seam", "seam_jump", "seam_before")
"""Metrics of an image that was pasted: the fields of :class:`gprior_jax.images.pasting.Seam`."""


class Keeper(Protocol):
    """Says what of the photographs stays as it is."""

    def enlarging(self, item: Item) -> float:
        """Pixels of the result for one of the photograph, along an axis, where it is to grow; else 1."""
        ...

    def share(self, item: Item, size: tuple[int, int], place: Place, tell: Tell) -> np.ndarray | None:
        """Part of the result at every pixel that its square covers, ``[h, w]``; None for all, feathered.

        Args:
            item: the input.
            size: width and height of the photograph.
            place: of it in the square.
            tell: called with a sentence about what stays as it should not.
        """
        ...

    @property
    def finish(self) -> Finish | None:
        """Makes what is pasted from the result at the photograph's size and the photograph."""
        ...


@dataclasses.dataclass(frozen=True)
class Everything:
    """Nothing of what the square covers stays."""

    finish: Finish | None = None

    def enlarging(self, item: Item) -> float:
        """It keeps its size."""
        return 1.0

    def share(self, item: Item, size: tuple[int, int], place: Place, tell: Tell) -> np.ndarray | None:
        """All, feathered."""
        return None


@dataclasses.dataclass(frozen=True)
class Enlarged(Everything):
    """Small photographs, which grow by what they were enlarged; the rest of them bicubic.

    Attributes:
        reader: that read them.
    """

    reader: Small | None = None

    def enlarging(self, item: Item) -> float:
        """Resolution of the prior by the side of the photograph's square."""
        return 1.0 if self.reader is None else self.reader.prior.resolution / self.reader.own_side(item)


@dataclasses.dataclass(frozen=True)
class Holes(Everything):
    """Photographs of which only what is missing is filled.

    Attributes:
        reader: that read them and their masks.
        feather: mix over a band around the holes, too.
    """

    reader: Masked | DrawnMasks | None = None
    feather: bool = False

    def share(self, item: Item, size: tuple[int, int], place: Place, tell: Tell) -> np.ndarray | None:
        """1 in the holes, as sharp as their mask is."""
        if self.reader is None:
            return None
        hole = 1.0 - self.reader.beside(item)["known"]
        share = as_covered(hole[..., 0], place, Image.Resampling.NEAREST)
        whole = self.reader.missing_at(item, size)
        if whole is not None:
            share = inside(whole[covered(place)], place)
            if whole.sum() > share.sum():
                tell(f"{item.source.name}: what is missing outside of the square that was filled stays missing.")
        if self.feather:
            band = np.asarray(feathered(jnp.asarray(hole), feather_width(len(hole))))[..., 0]
            share = np.maximum(share, np.clip(as_covered(band, place), 0.0, 1.0))
        return share


def keep_own_luma(filling: np.ndarray, photograph: np.ndarray) -> np.ndarray:
    """The chroma of a result with the luma of its photograph; see :func:`gprior_jax.tasks.finishing.keep_luma`."""
    return np.asarray(keep_luma(jnp.asarray(filling), Luma(1)(jnp.asarray(photograph))))


def keeping_luma(part: float = 1.0) -> Finish:
    """A finish that keeps a part of the photograph's own luma, at its own size; all of it as a colourisation does.

    >>> gray, red = np.zeros((1, 1, 3), np.float32), np.array([[[1.0, -1.0, -1.0]]], np.float32)
    >>> abs(round(float(Luma(1)(keeping_luma()(red, gray))[0, 0, 0]), 3))
    0.0
    """

    def finish(filling: np.ndarray, photograph: np.ndarray) -> np.ndarray:
        own = keep_own_luma(filling, photograph)
        return own if part >= 1.0 else np.float32(part) * own + np.float32(1.0 - part) * filling

    return finish


@dataclasses.dataclass(frozen=True, eq=False)
class Paster:
    """Pastes the results of a run, one after the other.

    Attributes:
        out: the output folder.
        crop: how pictures became square.
        value_range: of files of more than 8 bits a sample.
        keeper: what of the photographs stays.
        remarks: sentences about photographs that cannot be read any more, or are not whole.
        failed: names of those that cannot.

    >>> import gprior_jax as gp, jax, tempfile
    >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> job = gp.runs.Inversion(gp.load("builtin"), recipe, jax.random.key(0))
    >>> items = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "photographs" / "cat.jpg"])
    >>> with tempfile.TemporaryDirectory() as out:
    ...     done = gp.runs.run(job, items, out, finished=Paster(Path(out)))
    ...     with Image.open(f"{out}/pasted/cat.png") as pasted, Image.open(items[0].source) as photograph:
    ...         print(pasted.size == photograph.size)
    True
    """

    out: Path
    crop: Crop = "center"
    value_range: ValueRange = "auto"
    keeper: Keeper = dataclasses.field(default_factory=Everything)
    remarks: list[str] = dataclasses.field(default_factory=list)
    failed: list[str] = dataclasses.field(default_factory=list)

    def __call__(self, item: Item, record: Record) -> Record:
        """Write the photograph of an item with its result, and how its seam is; one that is there and newer stays.

        Returns:
            The record, with the :class:`gprior_jax.images.pasting.Seam` among its metrics, in its file too.
        """
        path, made = self.out / PASTED / f"{item.name}.png", self.out / f"{item.name}.npz"
        if path.exists() and path.stat().st_mtime_ns >= made.stat().st_mtime_ns:
            return record
        try:
            photograph = read_original(item.source, self.value_range)
            original = enlarged(photograph, self.keeper.enlarging(item))
            crop = self.crop if record.frame is None else Frame(*map(float, record.frame))
            if isinstance(crop, Frame):
                crop = crop.scaled(original.size[0] / photograph.size[0])
            place = placed(original.size, record.image.shape[0], crop)
            share = self.keeper.share(item, original.size, place, self.remarks.append)
        except ImageFileError as error:
            self.failed.append(item.name)
            self.remarks.append(f"{error} Its result is not pasted.")
            return record
        done = paste(original, to_uint8(record.image), place, share, self.keeper.finish)
        record = self._with_seam(made, record, seam(original, done, place, share))
        path.parent.mkdir(exist_ok=True)
        write_bytes(path, encode_samples(done.stacked(), done.profile))
        return record

    def _with_seam(self, path: Path, record: Record, found: Seam | None) -> Record:
        """A record with its seam; its file is written again before the photograph is, which is to be the newer."""
        metrics = {name: value for name, value in record.metrics.items() if name not in SEAM}
        if found is not None:
            metrics |= dict(zip(SEAM, found, strict=True))
        if metrics != record.metrics:
            record = record._replace(metrics=metrics)
            write_record(path, record, read_about(path))
        return record


class Photograph(NamedTuple):
    """The photograph of an inversion, and how it was read.

    Attributes:
        path: its file.
        crop: how it became square.
        value_range: of a file of more than 8 bits a sample.
    """

    path: Path
    crop: Cropping
    value_range: ValueRange

    def pasted(
        self, square: np.ndarray, share: np.ndarray | None = None, finish: Finish | None = None
    ) -> tuple[bytes, Seam | None]:
        """The photograph with a picture, uint8 ``[R, R, C]``, where its square was cut out: a PNG file, and its seam.

        Args:
            square: the picture.
            share: ``[R, R, 1]``, its part at every pixel of the square; None takes all, feathered at the border.
            finish: see :func:`gprior_jax.images.pasting.paste`.

        Raises:
            ImageFileError: the photograph cannot be read.
        """
        original = read_original(self.path, self.value_range)
        place = placed(original.size, len(square), self.crop)
        part = None if share is None else np.clip(as_covered(share[..., 0], place), 0.0, 1.0)
        done = paste(original, square, place, part, finish)
        return encode_samples(done.stacked(), done.profile), seam(original, done, place, part)


def photograph_of(source: str) -> Photograph:
    """The photograph of a source of codes (see :func:`gprior_jax.runs.read_points`) that is one inversion.

    Args:
        source: the ``.npz`` file that a run wrote, or its folder, if it holds one.

    Raises:
        ArgumentError: another source, or the photograph is not there any more.
        CheckpointError: a damaged one.
    """
    path = Path(os.path.expanduser(split_source(source)[1]))
    found = sorted(path.glob("*.npz")) if path.is_dir() else [path]
    run = (path if path.is_dir() else path.parent) / "run.json"
    if (path.suffix != ".npz" and not path.is_dir()) or not run.exists() or len(found) != 1:
        raise ArgumentError(
            f"{source} is no inversion of one photograph that a result could be pasted into: name an .npz file in a "
            "folder that gprior invert wrote."
        )
    photograph, settings = Path(read_about(found[0])["source"]), read_json(run)["settings"]
    if not photograph.is_file():
        raise ArgumentError(f"{photograph}, the photograph of {source}, is not there: put it back, or run where it is.")
    value_range = settings.get("range", "auto")
    own = value_range if isinstance(value_range, str) else tuple(value_range)
    frame = read_frame(found[0])
    return Photograph(photograph, settings.get("crop", "center") if frame is None else frame, own)
