"""What was known of a restored picture, kept in its edits as it is in its result: known pixels, light and shade."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.images.arrays import from_uint8
from gprior_jax.runs.entries import run_of
from gprior_jax.runs.record import Record, read_record
from gprior_jax.tasks.colorize import COLORIZE
from gprior_jax.tasks.finishing import Blend, blend, feather_width, feathered
from gprior_jax.typing import Array, ArrayLike

_ALIKE = 1.5 / 127.5
"""Between pixels of one photograph: one grey level, and its rounding."""


class Measured(NamedTuple):
    """What was known of a picture, and how its filling meets it.

    Attributes:
        observed: ``[R, R, C]`` in [-1, 1]; times what was known of a pixel.
        known: ``[R, R, 1]``, 1 where a pixel was known, 0 where it was missing.
        blend: see :func:`gprior_jax.tasks.finishing.blend`.
    """

    observed: np.ndarray
    known: np.ndarray
    blend: Blend

    @property
    def missing(self) -> np.ndarray:
        """Part of an edit at every pixel of its picture, ``[R, R, 1]``."""
        return 1.0 - self.known

    def into(self, images: np.ndarray) -> np.ndarray:
        """Images ``[K, R, R, C]`` with what was known, as the result of an inpainting has it.

        >>> half = Measured(np.zeros((2, 2, 1), np.float32), np.eye(2, dtype=np.float32)[..., None], "paste")
        >>> half.into(np.ones((1, 2, 2, 1), np.float32))[0, ..., 0].tolist()
        [[0.0, 1.0], [1.0, 0.0]]
        """
        if self.blend == "paste":  # On the host: a slider has no time for a program more.
            return np.where(self.known > 0, self.observed, 0) + self.missing * np.clip(images, -1.0, 1.0)
        observed, known = jnp.asarray(self._whole), jnp.asarray(self.known)
        return np.stack([np.asarray(_blended(self.blend, image, observed, known)) for image in jnp.asarray(images)])

    @property
    def _whole(self) -> np.ndarray:
        """What was observed, not times what was known of it."""
        return np.divide(self.observed, self.known, out=self.observed.copy(), where=self.known > 0)

    def as_pasted(self) -> "Measured":
        """The same for ``"paste"``: a feathered band is known in part; how Poisson's equation fills is left out.

        >>> row = Measured(np.ones((1, 4, 1), np.float32), np.array([[[0.0], [1.0], [1.0], [1.0]]]), "feather")
        >>> row.as_pasted().known.ravel().tolist()
        [0.0, 0.5, 1.0, 1.0]
        """
        if self.blend != "feather":
            return self._replace(blend="paste")
        share = np.asarray(feathered(jnp.asarray(1.0 - self.known), feather_width(len(self.known))))
        known = np.where(self.known > 0, 1.0 - share, 0.0).astype(np.float32)
        return Measured(known * self._whole, known, "paste")


def _blend(mode: Blend, image: Array, observed: Array, known: Array) -> Array:
    return blend(image, observed, known, mode)


_blended = jit(_blend, use="once", static_argnums=0)


class Light(NamedTuple):
    """The light and shade of a gray photograph, which only colours were found for.

    Attributes:
        observed: its luma in [-1, 1], three times, ``[R, R, 3]``; of a prior of RGBA images with its alpha.
        part: how much of it stays, from 0 to 1; less than all between two pictures.
    """

    observed: np.ndarray
    part: float = 1.0

    def into(self, images: np.ndarray) -> np.ndarray:
        """Images ``[K, R, R, C]`` in this light, as the result of a colourisation is.

        >>> dark, white = np.full((1, 1, 1), -0.5, np.float32), np.ones((1, 1, 1, 3), np.float32)
        >>> Light(dark).into(white).tolist(), Light(dark, 0.5).into(white).tolist()
        ([[[[-0.5, -0.5, -0.5]]]], [[[[0.25, 0.25, 0.25]]]])
        """
        lit = np.asarray(_lit(jnp.asarray(images), jnp.asarray(self.observed)))
        if self.part == 1.0:
            return lit
        return np.float32(self.part) * lit + np.float32(1.0 - self.part) * np.clip(images, -1.0, 1.0)


@partial(jit, use="once")
def _lit(images: Array, observed: Array) -> Array:
    return jax.vmap(lambda image: COLORIZE.finish(image, observed, None))(images)


Stays = Measured | Light
"""What stays of a picture in its edits."""


def common(first: Stays | None, second: Stays | None) -> Stays | None:
    """What two pictures know alike, as two restorations of one photograph do; None of two photographs.

    Pixels of two photographs that happen to be alike do not count: they would be kept as dots.
    """
    if isinstance(first, Light) and isinstance(second, Light):
        alike = np.abs(first.observed - second.observed).max() <= _ALIKE
        return first._replace(part=min(first.part, second.part)) if alike else None
    if not (isinstance(first, Measured) and isinstance(second, Measured)):
        return None
    both = (first.known >= 1) & (second.known >= 1)
    apart = np.abs(first.observed - second.observed)[both[..., 0]]
    if not apart.size or apart.max() > _ALIKE:
        return None
    blend: Blend = first.blend if first.blend == second.blend else "paste"
    return Measured(first.observed, both.astype(np.float32), blend)


class Way(NamedTuple):
    """What stays of several pictures on the way from each to the next: at its place, each is as its result.

    Between two, what both know alike stays (:func:`common`). What one alone knows goes over into what the codes draw by
    half way, and comes from there: sooner than the codes move, two pictures would be seen at once.

    Attributes:
        keys: of each picture; None of one that keeps nothing.
        places: ``[K]``, of each image: 1.25 is a quarter of the way from the second picture to the third. Past the last
            the first follows.
    """

    keys: Sequence[Stays | None]
    places: ArrayLike

    @classmethod
    def between(cls, first: Stays | None, second: Stays | None, at: float) -> "Way":
        """Of images on the way from one picture to another: at 0 it is the first, at 1 the second, and beyond."""
        return cls((first, second), min(max(at, 0.0), 1.0))

    def into(self, images: np.ndarray) -> np.ndarray:
        """Images ``[K, R, R, C]`` with what stays at their places.

        >>> white, black = (Measured(np.full((1, 1, 1), at), np.ones((1, 1, 1)), "paste") for at in (1.0, -1.0))
        >>> Way((white, black), [0.0, 0.25, 0.5, 1.0]).into(np.zeros((4, 1, 1, 1), np.float32)).ravel().tolist()
        [1.0, 0.5, 0.0, -1.0]
        """
        if all(key is None for key in self.keys):
            return images
        places = np.broadcast_to(np.asarray(self.places, np.float32), len(images))
        return np.concatenate([self._at(float(at), images[k : k + 1]) for k, at in enumerate(places)])

    def _at(self, place: float, image: np.ndarray) -> np.ndarray:
        """One image, ``[1, R, R, C]``."""
        image = np.clip(image, -1.0, 1.0)
        return sum(
            (np.float32(part) * kept_in(image, own) for own, part in self._shares(place)),
            np.zeros_like(image),
        )

    @property
    def light(self) -> Light | None:
        """The light that stays of images at one place, with its part; None where none does, or known pixels, too."""
        found = [(own, part) for own, part in self._shares(float(np.asarray(self.places))) if own is not None]
        lights = [own._replace(part=part * own.part) for own, part in found if isinstance(own, Light)]
        if not lights or len(lights) < len(found):
            return None
        # Two are of one photograph: those of different ones are never seen at once.
        return lights[0]._replace(part=sum(light.part for light in lights))

    @property
    def pasted(self) -> Measured | None:
        """Known pixels that stay of images at one place, as if they were pasted; None where none do.

        A feathered band is as it was; of a filling by Poisson's equation the known pixels are, but not the filling.
        """
        found = self._shares(float(np.asarray(self.places)))
        shares = [(own.as_pasted(), part) for own, part in found if isinstance(own, Measured)]
        if not shares:
            return None
        known = np.stack([part * own.known for own, part in shares]).sum(axis=0)
        observed = np.stack([part * np.where(own.known > 0, own.observed, 0.0) for own, part in shares]).sum(axis=0)
        return Measured(observed.astype(np.float32), known.astype(np.float32), "paste")

    def _shares(self, place: float) -> list[tuple[Stays | None, float]]:
        """What is kept at a place, with its part; parts add up to 1."""
        leg = int(place)
        at = place - leg
        first, second = (self.keys[key % len(self.keys)] for key in (leg, leg + 1))
        parts = (first, max(0.0, 1 - 2 * at)), (second, max(0.0, 2 * at - 1))
        rest = 1.0 - sum(part for _, part in parts)
        return [(own, part) for own, part in (*parts, (common(first, second), rest)) if part > 0.0]


def kept_in(images: np.ndarray, stays: Stays | Way | None) -> np.ndarray:
    """Images ``[K, R, R, C]`` with what stays of them; as they are where nothing does."""
    return images if stays is None else stays.into(images)


def measured_of(record: Record, settings: Mapping[str, Any]) -> Stays | None:
    """What is kept of a record's picture; None where nothing is, or that is not known.

    Args:
        record: of a run.
        settings: of the run.
    """
    mode = settings.get("blend") or "paste"
    if mode == "none":
        return None
    if settings.get("task") == "colorize":
        part = 1.0 if record.known is None else float(record.known.max()) / 255.0
        return Light(np.asarray(from_uint8(record.target)), part)
    if settings.get("task") != "inpaint" or record.known is None:
        return None
    return Measured(np.asarray(from_uint8(record.target)), record.known.astype(np.float32) / 255.0, mode)


def doubt(record: Record, settings: Mapping[str, Any]) -> str:
    """Why known pixels are not kept where they were in the result; empty where nothing is to be said."""
    kept = settings.get("task") == "inpaint" and (settings.get("blend") or "paste") != "none"
    if not kept or record.known is not None:
        return ""
    told = "does not say which pixels were known, as an earlier version wrote it"
    return f"{record.name} {told}: all of it is edited; inpaint the picture again to keep them."


def read_measured(source: str | os.PathLike) -> Stays | None:
    """What is kept of the picture of an ``.npz`` file that a run wrote; see :func:`measured_of`.

    Raises:
        CheckpointError: another file, or damaged.
    """
    return measured_of(read_record(source), run_of(Path(source))["settings"])


def keep_measured(
    source: str | os.PathLike, images: np.ndarray, *, towards: tuple[str | os.PathLike, float] | None = None
) -> np.ndarray:
    """Edited images of a restored picture, with what stays of it; of another record as they are.

    Of an inpainted picture its known pixels stay, of one that was colourised its light and shade.

    Args:
        source: the ``.npz`` file that a run wrote.
        images: ``[K, R, R, C]`` in [-1, 1], as :func:`gprior_jax.editing.render` draws them.
        towards: the file of another result, and how far the images are on the way to it, from 0 to 1; see
            :class:`Way`.

    Raises:
        CheckpointError: another file, or damaged.

    >>> import gprior_jax as gp, jax, tempfile
    >>> from gprior_jax.runs.measurements import Whole
    >>> prior = gp.load("builtin")
    >>> recipe = gp.recipes.restoration("colorize", prior, num_codes=2, num_steps=2, perceptual=None)
    >>> task, reader = gp.tasks.COLORIZE, Whole(prior, gray=True)
    >>> job = gp.runs.Restoring(prior, recipe, jax.random.key(0), task, reader, {"task": "colorize"})
    >>> items = gp.runs.find_items([gp.zoo.bundled_folder("builtin").parent / "portraits"])[:1]
    >>> with tempfile.TemporaryDirectory() as out:
    ...     done = gp.runs.run(job, items, out)
    ...     kept = gp.runs.keep_measured(f"{out}/portrait_1.npz", np.ones((1, 64, 64, 3), np.float32))
    ...     photograph = np.asarray(from_uint8(gp.runs.read_record(f"{out}/portrait_1.npz").target))
    >>> float(abs(kept - photograph).max().round(3))  # White has no colours: the photograph's light is what is left.
    0.0
    """
    if towards is not None:
        other, at = towards
        return Way.between(read_measured(source), read_measured(other), at).into(images)
    return kept_in(images, read_measured(source))
