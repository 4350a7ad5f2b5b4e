"""``gprior arithmetic``."""

import dataclasses
from pathlib import Path

import numpy as np

from gprior_jax import editing
from gprior_jax.cli import codes
from gprior_jax.cli.codes import CodeCommand
from gprior_jax.editing.points import Variables
from gprior_jax.errors import GPriorError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import mean_styles
from gprior_jax.images import arrays as im
from gprior_jax.keys import seeded
from gprior_jax.storage.atomic import write_arrays


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arithmetic(CodeCommand):
    """Add and subtract codes: the first concept + strength * (the other positive ones - the negative ones).

    Attributes:
        positive: concepts, each a source as for gprior morph: seed:7, draw:5, results of gprior invert, .npz, .npy or
            .pt of codes. Of several codes in one source (draw:1,4,9 or a folder) the mean is taken.
        negative: likewise.
        out: picture to write, .png; the code is written beside it as .npz, a source again (and of NVIDIA's programs).
        strength: of all but the first concept.
        space: codes z, w or w_plus (styles), or auto: styles where the prior has them. It is also that of codes in
            files that do not name theirs (.npy, .pt); w:FILE and the like go before it.
        scatter: write a 3x3 grid, with uniform noise within this added around the result in its middle; DCGAN: 0.25.
        paste: write the photograph of the first concept, an inversion, with the result where its square was cut out.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...] = ()
    out: Path
    strength: float = 1.0
    scatter: float = 0.0
    paste: bool = False

    def run(self) -> int:
        """Draw and write."""
        codes.check_png(self.out)
        beside = self.out.with_suffix(".npz")
        self.check_flags(self.out, [self.out, beside], [*self.positive, *self.negative])
        if not 0.0 <= self.scatter < np.inf or not np.isfinite(self.strength):
            raise GPriorError(
                f"--scatter {self.scatter} --strength {self.strength}: use finite numbers, scatter from 0."
            )
        if not self.positive:
            raise GPriorError("nothing to add up: name codes in --positive, such as seed:1.")
        if self.paste and self.scatter:
            raise GPriorError(
                "--paste puts one picture into its photograph, --scatter draws nine: leave one of them out."
            )
        photograph = self.photograph(self.positive[0], self.out) if self.paste else None
        prior = self.prior()
        result = self._result(prior)
        pictures = self.render(prior, self._around(result) if self.scatter else result)
        seam = codes.write_picture(self.out, im.grid(pictures), photograph)
        write_arrays(beside, result | ({"w": result["w_plus"]} if "w_plus" in result else {}))
        space = next(iter(result))
        facts = {"out": str(self.out), "code": str(beside), "space": space}
        facts |= {"positive": list(self.positive), "negative": list(self.negative), "strength": self.strength} | seam
        return self.tell(f"the {space} of {prior.name} in {beside}, its picture in {self.out}", facts)

    def _result(self, prior: Prior) -> Variables:
        """The code, ``[1, ...]``, with the class of the first concept where it is a z of a conditional prior."""

        def concepts(sources: tuple[str, ...]) -> list[Variables]:
            return [self.codes(prior, self.points(prior, (source,)), self.space) for source in sources]

        positive, negative = concepts(self.positive), concepts(self.negative)
        name = next(iter(positive[0]))
        origin = mean_styles(prior) if name == "w_plus" else 0.0
        ours, theirs = ([concept[name] for concept in side] for side in (positive, negative))
        code = np.asarray(editing.arithmetic(ours, theirs, self.strength, origin))
        return {name: code[None]} | {key: rows[:1] for key, rows in positive[0].items() if key != name}

    def _around(self, result: Variables) -> Variables:
        """Nine codes, the result in their middle."""
        name, *others = result
        near = np.asarray(editing.scatter(result[name][0], seeded(self.seed), self.scatter))
        nine = {name: np.concatenate([near[:4], result[name], near[4:]])}
        return nine | {other: np.repeat(result[other], 9, axis=0) for other in others}
