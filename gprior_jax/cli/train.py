"""``gprior train generator`` and ``gprior train stylegan2``."""

import dataclasses
from typing import Any

from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.bars import span
from gprior_jax.cli.telling import print_json, say
from gprior_jax.cli.training import SessionFlags
from gprior_jax.training.config import GANConfig, PGGANConfig, StyleGAN2Config


class _PGGANFlags(PGGANConfig):
    """Settings as they are given: they are checked together with the other flags, and told like them."""

    def __post_init__(self):
        pass


class _StyleGAN2Flags(StyleGAN2Config):
    """Likewise."""

    def __post_init__(self):
        pass


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Train(SessionFlags):
    """What training any architecture takes.

    Attributes:
        out: the run's folder: log.csv, samples/ and newest.png, state/, and model/ as --model takes it.
        init_from: model folder or bundled name, of the same architecture, that a new run starts from; blocks it lacks
            start afresh.
        perceptual: model folder with EfficientNet-Lite0, for --projected-weight.
    """

    init_from: str | None = None
    perceptual: str | None = None

    def _train(self, kind: type[GANConfig], flags: GANConfig) -> int:
        """Train to the end."""
        config = kind(**{field.name: getattr(flags, field.name) for field in dataclasses.fields(flags)})
        from gprior_jax.training.loop import train

        self.check()
        prior = train(
            config,
            self.data,
            self.out,
            init_from=None if self.init_from is None else zoo.resolve(self.init_from),
            perceptual=self.perceptual,
            **self.session(config.total_images, "samples", _summary),
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
