"""``gprior deblur``."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, Literal

from gprior_jax import recipes
from gprior_jax.cli.restore import Restore
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.masks import load_kernel
from gprior_jax.operators import gaussian_kernel, motion_kernel
from gprior_jax.runs import Item
from gprior_jax.runs.aligning import Cropper
from gprior_jax.runs.measurements import Reader, Whole
from gprior_jax.tasks import Task, deblurring


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deblur(Restore):
    """Sharpen photographs that a known kernel has blurred; lengths are pixels of the prior's resolution.

    Attributes:
        blur: gaussian (out of focus) or motion (a camera that moved).
        sigma: of the Gaussian, pixels.
        length: of the motion, pixels.
        angle: of the motion, degrees counter-clockwise from the horizontal.
        kernel: instead: a small square image with an odd side, brighter where more light went.
    """

    task_name: ClassVar[recipes.Task] = "deblur"

    blur: Literal["gaussian", "motion"] = "gaussian"
    sigma: float = 1.5
    length: float = 7.0
    angle: float = 0.0
    kernel: Path | None = None

    def about(self, prior: Prior, reader: Reader) -> dict[str, Any]:
        """The kernel in words; a file is told by its content."""
        own = {"gaussian": ("sigma",), "motion": ("length", "angle")}[self.blur]
        return {} if self.kernel is not None else {"blur": self.blur} | {name: getattr(self, name) for name in own}

    def files(self, items: list[Item]) -> dict[Path, Path]:
        """The kernel's file."""
        return {} if self.kernel is None else {item.source: self.kernel for item in items}

    def measurement(self, prior: Prior, items: list[Item], crop: Cropper) -> tuple[Task, Reader]:
        """Pictures, and the kernel that has blurred them."""
        return deblurring(self._kernel(prior)), Whole(prior, crop, value_range=self.value_range)

    def _kernel(self, prior: Prior) -> Any:
        """The kernel, if it does not reach beyond the image."""
        size = prior.resolution
        if self.kernel is not None:
            kernel = load_kernel(self.kernel)
            if len(kernel) >= 2 * size:
                raise ArgumentError(f"{self.kernel} is too large for {size}x{size} images: use at most {2 * size - 1}.")
            return kernel
        name, most = ("sigma", (size - 1) / 3) if self.blur == "gaussian" else ("length", 2.0 * size - 3)
        if getattr(self, name) > most:
            raise ArgumentError(
                f"--{name} {getattr(self, name)} is too much for images of {size}x{size}: use at most {most:.4g}."
            )
        if self.blur == "gaussian":
            return gaussian_kernel(self.sigma)
        return motion_kernel(self.length, self.angle)
