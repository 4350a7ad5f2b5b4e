"""``gprior deblur``."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from gprior_jax import recipes
from gprior_jax.cli.restore import Restore
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.masks import load_kernel
from gprior_jax.runs import Item
from gprior_jax.runs.aligning import Cropper
from gprior_jax.runs.measurements import Reader, Whole
from gprior_jax.tasks import BlurKind, Task, check_reach, deblurring, kernel_of


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

    blur: BlurKind = "gaussian"
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
        if self.kernel is not None:
            kernel = load_kernel(self.kernel)
            check_reach(kernel, prior.resolution, self.kernel)
            return kernel
        try:
            return kernel_of(self.blur, prior.resolution, self.sigma, self.length, self.angle)
        except ArgumentError as error:
            raise ArgumentError(f"--{error}") from None
