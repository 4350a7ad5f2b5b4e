"""``gprior colorize``, ``upscale``, ``inpaint``, ``denoise`` and ``deblur``."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import operators, recipes, tasks
from gprior_jax.cli import common
from gprior_jax.cli.restore import Restore, Solver, match_files
from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.generators.base import Prior
from gprior_jax.images.files import MIN_SIDE, Crop, load_image, load_kernel, load_mask, load_masked, load_unscaled
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.operators import DownsampleMethod
from gprior_jax.runs.folder import Item
from gprior_jax.tasks import Noise, Options, Restoration
from gprior_jax.tasks.finishing import Blend
from gprior_jax.typing import Array, Key


@dataclasses.dataclass(frozen=True)
class Colorize(Restore):
    """Colour gray photographs; of coloured ones the luma is taken."""

    task: ClassVar[recipes.Task] = "colorize"

    def solver(self, prior: Prior, items: list[Item], files: dict[int, Path]) -> Solver:
        """Luma in, colours out."""
        return _Colorize()


class _Colorize(Solver):
    def load(self, item: Item, prior: Prior, crop: Crop) -> dict[str, np.ndarray]:
        image = load_image(item.source, prior.resolution, crop)
        return {"observed": np.asarray(self.degrade(image, jax.random.key(0)))}

    def degrade(self, image: np.ndarray, key: Key) -> Array:
        return operators.Luma()(jnp.asarray(image))

    def solve(self, prior: Prior, batch: dict[str, np.ndarray], key: Key, options: Options) -> Restoration:
        return tasks.colorize(prior, batch["observed"], key=key, **options)


@dataclasses.dataclass(frozen=True)
class Upscale(Restore):
    """Enlarge small photographs to the resolution of the prior.

    Attributes:
        factor: old side by new side; unless given, it follows from the size of the first input.
        filter: how the photographs were reduced (and with --simulate are): bicubic as Pillow, bilinear as mGANprior,
            area, lanczos, or pulse.
        consistent: change the result as little as it takes to reduce to the input again.
    """

    task: ClassVar[recipes.Task] = "upscale"

    factor: int | None = None
    filter: DownsampleMethod = "bicubic"
    consistent: bool = True

    def recipe(self, prior: Prior, **changes: Any) -> Recipe:
        """The recipe that the flags describe."""
        if self.method != "pulse":
            return super().recipe(prior, **changes)
        foreign = ("codes", "layer", "codes_per_call", "distance", "perceptual_weight")
        if given := [name for name in foreign if getattr(self, name) is not None]:
            raise GPriorError(f"--{given[0].replace('_', '-')} is not for --method pulse: leave it out.")
        flags = common.fields(self, "preset", "restarts", "tolerance", "remat")
        return recipes.pulse(num_steps=self.steps, **flags)

    def solver(self, prior: Prior, items: list[Item], files: dict[int, Path]) -> Solver:
        """Checks the factor."""
        size = prior.resolution
        if self.factor is not None:
            if self.factor < 2 or size % self.factor or size // self.factor < MIN_SIDE:
                fitting = [str(f) for f in range(2, size // MIN_SIDE + 1) if size % f == 0]
                raise GPriorError(
                    f"--factor {self.factor} does not divide the prior's {size} pixels into at least {MIN_SIDE}: "
                    f"use {', '.join(fitting)}."
                )
            return _Upscale(size // self.factor, self)
        if self.simulate:
            raise GPriorError("--simulate needs --factor: by how much the inputs are to be reduced.")
        return _Upscale(_first_side(items, prior), self)


def _first_side(items: list[Item], prior: Prior) -> int:
    """Side of the first picture that can be read and has a whole factor."""
    why = ""
    for item in items:
        try:
            height, width = load_unscaled(item.source).shape[:2]
            return prior.resolution // tasks.enlarging_factor(prior, (height, width))
        except ImageFileError as error:
            why = why or str(error)
        except ValueError as error:
            why = why or f"{item.source}: {error}"
    raise GPriorError(why)


@dataclasses.dataclass(frozen=True)
class _Upscale(Solver):
    side: int
    command: Upscale

    def load(self, item: Item, prior: Prior, crop: Crop) -> dict[str, np.ndarray]:
        image = load_unscaled(item.source)
        if image.shape[:2] != (self.side, self.side):
            raise ImageFileError(
                f"{item.source} is {image.shape[1]}x{image.shape[0]} pixels where {self.side}x{self.side} are enlarged "
                f"to {prior.resolution}x{prior.resolution}: resize it, run it apart with another --factor, or add "
                "--simulate if it is intact."
            )
        return {"observed": image}

    def degrade(self, image: np.ndarray, key: Key) -> Array:
        return operators.Downsample(image.shape[0] // self.side, self.command.filter)(jnp.asarray(image))

    def solve(self, prior: Prior, batch: dict[str, np.ndarray], key: Key, options: Options) -> Restoration:
        method, consistent = self.command.filter, self.command.consistent
        return tasks.upscale(prior, batch["observed"], key=key, method=method, consistent=consistent, **options)


@dataclasses.dataclass(frozen=True)
class Inpaint(Restore):
    """Fill missing pixels.

    Attributes:
        mask: image file for all inputs, or folder with one of the same name for each: white where pixels are known,
            black where they are missing.
        invert_mask: white is missing, as in mGANprior's masks.
        box: instead of --mask: a centred square of so many pixels (of the prior's resolution) is missing.
        missing: instead of --mask: a random part of the pixels is missing, 0.8 for 80 %.
        strokes: instead of --mask: so many random brush strokes are missing.
        blend: how the filling meets the known pixels: paste, feather, poisson, or none for the plain reconstruction.
    """

    task: ClassVar[recipes.Task] = "inpaint"

    mask: Path | None = None
    invert_mask: bool = False
    box: int | None = None
    missing: float | None = None
    strokes: int | None = None
    blend: Blend = "paste"

    def files(self, items: list[Item]) -> dict[int, Path]:
        """The masks."""
        return {} if self.mask is None else match_files(self.mask, items, "--mask")

    def solver(self, prior: Prior, items: list[Item], files: dict[int, Path]) -> Solver:
        """Checks where the masks come from, so that wrong numbers are told before anything is made."""
        given = [name for name in ("mask", "box", "missing", "strokes") if getattr(self, name) is not None]
        if len(given) != 1:
            raise GPriorError("say once what is missing: --mask, --box, --missing or --strokes.")
        solver = _Inpaint(self, files, jax.random.key(self.seed))
        if self.mask is None:
            solver.extras(items[0], prior)
        elif self.mask.is_file():
            load_mask(self.mask, prior.resolution, self.crop, invert=self.invert_mask)
        return solver


@dataclasses.dataclass(frozen=True)
class _Inpaint(Solver):
    command: Inpaint
    masks: Mapping[int, Path]
    key: Key

    def load(self, item: Item, prior: Prior, crop: Crop) -> dict[str, np.ndarray]:
        if self.command.mask is None:
            return super().load(item, prior, crop)
        mask = self._mask(item)
        image, known = load_masked(item.source, mask, prior.resolution, crop, self.command.invert_mask)
        return {"observed": image, "known": known}

    def _mask(self, item: Item) -> Path:
        if item.id not in self.masks:
            raise ImageFileError(f"{item.source} has no mask of its name in {self.command.mask}.")
        return self.masks[item.id]

    def extras(self, item: Item, prior: Prior) -> dict[str, np.ndarray]:
        command, size = self.command, prior.resolution
        if command.mask is not None:
            mask = self._mask(item)
            return {"known": load_mask(mask, size, command.crop, like=item.source, invert=command.invert_mask)}
        # Of its own stream, so that the mask is not the start of the search.
        key = jax.random.fold_in(jax.random.fold_in(self.key, item.id), 1 << 21)
        if command.box is not None:
            known = operators.box_mask(size, command.box)
        elif command.missing is not None:
            known = operators.random_mask(key, size, command.missing)
        else:
            known = operators.stroke_mask(key, size, command.strokes or 0)
        if not known.any():
            raise ImageFileError(f"{item.source}: the mask hides every pixel of {size}x{size}: let less be missing.")
        return {"known": np.asarray(known)}

    def degrade(self, image: np.ndarray, key: Key) -> Array:
        return jnp.asarray(image)

    def solve(self, prior: Prior, batch: dict[str, np.ndarray], key: Key, options: Options) -> Restoration:
        return tasks.inpaint(prior, batch["observed"], batch["known"], key=key, blend=self.command.blend, **options)


@dataclasses.dataclass(frozen=True)
class Denoise(Restore):
    """Remove noise.

    Attributes:
        noise: gaussian, poisson, or impulse (salt and pepper: compared with the robust Huber distance).
        sigma: standard deviation of the noise in grey levels of 255, at the resolution of the prior (reducing a larger
            picture has averaged noise away); estimated from every image unless given.
        peak: for --simulate with poisson noise: photons of a white pixel.
        rate: for --simulate with impulse noise: part of the pixels that is hit.
    """

    task: ClassVar[recipes.Task] = "denoise"

    noise: Noise = "gaussian"
    sigma: float | None = None
    peak: float = 30.0
    rate: float = 0.1

    def recipe(self, prior: Prior, **changes: Any) -> Recipe:
        """The pixel term goes no lower than the noise."""
        if self.sigma is not None and not 0.0 < self.sigma <= 255.0:
            raise GPriorError(f"--sigma {self.sigma}: use grey levels, above 0 and at most 255.")
        settings = tasks.noise_settings(self.noise, None if self.sigma is None else self.sigma / 255.0)
        # The floor is a mean square: another distance goes without.
        other = {"distance": self.distance, "floor": 0.0} if self.distance not in (None, "mse") else {}
        return super().recipe(prior, **(dict(settings) | other | changes))

    def solver(self, prior: Prior, items: list[Item], files: dict[int, Path]) -> Solver:
        """Checks the noise to be added."""
        return _Denoise(self, self._model() if self.simulate else None)

    def _model(self) -> Any:
        if self.noise == "poisson":
            return operators.PoissonNoise(self.peak)
        if self.noise == "impulse":
            return operators.ImpulseNoise(self.rate)
        if self.sigma is None:
            raise GPriorError("--simulate needs --sigma: grey levels of the noise to be added.")
        return operators.GaussianNoise(self.sigma / 255.0)


@dataclasses.dataclass(frozen=True)
class _Denoise(Solver):
    command: Denoise
    model: Any

    def degrade(self, image: np.ndarray, key: Key) -> Array:
        return self.model(key, jnp.asarray(image))

    def solve(self, prior: Prior, batch: dict[str, np.ndarray], key: Key, options: Options) -> Restoration:
        return tasks.denoise(prior, batch["observed"], key=key, **options)


@dataclasses.dataclass(frozen=True)
class Deblur(Restore):
    """Sharpen photographs that a known kernel has blurred; lengths are pixels of the prior's resolution.

    Attributes:
        blur: gaussian (out of focus) or motion (a camera that moved).
        sigma: of the Gaussian, pixels.
        length: of the motion, pixels.
        angle: of the motion, degrees counter-clockwise from the horizontal.
        kernel: instead: a small square image with an odd side, brighter where more light went.
    """

    task: ClassVar[recipes.Task] = "deblur"

    blur: Literal["gaussian", "motion"] = "gaussian"
    sigma: float = 1.5
    length: float = 7.0
    angle: float = 0.0
    kernel: Path | None = None

    def files(self, items: list[Item]) -> dict[int, Path]:
        """The kernel's file."""
        return {} if self.kernel is None else {item.id: self.kernel for item in items}

    def solver(self, prior: Prior, items: list[Item], files: dict[int, Path]) -> Solver:
        """Makes the kernel, and checks that it does not reach beyond the image."""
        size = prior.resolution
        if self.kernel is not None:
            kernel = load_kernel(self.kernel)
            if len(kernel) >= 2 * size:
                raise GPriorError(f"{self.kernel} is too large for {size}x{size} images: use at most {2 * size - 1}.")
            return _Deblur(kernel)
        given, most = (self.sigma, (size - 1) / 3) if self.blur == "gaussian" else (self.length, 2.0 * size - 3)
        if given > most:
            name = "sigma" if self.blur == "gaussian" else "length"
            raise GPriorError(f"--{name} {given} is too much for images of {size}x{size}: use at most {most:.4g}.")
        if self.blur == "gaussian":
            return _Deblur(np.asarray(operators.gaussian_kernel(self.sigma)))
        return _Deblur(np.asarray(operators.motion_kernel(self.length, self.angle)))


@dataclasses.dataclass(frozen=True, eq=False)
class _Deblur(Solver):
    kernel: np.ndarray

    def degrade(self, image: np.ndarray, key: Key) -> Array:
        return operators.Blur(jnp.asarray(self.kernel))(jnp.asarray(image))

    def solve(self, prior: Prior, batch: dict[str, np.ndarray], key: Key, options: Options) -> Restoration:
        return tasks.deblur(prior, batch["observed"], self.kernel, key=key, **options)
