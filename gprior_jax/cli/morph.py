"""``gprior morph``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tyro import conf

from gprior_jax import editing
from gprior_jax.cli import codes
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.codes import CodeCommand
from gprior_jax.errors import ArgumentError
from gprior_jax.images import arrays as im
from gprior_jax.images.video import check, save_video
from gprior_jax.runs.keeping import Way

STRIP = 8
"""Pictures in a row of a strip."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Morph(CodeCommand):
    """Go from one picture to the next through the latent space, as a moving picture or a strip.

    Inpainted pictures begin and end with what was known of them; what two of them know alike stays between them.

    Attributes:
        sources: two or more codes in their order: seed:7 (seed:7@3 of class 3), draw:5 (picture 5 of gprior generate
            with this --seed), several as seed:1,2,5-8; results of gprior invert (their folder or .npz); .npz, .npy or
            .pt of codes.
        out: file to write: .webp, .gif, .mp4, or a strip as .png.
        frames: pictures from one code to the next.
        fps: pictures a second.
        loop: go on from the last code to the first.
        ease: slow down at every code.
        space: of the path: z (an arc where codes are normal), w or w_plus (styles, straight), or auto: inversions made
            in the same way by all that they consist of, others through w where the prior has styles, else z. It is also
            that of codes in files that do not name theirs (.npy, .pt); w:FILE and the like go before it.
        strip: pictures in a row of a PNG strip, a row from each code to the next, written beside a moving picture; 0
            for none.
    """

    sources: Annotated[tuple[str, ...], conf.Positional]
    out: Path
    frames: int = 30
    fps: float = 30.0
    loop: bool = False
    ease: bool = False
    strip: int = 0

    def run(self) -> int:
        """Draw and write."""
        still = self.out.suffix.lower() == ".png"
        self._check_numbers()
        if not still:
            check(self.out, self.fps)
        beside = self.out.with_suffix(".png")
        self.check_flags(self.out, [self.out, beside] if self.strip or still else [self.out], self.sources)
        prior = self.prior()
        points = self.points(prior, self.sources)
        if len(points) < 2:
            raise ArgumentError(f"{len(points)} code is no path: name at least two, as in gprior morph seed:1 seed:2.")
        shared = editing.common_parametrization(points) if self.space == "auto" else None
        keys = self.codes(prior, points, self.space) if shared is None else editing.stack(points)
        per_row = self.strip or (STRIP if still else 0)
        steps = per_row - 1 if still else self.frames
        path = editing.morph_variables(prior, keys, steps, closed=self.loop, ease=self.ease)
        places = editing.places(len(points), steps, closed=self.loop, ease=self.ease)
        pictures = self.render(prior, path, shared, Way(self.measured(points), places))
        self.out.parent.mkdir(parents=True, exist_ok=True)
        if not still:
            save_video(self.out, pictures, self.fps)
        if per_row:
            legs = len(points) - (not self.loop)
            codes.write_picture(beside, strip(pictures, legs, steps, per_row))
        facts: dict[str, Any] = {
            "out": str(self.out),
            "strip": str(beside) if per_row else None,
            "frames": len(pictures),
        }
        text = f"{len(pictures)} pictures through {len(points)} codes of {prior.name} in {self.out}"
        return self.tell(text, facts | {"codes": [point.name for point in points], "variables": list(keys)})

    def _check_numbers(self) -> None:
        check_positive(self, "frames")
        if self.strip < 0 or self.strip == 1:
            raise ArgumentError(f"--strip {self.strip}: use at least 2 pictures in a row, or 0 for no strip.")


def strip(pictures: np.ndarray, legs: int, steps: int, per_row: int) -> np.ndarray:
    """A row of pictures for every leg of a path, from its first key to its last, evenly spaced.

    Args:
        pictures: ``[T, H, W, 3]``.
        legs: from key to key.
        steps: pictures in a leg.
        per_row: pictures in a row; at most ``steps + 1`` are there.
    """
    per_row = min(per_row, steps + 1)
    places = np.round(np.linspace(0, steps, per_row)).astype(int) + np.arange(legs)[:, None] * steps
    return im.grid(pictures[places.ravel() % len(pictures)], per_row)
