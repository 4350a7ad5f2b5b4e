"""``gprior generate``."""

import dataclasses
import io
from pathlib import Path

import jax
import numpy as np

from gprior_jax import files
from gprior_jax import image as im
from gprior_jax.cli import common
from gprior_jax.generators.base import prepare
from gprior_jax.generators.synthesis import sample_z, synthesize
from gprior_jax.io import save_image


@dataclasses.dataclass(frozen=True)
class Generate:
    """Draw images from a prior: a grid, and the raw arrays.

    Attributes:
        out: folder for grid.png and samples.npz (``z`` and ``images`` in [-1, 1]).
        model: "builtin" or a model folder.
        num: number of images.
        seed: seed of the latent codes.
        columns: images in a row of the grid; as square as it gets unless given.
        batch_size: images at once.
        dtype: floating dtype of the network.
        json: print what was written as JSON on standard output.
    """

    out: Path
    model: str = "builtin"
    num: int = 16
    seed: int = 0
    columns: int | None = None
    batch_size: int = 16
    dtype: common.Dtype = "float32"
    json: bool = False

    def run(self) -> int:
        """Draw and write."""
        common.positive(num=self.num, columns=self.columns, batch_size=self.batch_size)
        prior = prepare(common.load_prior(self.model, self.dtype))
        z = sample_z(prior, jax.random.key(self.seed), self.num)
        starts = range(0, self.num, self.batch_size)
        parts = [np.asarray(synthesize(prior, z[i : i + self.batch_size]), np.float32) for i in starts]
        images = np.concatenate(parts)
        self.out.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez(buffer, z=np.asarray(z), images=images)
        files.write_bytes(self.out / "samples.npz", buffer.getvalue())
        save_image(self.out / "grid.png", im.grid(im.to_uint8(images), self.columns))
        if self.json:
            common.print_json({"grid": str(self.out / "grid.png"), "arrays": str(self.out / "samples.npz")})
        else:
            common.say(f"{self.num} images of {prior.name} in {self.out / 'grid.png'} and {self.out / 'samples.npz'}")
        return 0
