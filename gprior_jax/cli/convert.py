"""``gprior convert``."""

import dataclasses
import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro import conf

from gprior_jax.cli.checking import values
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.model_facts import class_names
from gprior_jax.cli.telling import print_json, say
from gprior_jax.errors import require
from gprior_jax.translation.network import TranslationNetwork
from gprior_jax.zoo.networks import describe


@dataclasses.dataclass(frozen=True, kw_only=True)
class Convert(JsonFlag):
    """Turn a published checkpoint into a model folder.

    Attributes:
        file: .pth, .pt, .ckpt, .pkl, .bin or .safetensors file: a generator or discriminator (PGGAN, StyleGAN,
            StyleGAN2, BigGAN, DCGAN), a network of pix2pix or CycleGAN (latest_net_G.pth), torchvision's VGG-16 or
            AlexNet, or EfficientNet-Lite0.
        to: model folder to make.
        architecture: JSON file that describes a network whose layout is not known, or attributes that no tensor tells;
            BigGAN-deep's config.json.
        discriminator: checkpoint of the discriminator trained with this generator, to be stored as its perceptual
            network.
        encoder: checkpoint of the encoder trained for this generator (idinvert's styleganinv_*_encoder.pth), to be
            stored with it.
        lpips_linear: linear weights of LPIPS for the VGG-16 or AlexNet of FILE, which together become LPIPS: vgg.pth or
            alex.pth of the lpips package, or its wheel, lpips-0.1.4-py3-none-any.whl.
        weights: of a file with two generators (g_ema and g) averaged, the running average, or raw, what was trained
            last.
        num_classes: classes that a DCGAN-like generator takes as further numbers after its code, which no tensor tells.
        batch_statistics: compute the statistics of the generator's batch norms from so many drawn codes (1000), in
            place of those of the file: where these are stale, images saturate.
        name: name of the model; the file's stem unless given.
        licence: licence of the weights, recorded in the folder.
        overwrite: replace an existing folder.
    """

    file: Annotated[Path, conf.Positional]
    to: Path
    architecture: Path | None = None
    discriminator: Path | None = None
    encoder: Path | None = None
    lpips_linear: Path | None = None
    weights: Literal["averaged", "raw"] = "averaged"
    num_classes: int | None = None
    batch_statistics: int | None = None
    name: str | None = None
    licence: str | None = None
    overwrite: bool = False

    def run(self) -> int:
        """Convert, and tell what was made."""
        require("torch", "convert")
        from gprior_converters.convert import convert_file

        given = (
            "architecture",
            "discriminator",
            "encoder",
            "lpips_linear",
            "weights",
            "num_classes",
            "batch_statistics",
        )
        made = convert_file(self.file, self.to, **values(self, *given, "name", "licence", "overwrite"))
        if self.json:
            print_json(facts(made))
        else:
            tell(self.file, made)
        return 0


_TOLD = 8
"""Names of what is left out that are told; --json and the folder have all."""


def facts(made: Any) -> dict[str, Any]:
    """A ``Conversion`` as JSON."""
    return {
        "folder": str(made.folder),
        "layout": made.layout,
        "tensors": made.num_tensors,
        "taken": list(made.taken),
        "left_out": list(made.left_out),
        "notes": list(made.notes),
        "network": describe(made.module),
        "discriminator": made.has_critic,
        "encoder": made.has_encoder,
    }


def tell(file: Path, made: Any) -> None:
    """Say what a ``Conversion`` made of a file."""
    say(f"{file}: {made.title}; {made.num_tensors} tensors are now in {made.folder}")
    if made.taken:
        say(f"taken of the file: {', '.join(made.taken)}")
    for note in made.notes:
        say(f"{file}: {note}")
    if made.left_out:
        say(f"not used: {_listed(made.left_out)}")
    if hasattr(made.module, "z_dim"):
        _describe(made.module, made.folder)
    elif isinstance(made.module, TranslationNetwork):
        say(f"next: gprior translate PICTURES --model {shlex.quote(str(made.folder))} --out translated")


def _listed(keys: tuple[str, ...]) -> str:
    """Keys that are not used; what every batch norm has is told once."""
    counters = [key for key in keys if key.endswith(f".{_COUNTER}")]
    told = list(keys)
    if len(counters) > 1:
        told = [*(key for key in keys if key not in counters), f"{_COUNTER} of {len(counters)} batch norms"]
    more = f" and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return f"{', '.join(told[:_TOLD])}{more}"


_COUNTER = "num_batches_tracked"


def _describe(module: Any, folder: Path) -> None:
    layers = len(module.layer_names)
    say(f"{module.resolution} px, latent codes of {module.z_dim} numbers, composing layers 1 to {layers - 1}")
    classes = getattr(module, "num_classes", 0)
    if classes:
        names = class_names(str(folder))
        say(f"{classes} classes, --label 0 to {classes - 1}{': ' if names else ''}{', '.join(names)}")
    say(f"next: gprior generate --model {shlex.quote(str(folder))} --out samples{' --label 0' if classes else ''}")
