"""``gprior denoise``."""

import dataclasses
from typing import Any, ClassVar

from gprior_jax import recipes
from gprior_jax.cli.restore import Restore
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.runs import Item
from gprior_jax.runs.aligning import Cropper
from gprior_jax.runs.measurements import Reader, Whole
from gprior_jax.tasks import NoiseKind, Task, denoising


@dataclasses.dataclass(frozen=True, kw_only=True)
class Denoise(Restore):
    """Remove noise.

    Attributes:
        noise: gaussian, poisson, or impulse (salt and pepper: compared with the robust Huber distance).
        sigma: standard deviation of the noise in grey levels of 255, at the resolution of the prior (reducing a larger
            picture has averaged noise away); estimated from every image unless given.
        peak: for --simulate with poisson noise: photons of a white pixel.
        rate: for --simulate with impulse noise: part of the pixels that is hit.
    """

    task_name: ClassVar[recipes.Task] = "denoise"

    noise: NoiseKind = "gaussian"
    sigma: float | None = None
    peak: float = 30.0
    rate: float = 0.1

    def about(self, prior: Prior, reader: Reader) -> dict[str, Any]:
        """The kind of noise, and the strength of what is simulated."""
        own = {"noise": self.noise, "sigma": self.sigma}
        strength = {"poisson": "peak", "impulse": "rate"}.get(self.noise)
        return own | ({strength: getattr(self, strength)} if self.simulate and strength else {})

    def measurement(self, prior: Prior, items: list[Item], crop: Cropper) -> tuple[Task, Reader]:
        """Noisy pictures; the pixel term goes no lower than the noise."""
        if self.simulate and self.noise == "gaussian" and self.sigma is None:
            raise ArgumentError("--simulate needs --sigma: grey levels of the noise to be added.")
        return denoising(self.noise, self.sigma, self.peak, self.rate), Whole(prior, crop, value_range=self.value_range)
