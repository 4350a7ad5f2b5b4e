"""What a request asks for."""

import dataclasses
import math
from typing import Annotated, Any, ClassVar, Literal, get_args

from gprior_jax.errors import ArgumentError
from gprior_jax.images.placement import Crop
from gprior_jax.keys import MAX_ID
from gprior_jax.operators import DownsampleFilter
from gprior_jax.recipes import Preset
from gprior_jax.tasks import Blend, BlurKind, NoiseKind

Task = Literal["invert", "colorize", "upscale", "inpaint", "denoise", "deblur"]

OF_TASKS = {
    "factor": "upscale",
    "filter": "upscale",
    "box": "inpaint",
    "invert_mask": "inpaint",
    "blend": "inpaint",
    "noise": "denoise",
    "blur": "deblur",
    "sigma": "deblur",
    "length": "deblur",
    "angle": "deblur",
}
"""Settings of one task alone."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """The settings of a job. Annotations are the documentation of the HTTP interface.

    >>> Asked(task="colorize", box=8)
    Traceback (most recent call last):
    gprior_jax.errors.ArgumentError: box is for the task inpaint: leave it out.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    task: Annotated[Task, "what is done with the picture"] = "invert"
    method: Annotated[str, "method of inversion"] = "mganprior"
    preset: Annotated[Preset, "fast, or official: the published constants"] = "fast"
    steps: Annotated[int | None, "optimisation steps; the preset's unless given"] = None
    codes: Annotated[int | None, "latent codes, of mganprior; the preset's unless given"] = None
    layer: Annotated[int | None, "composing layer, of mganprior; the preset's unless given"] = None
    start: Annotated[
        Literal["auto", "encoder", "random"],
        "where the search starts: the method's own, the encoder, or random codes, of methods that have such a start",
    ] = "auto"
    perceptual: Annotated[bool, "compare features too, where the prior has a network for it and the method does"] = True
    seed: Annotated[int, "of what is drawn: the same picture with the same seed gives the same result"] = 0
    label: Annotated[int | None, "class, of a prior with classes"] = None
    crop: Annotated[Crop, "how the picture becomes square"] = "center"
    factor: Annotated[int | None, "upscale: by how much; from the picture's own side unless given"] = None
    filter: Annotated[DownsampleFilter | None, "upscale: how the picture was reduced; bicubic unless given"] = None
    box: Annotated[int | None, "inpaint, instead of a mask: side of a missing square in the centre, pixels"] = None
    invert_mask: Annotated[bool | None, "inpaint: white is missing; black unless given"] = None
    blend: Annotated[Blend | None, "inpaint: how the filling meets the known pixels; paste unless given"] = None
    noise: Annotated[NoiseKind | None, "denoise: which; gaussian, of a strength that is estimated, unless given"] = None
    blur: Annotated[BlurKind | None, "deblur, instead of a kernel: gaussian (unless given) or motion"] = None
    sigma: Annotated[float | None, "deblur: of a gaussian, pixels of the prior's resolution; 1.5 unless given"] = None
    length: Annotated[float | None, "deblur: of a motion, pixels of the prior's resolution; 7 unless given"] = None
    angle: Annotated[float | None, "deblur: of a motion, degrees counter-clockwise; 0 unless given"] = None
    samples: Annotated[int | None, "distinct answers of a restoration, the best first; one unless given"] = None

    def __post_init__(self):
        for name, task in OF_TASKS.items():
            if getattr(self, name) is not None and task != self.task:
                raise ArgumentError(f"{name} is for the task {task}: leave it out.")
        if not 0 <= self.seed <= MAX_ID:
            raise ArgumentError(f"seed {self.seed}: use a whole number from 0 to {MAX_ID}.")
        for name in ("sigma", "length", "angle"):
            if not math.isfinite(getattr(self, name) or 0.0):
                raise ArgumentError(f"{name} {getattr(self, name)}: use a finite number.")
        if self.samples is not None and self.task == "invert":
            raise ArgumentError("samples is for restorations: leave it out.")
        for name, kind in (("sigma", "gaussian"), ("length", "motion"), ("angle", "motion")):
            if getattr(self, name) is not None and (self.blur or "gaussian") != kind:
                raise ArgumentError(f"{name} is for the blur {kind}: leave it out.")
        for name in ("steps", "codes", "box", "samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ArgumentError(f"{name} {value}: use at least 1.")

    def of_lane(self) -> "Asked":
        """What of it decides which program is run: jobs that agree in it (and in their shapes) share a lane."""
        label = None if self.label is None else 0
        own = dict.fromkeys(("factor", "box", "invert_mask", "blur", "sigma", "length", "angle"))
        return dataclasses.replace(self, seed=0, label=label, crop="center", **own)

    def given(self) -> dict[str, Any]:
        """What differs from the defaults, for answers."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name == "task" or getattr(self, field.name) != field.default
        }


TASKS: tuple[Task, ...] = get_args(Task)
