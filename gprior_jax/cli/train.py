"""``gprior train stylegan2``, and what it has in common with ``gprior train generator``."""

import dataclasses
from typing import Any

from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.bars import span
from gprior_jax.cli.telling import print_json, say
from gprior_jax.cli.training import SessionFlags
from gprior_jax.training.config import StyleGAN2Config
from gprior_jax.training.gan_config import GANConfig


class _StyleGAN2Flags(StyleGAN2Config):
    """Settings as they are given: they are checked together with the other flags, and told like them."""

    def __post_init__(self):
        pass


@dataclasses.dataclass(frozen=True, kw_only=True)
class Train(SessionFlags):
    """What training any architecture takes.

    Attributes:
        out: the run's folder: log.csv, samples/ and newest.png, state/, and model/ as --model takes it.
        init_from: model folder or bundled name, of the same architecture, that a new run starts from; blocks it lacks
            start afresh.
        perceptual: model folder with EfficientNet-Lite0, for --projected-weight.
    """

    init_from: str | None = None
    perceptual: str | None = None

    def train(self, config: GANConfig) -> int:
        """Train to the end."""
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


_LOSSES = (("G", "generator"), ("D", "discriminator"))


def _summary(row: dict[str, Any]) -> str:
    """The numbers of a logged row that tell how a run does."""
    told = [f"{row['resolution']} px"]
    if "fade" in row:
        told.append(f"fade {row['fade']}")
    if row.get("path_length"):
        told.append(f"path {float(row['path_length']):.3f}")
    if row.get("augment_p"):
        told.append(f"augment {float(row['augment_p']):.3f}")
    if row.get("diversity"):
        told.append(f"diversity {float(row['diversity']):.2f}")
    losses = "  ".join(f"{letter} {float(row[name]):.3f}" for letter, name in _LOSSES if row[name] != "")
    pace = f"{row['images_per_second']:.0f} images/s"
    return "  ".join([*told, losses, pace, f"{span(row['seconds_left'])} left"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainStyleGAN2(Train):
    """Train a StyleGAN2 and its discriminator on a zip file or folder of images; the same command goes on with a run.

    Attributes:
        config: the run's settings.
    """

    config: conf.OmitArgPrefixes[_StyleGAN2Flags] = dataclasses.field(default_factory=_StyleGAN2Flags)

    def run(self) -> int:
        """Train to the end."""
        flags = self.config
        return self.train(StyleGAN2Config(**{f.name: getattr(flags, f.name) for f in dataclasses.fields(flags)}))
