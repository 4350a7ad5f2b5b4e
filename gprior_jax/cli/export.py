"""``gprior export``."""

import dataclasses
from pathlib import Path

from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.flags import PriorFlags
from gprior_jax.cli.recipe_flags import RecipeFlags
from gprior_jax.cli.telling import print_json, say
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.exporting import export_inversion
from gprior_jax.storage.atomic import write_bytes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Export(PriorFlags, RecipeFlags):
    """Write all steps of an inversion, with the prior's weights, as one program that runs without this package.

    Attributes:
        out: file for the program, as jax.export serialises it.
        batch_size: images that it takes at once; 1 unless given.
    """

    out: Path

    def run(self) -> int:
        """Export and write."""
        check_positive(self, "num_codes", "num_steps", "restarts", "batch_size")
        if self.out.is_dir():
            raise ArgumentError(f"--out {self.out} is a folder: name a file, such as {self.out / 'invert.stablehlo'}.")
        prior, recipe, images = self.load_prior(), self.recipe(), self.batch_size or 1
        content = export_inversion(prior, recipe, images)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self.out, content)
        shape, steps = (images, *prior.image_shape), sum(stage.solver.num_steps for stage in recipe.stages)
        if self.json:
            print_json({"program": str(self.out), "images": shape, "steps": steps, "bytes": len(content)})
        else:
            say(f"{steps} steps of {recipe.name} for images {list(shape)}, {len(content) / 1e6:.1f} MB: {self.out}")
        return 0
