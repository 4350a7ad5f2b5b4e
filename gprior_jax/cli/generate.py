"""``gprior generate``."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gprior_jax import zoo
from gprior_jax.cli.checking import check_positive
from gprior_jax.cli.flags import Dtype, TruncationFlag, free_prior
from gprior_jax.cli.telling import check_drawn, print_json, say
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.noise import Noise, draw_own_noise
from gprior_jax.generators.prior import Prior, astype, prepare
from gprior_jax.generators.synthesis import sample_z, synthesize
from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.inversion.batching import in_batches
from gprior_jax.keys import seeded
from gprior_jax.storage.atomic import check_folder, write_arrays
from gprior_jax.typing import Array

BATCH_SIZE = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generate(TruncationFlag):
    """Draw images from a prior: a grid, and the raw arrays.

    Attributes:
        out: folder for grid.png and samples.npz (``z``, ``label`` where there are classes, ``images`` in [-1, 1]).
        num: number of images; of each class with --label each.
        label: class of a conditional prior, or each: a row of the grid for every class, the same codes in each.
        noise: of a style-based prior: const (stored with the weights), none, or random for every image.
        columns: images in a row of the grid; as square as it gets unless given.
        dtype: floating dtype of the network.
    """

    out: Path
    num: int = 16
    label: int | Literal["each"] | None = None
    noise: Literal["const", "none", "random"] = "const"
    columns: int | None = None
    dtype: Dtype = "float32"

    def run(self) -> int:
        """Draw and write."""
        check_positive(self, "num", "columns", "batch_size")
        check_folder(self.out)
        prior = zoo.load(self.model)
        if self.label is not None:
            prior = free_prior(prior, self.label)
            with_label(prior, 0 if self.label == "each" else self.label)  # Says so once where there is no such class.
        prior = prepare(astype(self.truncated(prior), self.dtype))
        arrays: dict[str, Any] = self._codes(prior)
        total = len(arrays["z"])
        images = in_batches(partial(self._draw, prior), self.batch_size or BATCH_SIZE, arrays, np.arange(total)).astype(
            np.float32
        )
        check_drawn(images)
        self.out.mkdir(parents=True, exist_ok=True)
        write_arrays(self.out / "samples.npz", arrays | {"images": images})
        columns = self.columns or (self.num if self.label == "each" else None)
        save_image(self.out / "grid.png", im.grid(im.to_uint8(images), columns))
        if self.json:
            print_json({"grid": str(self.out / "grid.png"), "arrays": str(self.out / "samples.npz")})
        else:
            say(f"{total} images of {prior.name} in {self.out / 'grid.png'} and {self.out / 'samples.npz'}")
        return 0

    def _codes(self, prior: Prior) -> dict[str, np.ndarray]:
        """Codes ``z``, and the class of each as ``label``."""
        z = np.asarray(sample_z(prior, seeded(self.seed), self.num))
        if self.label is None:
            return {"z": z}
        classes = np.arange(prior.num_classes) if self.label == "each" else np.array([self.label])
        return {"z": np.tile(z, (len(classes), 1)), "label": np.repeat(classes, self.num)}

    def _draw(self, prior: Prior, arrays: dict[str, np.ndarray], ids: np.ndarray) -> Array:
        noise: Noise = self._maps(prior, ids) if self.noise == "random" else self.noise
        label = arrays.get("label")
        return synthesize(prior, arrays["z"], label=label, noise=noise, truncation_psi=self.psi)

    def _maps(self, prior: Prior, ids: np.ndarray) -> tuple[Array, ...]:
        return draw_own_noise(prior, seeded(self.seed), ids)
