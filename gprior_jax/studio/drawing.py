"""Items that are drawn from the prior: records like those of inversions, so that every command takes them."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from gprior_jax.cli.model_facts import recommended_truncation
from gprior_jax.cli.telling import check_drawn
from gprior_jax.editing.points import Variables, codes, render
from gprior_jax.errors import ArgumentError, Status
from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import to_uint8
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.keys import MAX_ID, seeded
from gprior_jax.latents import WPlus, Z
from gprior_jax.runs.ending import end
from gprior_jax.runs.entries import entry_of
from gprior_jax.runs.folder import OutputFolder
from gprior_jax.runs.inversion import inversion_settings
from gprior_jax.runs.items import Item
from gprior_jax.runs.record import Record
from gprior_jax.runs.sources import read_points
from gprior_jax.serving.asked import Asked
from gprior_jax.studio.making import held


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """A picture that was drawn from a prior.

    Attributes:
        prior: held to its class.
        model: what commands call it.
        seed: of its code.
        settings: JSON.
        variables: ``{"w_plus": [num_styles, w_dim]}``, truncated, of a prior with styles; else ``{"z": [z_dim]}``.
    """

    prior: Prior
    model: str
    seed: int
    settings: dict[str, Any]
    variables: Variables

    @property
    def name(self) -> str:
        """Stem of its files."""
        return f"seed_{self.seed}"

    def write(self, out: Path) -> None:
        """Write a folder as commands take it, of one image whose code was not searched for."""
        kind = WPlus() if "w_plus" in self.variables else Z()
        settings = inversion_settings(self.prior, Recipe("drawn", kind, (), SolverConfig(num_steps=1)), seeded(0))
        image = render(self.prior, {name: value[None] for name, value in self.variables.items()})[0]
        check_drawn(image[None])
        source = f"seed:{self.seed}"
        record = Record(
            name=self.name,
            source=source,
            target=to_uint8(image),
            image=image,
            variables=self.variables,
            terms={},
            metrics={},
            step=0,
            status=Status.MAX_STEPS,
            history={},
            pictures={},
            samples=np.zeros((0, *image.shape), np.uint8),
            sample_losses=np.zeros(0, np.float32),
            styles=self.variables.get("w_plus"),
        )
        item = Item(self.seed, Path(source), self.name, digest=source)
        folder = OutputFolder(out, settings | {"drawn": self.settings}, [item])
        with folder.at_work():
            folder.write(item, record)
            end(folder, [item], {item.name: entry_of(record, "")}, {}, {"model": self.model})


def draw(prior: Prior, model: str, told: Any) -> Drawn:
    """A picture of a seed, as ``gprior generate`` and the source ``seed:7`` of the other commands draw it.

    Args:
        prior: the generator.
        model: what commands call it.
        told: JSON: ``{"seed": 7, "psi": 0.7, "label": 0}``; what a model recommends for ``psi``, of styles.

    Raises:
        ArgumentError: no such numbers.
    """
    if not isinstance(told, dict) or told.keys() - {"seed", "psi", "label"}:
        raise ArgumentError(
            'the body is no order for a picture: send {"seed": 7}, and "psi" where styles are truncated.'
        )
    seed, psi, label = told.get("seed", 0), told.get("psi"), told.get("label")
    for name, number in (("seed", seed), ("label", label)):
        is_whole = isinstance(number, int) and not isinstance(number, bool)
        if number is not None and not (is_whole and 0 <= number <= MAX_ID):
            raise ArgumentError(f"{name} {str(number)[:40]!r}: use a whole number from 0 to {MAX_ID}.")
    if psi is not None and (isinstance(psi, bool) or not isinstance(psi, int | float) or not _is_finite(psi)):
        raise ArgumentError(f"psi {str(psi)[:40]!r}: use a number.")
    if psi not in (None, 1) and not prior.num_styles:
        raise ArgumentError(f"psi {psi}: {prior} has no styles to truncate, leave it out.")
    own = held(prior, Asked(label=label))
    (point,) = read_points(own, f"seed:{seed}")
    settings = {"seed": seed} | ({} if label is None else {"label": label})
    if not prior.num_styles:
        return Drawn(own, model, seed, settings, point.variables)
    psi = recommended_truncation(model) if psi is None else float(psi)
    styles = codes(own, [point], "w", psi)["w_plus"][0]
    return Drawn(own, model, seed, settings | {"psi": psi}, {"w_plus": styles})


def _is_finite(number: float) -> bool:
    """Whether a number of JSON, in which whole ones have no end, is one of ours."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
