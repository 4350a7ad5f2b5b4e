"""What ``gprior explain`` finds out about a result of several codes."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import editing
from gprior_jax.compiling import jit
from gprior_jax.editing import Point
from gprior_jax.editing.points import Variables
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.inversion.batching import default_batch_size, in_batches
from gprior_jax.latents import MultiCode, Parametrization
from gprior_jax.metrics import explain
from gprior_jax.metrics.explain import Parts
from gprior_jax.metrics.overlap import Overlap, best_overlap
from gprior_jax.runs.entries import run_of
from gprior_jax.runs.keeping import Measured, Stays, kept_in, measured_of
from gprior_jax.runs.record import read_record
from gprior_jax.typing import Array

By = Literal["alpha", "image"]

DRAWN = 10.0
"""Gross weight (:func:`gprior_jax.editing.gross_weight`) above which a picture without a code has fallen apart, and
what it adds is looked at instead: drawn codes of the preset ``fast`` weigh 17 to 29 times an average's on the bundled
photographs, those that moved 6 to 8, of ``official`` below 2."""


class Explained(NamedTuple):
    """Of one result; N codes composed at a layer of C channels, pictures of side R.

    Attributes:
        name: of its files.
        source: where it comes from.
        parametrization: with the layer.
        by: how influence was measured.
        image: ``[R, R, 3 or 1]`` in [-1, 1], the picture of all codes; of an inpainting with what was known, where no
            code has influence.
        target: likewise, what was inverted; None where nothing like the result is known.
        own: ``[N, R, R, C]``, each code's own picture.
        without: likewise, the picture without what was left out of each code.
        maps: ``[N, R, R]``, influence.
        importance: ``[N]``.
        order: ``[N]``, the codes, the most important first.
        similarity: of the maps, see :func:`gprior_jax.metrics.explain.similarity`.
        gross: weight of the codes, see :func:`gprior_jax.editing.gross_weight`.
        taken: ``[N]``, channels of each code that were left out.
        shares: ``[N, C]``, of every channel.
        psnr: of the picture, dB, against the target; without one it is infinite.
        alone: ``[N]``, without each code.
        most_first: ``[N]``, without the k most important ones.
        least_first: ``[N]``, without the k least important ones.
        regions: masks by name, ``[R, R]``.
        overlaps: with every region; ``[N]`` each.
    """

    name: str
    source: str
    parametrization: MultiCode
    by: By
    image: np.ndarray
    target: np.ndarray | None
    own: np.ndarray
    without: np.ndarray
    maps: np.ndarray
    importance: np.ndarray
    order: np.ndarray
    similarity: float
    gross: float
    taken: np.ndarray
    shares: np.ndarray
    psnr: float
    alone: np.ndarray
    most_first: np.ndarray
    least_first: np.ndarray
    regions: Mapping[str, np.ndarray]
    overlaps: Mapping[str, Overlap]

    @property
    def labels(self) -> list[str | None]:
        """The region that each code agrees with most, by its gain; None where it gains nothing on the whole picture."""
        if not self.regions:
            return [None] * len(self.importance)
        names = list(self.regions)
        gains = np.stack([np.asarray(self.overlaps[name].gain) for name in names])
        return [names[i] if gains[i, code] > 0 else None for code, i in enumerate(gains.argmax(axis=0))]


def check_explainable(point: Point) -> MultiCode:
    """The parametrisation of a point.

    Raises:
        ArgumentError: it is not of several codes with channel weights.
    """
    found = point.parametrization
    if isinstance(found, MultiCode) and found.num_codes > 1:
        return found
    told = f"{point.name} is one code" if found is None else f"{point.name} holds {_told(found)}"
    raise ArgumentError(
        f"{told}: what each code does is explained of several codes composed at a layer; invert the picture with "
        "mganprior and two codes or more."
    )


def _told(parametrization: Parametrization) -> str:
    if isinstance(parametrization, MultiCode):
        return "a single code with channel weights"
    return f"the variables of {type(parametrization).__name__}"


@dataclasses.dataclass(frozen=True, eq=False)
class Explainer:
    """Explains results of one prior.

    Attributes:
        prior: prepared.
        by: ``alpha``: influence is the change of the picture where channels of a weight above the threshold are left
            out, as published; ``image``: what the code adds to the picture to first order. ``auto`` is ``image`` for
            weights above :data:`DRAWN`.
        threshold: of channel weights.
        batch_size: pictures at once; None goes by the resolution.
        check_images: raises where pictures are no numbers.
    """

    prior: Prior
    by: Literal["auto", "alpha", "image"] = "auto"
    threshold: float = explain.THRESHOLD
    batch_size: int | None = None
    check_images: Callable[[np.ndarray], None] = lambda images: None

    def explain(self, point: Point, name: str, regions: Mapping[str, np.ndarray]) -> Explained:
        """One result.

        Args:
            point: of a run of ``gprior invert`` or of a restoration.
            name: of its files.
            regions: bool ``[R, R]`` by name.

        Raises:
            GPriorError: not of several codes, or of another prior.
        """
        parametrization = check_explainable(point)
        variables = point.variables
        prior = with_label(self.prior, variables["label"]) if "label" in variables else self.prior
        parts = _parts(parametrization, prior, {n: v for n, v in variables.items() if n != "label"})
        number, channels = variables["alpha"].shape
        of_codes = partial(self._drawn, _pictures, parametrization, prior, parts)
        stored, target, measured = _stored(point)

        def draw(kept: np.ndarray) -> np.ndarray:
            return kept_in(of_codes(kept), measured)

        drawn = of_codes(np.ones((1, number, 1), np.float32))
        image = kept_in(drawn, measured)[0]
        # Of an edited restoration the picture is stored as it is seen, alone.
        if min(_apart(drawn[0], stored), _apart(image, stored)) >= _APART:
            self._refuse(point)
        gross = editing.gross_weight(variables["alpha"])
        by: By = self.by if self.by != "auto" else "image" if gross > DRAWN else "alpha"
        entries = self._carried(point) if by == "alpha" else np.ones((number, channels), bool)
        without = draw(np.asarray(explain.without_each(entries)))
        if by == "alpha":
            maps = np.asarray(jax.vmap(explain.difference, (None, 0))(image, without))
        else:
            added = self._drawn(_contributions, parametrization, prior, parts, np.eye(number, dtype=np.float32))
            maps = np.abs(added).mean(axis=-1) * (measured.missing[..., 0] if isinstance(measured, Measured) else 1.0)
        importance = np.asarray(explain.importance(maps))
        order = np.argsort(-importance, kind="stable")
        psnr = partial(_psnr, image if target is None else target)
        alone = psnr(without) if by == "image" else psnr(draw(1.0 - np.eye(number, dtype=np.float32)[..., None]))
        most, least = (psnr(draw(np.asarray(explain.removed_in_order(o))[..., None])) for o in (order, order[::-1]))
        return Explained(
            name=name,
            source=point.name,
            parametrization=parametrization,
            by=by,
            image=image,
            target=target,
            own=self._own(point, parametrization),
            without=without,
            maps=maps,
            importance=importance,
            order=order,
            similarity=float(explain.similarity(maps)),
            gross=gross,
            taken=entries.sum(axis=1),
            shares=np.asarray(explain.channel_shares(parts)),
            psnr=float(psnr(image[None])[0]),
            alone=alone,
            most_first=most,
            least_first=least,
            regions=regions,
            overlaps={name: _overlap(maps, region) for name, region in regions.items()},
        )

    def _carried(self, point: Point) -> np.ndarray:
        """Which channels of each code carry the picture, bool ``[N, C]``."""
        alpha = point.variables["alpha"]
        entries = np.asarray(explain.carried(alpha, self.threshold))
        if not entries.any():
            raise ArgumentError(
                f"{point.name} has no channel weight above {self.threshold:g}, the largest is {np.max(alpha):.3g}: use "
                "a lower threshold."
            )
        return entries

    def _drawn(
        self,
        function: Callable[..., Array],
        parametrization: MultiCode,
        prior: Prior,
        parts: Parts,
        kept: np.ndarray,
    ) -> np.ndarray:
        number = len(parts.features)
        # One shape of batches, also for fewer pictures: compiling takes longer than drawing some in vain.
        size = min(self.batch_size or default_batch_size(prior.resolution, number), number)
        if kept.ndim == 3:
            kept = np.broadcast_to(kept, (*kept.shape[:2], parts.features.shape[-1]))
        images = in_batches(partial(function, parametrization, prior, parts), size, kept).astype(np.float32)
        self.check_images(images)
        return images

    def _own(self, point: Point, parametrization: MultiCode) -> np.ndarray:
        """What the prior draws of each code alone."""
        held = {n: v for n, v in point.variables.items() if n == "label"}
        alone = [Point("", {parametrization.space: code} | held) for code in point.variables["codes"]]
        variables = editing.codes(self.prior, alone, "w" if parametrization.space == "w" else "z")
        size = self.batch_size or default_batch_size(self.prior.resolution, len(alone))
        return editing.render(self.prior, variables, batch_size=size)

    def _refuse(self, point: Point) -> NoReturn:
        """Raise: the codes draw something else here."""
        raise ArgumentError(
            f"{point.name} was made by another prior than {self.prior}, which draws something else of its codes: "
            f"name the prior it was made with{f', {point.model}' if point.model else ''}."
        )


def _apart(image: np.ndarray, stored: np.ndarray) -> float:
    found = float(np.mean(np.asarray(explain.difference(image, stored))))
    return found if np.isfinite(found) else np.inf


_APART = 0.05
"""Mean difference, of pixels in [-1, 1], between the picture that codes draw and the one that was stored, from which on
it is another one; half precision and the rounding of restored pictures stay far below."""


def _stored(point: Point) -> tuple[np.ndarray, np.ndarray | None, Stays | None]:
    """The picture that a run drew of the codes, what it is to be compared with, if that is known, and what stays."""
    record = read_record(point.name)
    pictures = {name: im.from_uint8(picture) for name, picture in record.pictures.items()}
    drawn = pictures.get("reconstruction", record.image)
    settings = run_of(Path(point.name))["settings"]
    inverted = "task" not in settings and record.target.shape == record.image.shape
    target = im.from_uint8(record.target) if inverted else pictures.get("truth")
    like = target is not None and target.shape == drawn.shape
    return drawn, target if like else None, measured_of(record, settings)


def _psnr(reference: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Of pictures ``[T, R, R, C]`` as they are seen, dB."""
    squares = np.square(np.clip(images, -1, 1) - np.clip(reference, -1, 1)).mean(axis=(1, 2, 3))
    return np.asarray(im.psnr_of(squares))


@partial(jit, use="often", kept=True, static_argnums=0)
def _parts(parametrization: MultiCode, prior: Prior, variables: Variables) -> Parts:
    return explain.parts_of(prior, parametrization, jax.tree.map(jnp.asarray, variables))


@partial(jit, use="often", kept=True, static_argnums=0)
def _pictures(parametrization: MultiCode, prior: Prior, parts: Parts, kept: Array) -> Array:
    return jax.vmap(partial(explain.picture_of, prior, parametrization, parts))(kept)


@partial(jit, use="often", kept=True, static_argnums=0)
def _contributions(parametrization: MultiCode, prior: Prior, parts: Parts, direction: Array) -> Array:
    return jax.vmap(partial(explain.contribution, prior, parametrization, parts))(direction)


_overlap = jax.jit(jax.vmap(best_overlap, (0, None)))
