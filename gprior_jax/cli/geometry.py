"""``gprior geometry``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from tyro import conf

from gprior_jax import geometry
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.codes import CodeCommand
from gprior_jax.cli.recipe_flags import PerceptualFlag
from gprior_jax.editing import Point
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.geometry.functions import Network, Space
from gprior_jax.geometry.geodesics import NUM_SEGMENTS, STEPS
from gprior_jax.keys import seeded
from gprior_jax.perceptual.network import default
from gprior_jax.runs.geometry import Measured, Plan, codes_of, ends_of, explore, facts, moved, write
from gprior_jax.runs.keeping import Way
from gprior_jax.storage.atomic import check_free, new_folder, write_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Geometry(CodeCommand, PerceptualFlag):
    """Measure the latent space between two codes: the geodesic against the line, spectra, directions, a slice.

    It is measured of what the prior draws; pictures of inpainted results show what was known, too, as in gprior morph.

    Attributes:
        sources: two codes, as for gprior morph: seed:1 seed:2, draw:5, results of gprior invert, .npz, .npy or .pt.
        out: folder to make: report.html, strips.png (the line above the geodesic), directions.png, slice.png,
            curves.npz and geometry.json.
        space: of the curves: z, w, w_plus, or auto: w where the prior has styles and each code is one w, w_plus where
            it is styles of layers, else z. It is also that of codes in files that do not name theirs.
        perceptual: none measures pixels; default the features of the prior's discriminator; or a model folder with
            LPIPS, VGG-16 or another network.
        segments: of the curves.
        steps: Gauss-Newton steps of the geodesic, for each of its levels.
        directions: singular directions at the first code that are drawn.
        cells: of a side of the slice; 0 for none.
    """

    sources: Annotated[tuple[str, ...], conf.Positional]
    out: Path
    perceptual: str = "none"
    segments: int = NUM_SEGMENTS
    steps: int = STEPS
    directions: int = 5
    cells: int = 16

    def run(self) -> int:
        """Measure, draw and write."""
        check_positive(self, "segments", "steps", "directions", "size", "batch_size")
        if self.segments < 2 or self.cells < 0:
            raise ArgumentError(f"--segments {self.segments}, --cells {self.cells}: use 2 or more, and 0 or more.")
        check_free(self.out)
        prior = self.prior()
        points = self.points(prior, self.sources)
        if len(points) != 2:
            raise ArgumentError(f"{len(points)} codes: name two, as in gprior geometry seed:1 seed:2.")
        prior, space, ends = self._ends(prior, self.codes(prior, points, self.space))
        if self.directions >= ends[0].size:
            raise ArgumentError(f"--directions {self.directions}: a code has {ends[0].size} numbers, use fewer.")
        function = geometry.outputs(prior, space, self._network(prior), self.noise)
        start, end = (jnp.asarray(code, jnp.float32) for code in ends)
        measured = explore(function, start, end, Plan(self.segments, self.steps, self.directions, self.cells))
        content: dict[str, Any] = self._facts(prior, space, ends, measured)
        content["codes"] = [point.name for point in points]
        with new_folder(self.out) as folder:
            self._write(folder, prior, space, measured, points)
            write_json(folder / "geometry.json", content)
        ratio = content["energy_ratio"]
        told = "no way between them" if ratio is None else f"the geodesic has {ratio:.3f} of the line's energy"
        line, curve = content["line"], content["geodesic"]
        text = f"{told}; lengths {curve['length']:.4g} and {line['length']:.4g}; {self.out / 'report.html'}"
        return self.tell(text, {"out": str(self.out)} | content)

    def _ends(self, prior: Prior, codes: dict[str, np.ndarray]) -> tuple[Prior, Space, np.ndarray]:
        """The prior, held to the codes' class where they are z; and the codes in the space of the curves."""
        if "z" in codes and prior.num_styles and self.psi != 1.0:
            raise ArgumentError(f"--truncation {self.truncation}: curves in z are not truncated, leave it out.")
        return ends_of(prior, codes, {"w": True, "w_plus": False}.get(self.space))

    def _network(self, prior: Prior) -> Network:
        network = self.network()
        return default(prior) if isinstance(network, str) else network

    def _write(self, folder: Path, prior: Prior, space: Space, measured: Measured, points: list[Point]) -> None:
        far = moved(measured)
        latents = np.concatenate([measured.lines, np.asarray(measured.geodesic.curve), far])
        places = np.concatenate([*2 * [np.linspace(0.0, 1.0, len(measured.lines))], np.zeros(len(far))])
        drawn = self.render(prior, codes_of(prior, space, latents), measured=Way(self.measured(points), places))
        cut = 2 * len(measured.lines)
        write(folder, measured, drawn[:cut], drawn[cut:])

    def _facts(self, prior: Prior, space: Space, ends: np.ndarray, measured: Measured) -> dict[str, Any]:
        found = facts(measured) | {"model": self.model, "space": space, "perceptual": self.perceptual}
        typical = (geometry.typicality(prior, jnp.asarray(code), seeded(self.seed), space) for code in ends)
        found["typicality"] = [{name: np.asarray(x).tolist() for name, x in t._asdict().items()} for t in typical]
        return found
