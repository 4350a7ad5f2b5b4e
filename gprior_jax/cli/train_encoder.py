"""``gprior train encoder``."""

import dataclasses
from typing import Any, Literal

from gprior_jax import zoo
from gprior_jax.cli.bars import span
from gprior_jax.cli.recipe_flags import Codes, PerceptualFlag
from gprior_jax.cli.telling import print_json, say
from gprior_jax.cli.training import SessionFlags
from gprior_jax.training.encoder_config import EncoderConfig, EncoderPreset, encoder_config


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainEncoder(SessionFlags, PerceptualFlag):
    """Train an encoder for a prior, from which every inversion can start; the same command goes on with a run.

    First it finds codes of drawn images again, then it reconstructs photographs. What is not given is the preset's.

    Attributes:
        model: the prior: a bundled name or a model folder; it stays as it is.
        out: the run's folder: log.csv, samples/ and newest.png (images held out above their reconstructions), state/,
            and model/, the prior with its encoder, as --model takes it.
        preset: fast, or official: the published weights and schedule of in-domain inversion (Keras's VGG-16 as
            --perceptual is published with it).
        space: of the codes: w_plus, w or z; auto is w_plus where layers take styles.
        num_codes: encode several codes of mganprior at once: as many codes z, the same for all images, composed at
            --layer, whose channel weights the encoder gives. Kept beside the encoder of one code that the prior has.
        layer: where they are composed; that of mganprior unless given.
        images: images of the whole run.
        sampled_images: images of drawn codes that it begins with: the conventional encoder. As many as --images train
            nothing else.
        encoder_channels: of the encoder's first layer and of every block; some by the resolution unless given.
        adversarial_weight: of the judgement of a discriminator that starts from the prior's; 0 has none.
        perceptual_weight: of the difference of features.
        learning_rate: of Adam.
        batch_size: images a step.
        seed: of weights, drawn codes and the order of photographs.
    """

    model: str = "builtin:portraits"
    preset: EncoderPreset = "fast"
    space: Literal["auto", "z", "w", "w_plus"] = "auto"
    num_codes: Codes = None
    layer: int | None = None
    images: int | None = None
    sampled_images: int | None = None
    encoder_channels: tuple[int, ...] = ()
    adversarial_weight: float | None = None
    perceptual_weight: float | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    snapshot_images: int = 8_000
    log_images: int = 800
    seed: int = 0

    def run(self) -> int:
        """Train to the end."""
        from gprior_jax.training.encoder_run import train_encoder

        self.check()
        config, prior = self.config(), zoo.load(zoo.resolve(self.model))
        # The other kind of encoder stays in the folder: what is told of it does too.
        facts = zoo.inherited(self.model, "encoder", "multi_encoder") | {"model": self.model}
        session = self.session(config.total_images, "reconstructions", _summary, **facts)
        train_encoder(prior, config, self.data, self.out, network=self.network(), **session)
        if self.json:
            print_json({"model": str(self.out / "model")})
        else:
            say(f"{prior} with its encoder: {self.out / 'model'}; reconstructions in {self.out / 'samples'}")
        return 0

    def config(self) -> EncoderConfig:
        """The run's settings."""
        names = (
            "num_codes",
            "layer",
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
