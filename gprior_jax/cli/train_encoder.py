"""``gprior train encoder``."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from gprior_jax import zoo
from gprior_jax.cli.bars import span
from gprior_jax.cli.flags import JsonFlag, PerceptualFlag, RangeFlag, check_positive
from gprior_jax.cli.telling import CountBar, print_json, say, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.devices import use_cores
from gprior_jax.summary import versions
from gprior_jax.training.encoder_config import EncoderConfig, EncoderPreset, encoder_config
from gprior_jax.training.scan import MAX_BROKEN


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainEncoder(JsonFlag, RangeFlag, PerceptualFlag):
    """Train an encoder for a prior, from which every inversion can start; the same command goes on with a run.

    First it finds codes of drawn images again, then it reconstructs photographs. What is not given is the preset's.

    Attributes:
        model: the prior: a bundled name or a model folder; it stays as it is.
        data: zip file of photographs, or folder with all that are in it; 5 % of them, chosen by name, are held out.
        out: the run's folder: log.csv, samples/ and newest.png (images held out above their reconstructions), state/,
            and model/, the prior with its encoder, as --model takes it.
        preset: fast, or official: the published weights and schedule of in-domain inversion (Keras's VGG-16 as
            --perceptual is published with it).
        space: of the codes: w_plus, w or z; auto is w_plus where layers take styles.
        images: images of the whole run.
        sampled_images: images of drawn codes that it begins with: the conventional encoder. As many as --images train
            nothing else.
        encoder_channels: of the encoder's first layer and of every block; some by the resolution unless given.
        adversarial_weight: of the judgement of a discriminator that starts from the prior's; 0 has none.
        perceptual_weight: of the difference of features.
        learning_rate: of Adam.
        batch_size: images a step.
        snapshot_images: state, model and sheet are written every so many images.
        log_images: a line is printed and logged every so many images.
        max_images: stop after so many images in all.
        tensorboard: write what TensorBoard shows to tensorboard/ in the run's folder (the extra "tensorboard").
        max_broken: part of the images that may be broken: these are named and left out; more end it.
        licence: licence of the photographs, recorded in the model folder.
        seed: of weights, drawn codes and the order of photographs.
    """

    model: str = "builtin:portraits"
    data: Path
    out: Path
    preset: EncoderPreset = "fast"
    space: Literal["auto", "z", "w", "w_plus"] = "auto"
    images: int | None = None
    sampled_images: int | None = None
    encoder_channels: tuple[int, ...] = ()
    adversarial_weight: float | None = None
    perceptual_weight: float | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    snapshot_images: int = 8_000
    log_images: int = 800
    max_images: int | None = None
    tensorboard: bool = False
    max_broken: float = MAX_BROKEN
    licence: str | None = None
    seed: int = 0

    def run(self) -> int:
        """Train to the end."""
        from gprior_jax.training.encoder_run import train_encoder

        use_cores()
        self.check_range()
        check_positive(self, "snapshot_images", "log_images", "max_images")
        if not self.data.exists():
            raise ArgumentError(f"--data {self.data} does not exist: give a zip file or a folder of images.")
        config, prior = self.config(), zoo.load(zoo.resolve(self.model))

        def tell(row: dict[str, Any]) -> None:
            share = int(row["images"]) / config.total_images
            say(f"{row['images']:>8} images ({share:.0%})  {_summary(row)}", self.json)

        say(f"newest reconstructions, after every {self.snapshot_images} images: {self.out / 'newest.png'}", self.json)
        train_encoder(
            prior,
            config,
            self.data,
            self.out,
            network=self.network(),
            snapshot_images=self.snapshot_images,
            log_images=self.log_images,
            max_images=self.max_images,
            provenance={
                "model": self.model,
                "data": self.data.name,
                "licence": self.licence,
                "versions": versions(),
            },
            tensorboard=self.tensorboard,
            max_broken=self.max_broken,
            value_range=self.value_range,
            scanned=CountBar("images looked at"),
            tell=warn,
            report=tell,
        )
        if self.json:
            print_json({"model": str(self.out / "model")})
        else:
            say(f"{prior} with its encoder: {self.out / 'model'}; reconstructions in {self.out / 'samples'}")
        return 0

    def config(self) -> EncoderConfig:
        """The run's settings."""
        names = (
            "images",
            "sampled_images",
            "adversarial_weight",
            "perceptual_weight",
            "learning_rate",
            "batch_size",
        )
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        more = {"channels": self.encoder_channels, "space": self.space, "seed": self.seed}
        return encoder_config(self.preset, **given, **more)


def _summary(row: dict[str, Any]) -> str:
    """The numbers of a logged row that tell how a run does."""
    told = [row["phase"]]
    for name, label in (
        ("code", "code"),
        ("pixel_mse", "pixels"),
        ("perceptual", "features"),
        ("adversarial", "adversarial"),
    ):
        if row.get(name):
            told.append(f"{label} {float(row[name]):.4f}")
    if row.get("held_out_psnr"):
        told.append(f"held out {float(row['held_out_psnr']):.2f} dB")
    pace = f"{row['images_per_second']:.0f} images/s"
    return "  ".join([*told, pace, f"{span(row['seconds_left'])} left"])
