"""``gprior mix``."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from gprior_jax import editing
from gprior_jax.cli import codes
from gprior_jax.cli.codes import CodeCommand
from gprior_jax.editing import Point
from gprior_jax.errors import GPriorError
from gprior_jax.images import arrays as im
from gprior_jax.runs.keeping import Light, Measured, Way
from gprior_jax.runs.pasting import keeping_luma


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mix(CodeCommand):
    """Mix styles: a grid of every row's picture with some styles of every column's, which are beside and above it.

    Of a row that was inpainted what was known stays in its mixtures.

    Attributes:
        rows: codes, as for gprior morph: seed:7, draw:5, results of gprior invert, .npz, .npy or .pt files.
        columns: codes, likewise: those that styles come from.
        out: picture to write, .png.
        layers: styles that come from the columns: coarse (0 to 3: pose, shape), middle (4 to 7), fine (from 8: colours,
            texture), or numbers: 0-3, 5, 4-. The later half transfers a column's style to a row's content.
        paste: of one row, an inversion, and one column: write the photograph of the row, with the mixture where its
            square was cut out.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    out: Path
    layers: str = "4-"
    paste: bool = False

    def run(self) -> int:
        """Draw and write."""
        codes.check_png(self.out)
        self.check_flags(self.out, [self.out], [*self.rows, *self.columns])
        prior = self.prior()
        if not prior.num_styles:
            raise GPriorError(f"{prior.name} has no styles to mix: name a style-based --model.")
        start, stop = editing.style_range(self.layers, prior.num_styles)
        sides = [self.points(prior, sources) for sources in (self.rows, self.columns)]
        if not all(sides):
            raise GPriorError("nothing to mix: name codes in --rows and in --columns, such as seed:1,2,3.")
        rows, columns = (jnp.asarray(self.codes(prior, points, "w")["w_plus"]) for points in sides)
        if self.paste and len(rows) * len(columns) != 1:
            raise GPriorError(f"--paste takes one row and one column: these are {len(rows)} and {len(columns)}.")
        photograph = self.photograph(self.rows[0], self.out) if self.paste else None
        mixed = np.asarray(editing.mixing_grid(rows, columns, start, stop))
        styles = np.concatenate([columns, rows, mixed.reshape(-1, *mixed.shape[2:])])
        kept = self._kept(*sides)
        pictures = self.render(prior, {"w_plus": styles}, measured=kept)
        whole = pictures[-1] if self.paste else table(pictures, len(rows), len(columns))
        own = kept.keys[-1]
        share = own.missing if isinstance(own, Measured) else None
        finish = keeping_luma(own.part) if isinstance(own, Light) else None
        seam = codes.write_picture(self.out, whole, photograph, share, finish)
        facts = {"out": str(self.out), "styles": [start, stop - 1]} | seam
        facts |= {name: [point.name for point in side] for name, side in zip(("rows", "columns"), sides, strict=True)}
        return self.tell(
            f"{len(rows)}x{len(columns)} mixtures of {prior.name}, styles {start} to {stop - 1} of the columns, in "
            f"{self.out}",
            facts,
        )

    def _kept(self, rows: list[Point], columns: list[Point]) -> Way:
        """What stays of inpainted pictures: of every one its own, and of the mixtures their row's."""
        across, down = np.arange(len(columns)), len(columns) + np.arange(len(rows))
        places = np.concatenate([across, down, np.repeat(down, len(columns))])
        return Way(self.measured([*columns, *rows]), places)


def table(pictures: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A grid with headings.

    Args:
        pictures: ``[C + R + R * C, H, W, 3]``: those above the columns, those beside the rows, and the grid by rows.
        rows: R.
        columns: C.
    """
    above, beside, inside = np.split(pictures, [columns, columns + rows])
    lines = [np.full_like(pictures[:1], 255), above]
    for i in range(rows):
        lines += [beside[i : i + 1], inside[i * columns : (i + 1) * columns]]
    return im.grid(np.concatenate(lines), columns + 1)
