"""``gprior render``."""

import dataclasses
from pathlib import Path
from typing import Annotated

import numpy as np
from tyro import conf

from gprior_jax import editing
from gprior_jax.cli import codes
from gprior_jax.cli.checking import flag_of
from gprior_jax.cli.codes import CodeCommand
from gprior_jax.cli.telling import warn
from gprior_jax.editing import Point, Slider
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.runs.edits import one_direction
from gprior_jax.runs.keeping import Way

OWN = "own"
"""In ``--layers``, of a direction: the styles that it is meant for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Render(CodeCommand):
    """Draw one picture of one code after several edits, in this order: towards another, styles, directions, psi.

    Of an inpainted picture what was known stays, as in its result; towards another it goes over as by gprior morph.

    Attributes:
        source: a code, as for gprior morph: seed:7, draw:5, a result of gprior invert (its folder or .npz), an .npz,
            .npy or .pt of a code.
        out: picture to write, .png.
        towards: another code that it goes towards, as gprior morph does.
        at: how far: 0 is the source, 1 the other code.
        styles: another code that some styles are taken from, as by gprior mix.
        style_layers: which: coarse (0 to 3: pose, shape), middle (4 to 7), fine (from 8: colours, texture), or numbers:
            0-3, 5, 4-.
        along: directions or boundaries that it is moved along, as for gprior edit.
        strengths: how far, a number for each, in standard deviations of the prior's own codes.
        layers: styles that move, for each: 0-5, coarse, 0-2,5, all, or own: those that the direction is meant for.
        style_psi: in the end, all styles are moved towards their mean below 1; those of inversions, too.
    """

    source: Annotated[str, conf.Positional]
    out: Path
    towards: str | None = None
    at: float = 0.5
    styles: str | None = None
    style_layers: str = "4-"
    along: tuple[str, ...] = ()
    strengths: tuple[float, ...] = ()
    layers: tuple[str, ...] = ()
    style_psi: float = 1.0

    def run(self) -> int:
        """Draw and write."""
        codes.check_png(self.out)
        others = [each for each in (self.towards, self.styles) if each is not None]
        self.check_flags(self.out, [self.out], [self.source, *others])
        self._check()
        prior = self.prior()
        own = self._point(prior, self.source)
        towards = None if self.towards is None else (self._point(prior, self.towards), self.at)
        found = editing.combined(
            prior,
            own,
            self._sliders(prior),
            towards=towards,
            styles=None if self.styles is None else (self._point(prior, self.styles), self.style_layers),
            psi=self.style_psi,
            truncation_psi=self.psi,
        )
        variables = {name: np.asarray(value)[None] for name, value in found.variables.items()}
        kept, *others = self.measured([own] if towards is None else [own, towards[0]])
        measured = Way.between(kept, others[0], self.at) if others else kept
        codes.write_picture(self.out, self.render(prior, variables, found.parametrization, measured)[0])
        return self.tell(f"{self.source} of {prior.name} in {self.out}", {"out": str(self.out), "code": found.name})

    def _check(self) -> None:
        for flag, of, given in (("at", "towards", self.towards), ("style_layers", "styles", self.styles)):
            if given is None and getattr(self, flag) != getattr(Render, flag):
                raise ArgumentError(f"{flag_of(flag)} is for --{of}: name another code there, or leave it out.")
        if len(self.strengths) != len(self.along):
            raise ArgumentError(
                f"{len(self.strengths)} --strengths for {len(self.along)} directions --along: give one for each."
            )
        if self.layers and len(self.layers) != len(self.along):
            raise ArgumentError(
                f"{len(self.layers)} --layers for {len(self.along)} directions --along: give one for each, or none."
            )

    def _point(self, prior: Prior, source: str) -> Point:
        found = self.points(prior, [source])
        if len(found) != 1:
            raise ArgumentError(f"{source} names {len(found)} codes: name one, such as seed:7 or a file of one result.")
        return found[0]

    def _sliders(self, prior: Prior) -> list[Slider]:
        space = None if self.space == "auto" else self.space
        found = [one_direction(prior, source, space, warn, self.model) for source in self.along]
        layers = self.layers or (OWN,) * len(found)
        return [
            Slider(direction, strength, None if own == OWN else self._layers(prior, own))
            for direction, strength, own in zip(found, self.strengths, layers, strict=True)
        ]

    def _layers(self, prior: Prior, layers: str) -> tuple[int, ...]:
        if not prior.num_styles:
            raise ArgumentError(f"--layers {layers}: {prior} has no styles, leave it out.")
        return editing.style_layers(layers, prior.num_styles)
