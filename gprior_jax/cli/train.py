"""``gprior train generator`` and ``gprior train stylegan2``."""

import dataclasses
from pathlib import Path
from typing import Any

from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.bars import span
from gprior_jax.cli.flags import JsonFlag, RangeFlag, check_positive
from gprior_jax.cli.telling import CountBar, print_json, say, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.devices import use_cores
from gprior_jax.summary import versions
from gprior_jax.training.config import GANConfig, PGGANConfig, StyleGAN2Config
from gprior_jax.training.scan import MAX_BROKEN


class _PGGANFlags(PGGANConfig):
    """Settings as they are given: they are checked together with the other flags, and told like them."""

    def __post_init__(self):
        pass


class _StyleGAN2Flags(StyleGAN2Config):
    """Likewise."""

    def __post_init__(self):
        pass


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Train(JsonFlag, RangeFlag):
    """What training any architecture takes.

    Attributes:
        data: zip file of images, or folder with all that are in it; 5 % of them, chosen by name, are held out.
        out: the run's folder: log.csv, samples/ and newest.png, state/, and model/ as --model takes it.
        snapshot_images: state, model and sample grid are written every so many images.
        log_images: a line is printed and logged every so many images.
        max_images: stop after so many images in all; the whole schedule unless given.
        init_from: model folder or bundled name, of the same architecture, that a new run starts from; blocks it lacks
            start afresh.
        perceptual: model folder with EfficientNet-Lite0, for --projected-weight.
        tensorboard: write what TensorBoard shows to tensorboard/ in the run's folder (the extra "tensorboard").
        max_broken: part of the images that may be broken: all are looked at before a run, and these are named and left
            out; more end it.
        licence: licence of the images, recorded in the model folder.
    """

    data: Path
    out: Path
    snapshot_images: int = 10_000
    log_images: int = 1_000
    max_images: int | None = None
    init_from: str | None = None
    perceptual: str | None = None
    tensorboard: bool = False
    max_broken: float = MAX_BROKEN
    licence: str | None = None

    def _train(self, kind: type[GANConfig], flags: GANConfig) -> int:
        """Train to the end."""
        config = kind(**{field.name: getattr(flags, field.name) for field in dataclasses.fields(flags)})
        from gprior_jax.training.loop import train

        use_cores()
        self.check_range()
        check_positive(self, "snapshot_images", "log_images", "max_images")
        if not self.data.exists():
            raise ArgumentError(f"--data {self.data} does not exist: give a zip file or a folder of images.")

        def tell(row: dict[str, Any]) -> None:
            share = int(row["images"]) / config.total_images
            say(f"{row['images']:>8} images ({share:.0%})  {_summary(row)}", self.json)

        say(f"newest samples, after every {self.snapshot_images} images: {self.out / 'newest.png'}", self.json)
        prior = train(
            config,
            self.data,
            self.out,
            snapshot_images=self.snapshot_images,
            log_images=self.log_images,
            max_images=self.max_images,
            init_from=None if self.init_from is None else zoo.resolve(self.init_from),
            perceptual=self.perceptual,
            provenance={"data": self.data.name, "licence": self.licence, "versions": versions()},
            tensorboard=self.tensorboard,
            max_broken=self.max_broken,
            value_range=self.value_range,
            scanned=CountBar("images looked at"),
            tell=warn,
            report=tell,
        )
        if self.json:
            print_json({"model": str(self.out / "model"), "resolution": prior.resolution})
        else:
            say(f"trained to {prior.resolution} px: {self.out / 'model'}; samples in {self.out / 'samples'}")
        return 0


def _summary(row: dict[str, Any]) -> str:
    """The numbers of a logged row that tell how a run does."""
    told = [f"{row['resolution']} px"]
    if "fade" in row:
        told.append(f"fade {row['fade']}")
    if row.get("path_length"):
        told.append(f"path {float(row['path_length']):.3f}")
    if row.get("augment_p"):
        told.append(f"augment {float(row['augment_p']):.3f}")
    losses = f"G {float(row['generator']):.3f}  D {float(row['discriminator']):.3f}"
    pace = f"{row['images_per_second']:.0f} images/s"
    return "  ".join([*told, losses, pace, f"{span(row['seconds_left'])} left"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainGenerator(_Train):
    """Train a PGGAN and its discriminator on a zip file or folder of images; the same command goes on with a run.

    Attributes:
        config: the run's settings.
    """

    config: conf.OmitArgPrefixes[_PGGANFlags] = dataclasses.field(default_factory=_PGGANFlags)

    def run(self) -> int:
        """Train to the end."""
        return self._train(PGGANConfig, self.config)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainStyleGAN2(_Train):
    """Train a StyleGAN2 and its discriminator on a zip file or folder of images; the same command goes on with a run.

    Attributes:
        config: the run's settings.
    """

    config: conf.OmitArgPrefixes[_StyleGAN2Flags] = dataclasses.field(default_factory=_StyleGAN2Flags)

    def run(self) -> int:
        """Train to the end."""
        return self._train(StyleGAN2Config, self.config)
