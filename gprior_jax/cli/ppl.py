"""``gprior ppl``."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from gprior_jax import geometry
from gprior_jax.cli.checking import check_positive, values
from gprior_jax.cli.flags import PriorFlags
from gprior_jax.cli.recipe_flags import PerceptualFlag
from gprior_jax.cli.telling import print_json, say
from gprior_jax.errors import ArgumentError
from gprior_jax.geometry.path_length import EPSILON, NUM_SAMPLES
from gprior_jax.keys import seeded
from gprior_jax.perceptual.network import default
from gprior_jax.storage.atomic import write_json
from gprior_jax.summary import versions

BATCH_SIZE = 16

Variant = Literal["zfull", "wfull", "zend", "wend"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PPL(PriorFlags, PerceptualFlag):
    """Perceptual path length: how far images move when their codes move a little; small where a prior is smooth.

    Attributes:
        variants: space and place on the path: along arcs between codes z or lines between their styles w, anywhere
            (full) or at an end; StyleGAN2 reports wend. By default all that the prior has.
        samples: pairs of codes for each; 50,000 are published.
        crop: compare the middle of the picture only, as published for faces of FFHQ and CelebA-HQ.
        perceptual: default (the prior's discriminator), or a model folder with LPIPS (published: VGG-16), VGG-16 or a
            discriminator; figures of different networks do not compare.
        epsilon: step, as a part of the path.
        out: JSON file for the result, besides the print.
    """

    variants: tuple[Variant, ...] = ()
    samples: int = NUM_SAMPLES
    crop: bool = False
    perceptual: str = "default"
    epsilon: float = EPSILON
    out: Path | None = None

    def run(self) -> int:
        """Measure and tell."""
        check_positive(self, "samples", "batch_size")
        if not self.epsilon > 0:
            raise ArgumentError(f"--epsilon {self.epsilon}: use a number above 0.")
        prior = self.load_prior()
        network = self.network()
        if network is None:
            raise ArgumentError(f"--perceptual {self.perceptual}: paths are measured by a network, name one.")
        network = default(prior) if isinstance(network, str) else network
        variants = self.variants or (("zfull", "wfull", "zend", "wend") if prior.num_styles else ("zfull", "zend"))
        found = {}
        for variant in variants:
            measured = geometry.perceptual_path_length(
                prior,
                network,
                seeded(self.seed),
                space="z" if variant[0] == "z" else "w",
                sampling="full" if variant[1:] == "full" else "end",
                crop=self.crop,
                num_samples=self.samples,
                epsilon=self.epsilon,
                batch_size=self.batch_size or BATCH_SIZE,
            )
            found[variant] = measured.mean
            say(f"{variant}: {measured.mean:.5g}", self.json)
        content: dict[str, Any] = {"path_length": found} | values(
            self, "model", "samples", "crop", "perceptual", "epsilon", "seed"
        )
        if self.out is not None:
            write_json(self.out, content | {"versions": versions()})
        if self.json:
            print_json(content)
        return 0
