"""``gprior train translation``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.bars import span
from gprior_jax.cli.telling import print_json, say
from gprior_jax.cli.training import SessionFlags
from gprior_jax.errors import ArgumentError
from gprior_jax.nn.normed import Norm
from gprior_jax.training.translation_config import Method, Pairs, TranslationConfig, translation_config

Channels = Annotated[tuple[int, int] | None, conf.arg(metavar="A B")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainTranslation(SessionFlags):
    """Train pix2pix on pairs of pictures, or CycleGAN on two sets of them; the same command goes on with a run.

    What is not given is the published setting of the method.

    Attributes:
        data: zip file or folder of the pictures before (A), or of both; 5 % of them, chosen by name, are held out.
        target: zip file or folder of the pictures after (B), where they are apart; of pix2pix with the names of A.
        out: the run's folder: log.csv, samples/ and newest.png (pictures held out: before, translated, and after, or
            back again), state/, and model/ as gprior translate takes it.
        method: pix2pix learns from pairs, cyclegan both ways from sets without.
        pairs: folders (--data and --target), side_by_side (files whose left half is A and whose right half is B), or
            gray (A is the luma of B).
        resolution: side of what is trained on, pixels.
        jitter: pictures are resized to so many times that, and cut at random; 1 cuts nothing.
        channels: of A and of B, 1 (gray), 3 (RGB) or 4 (RGBA); 3 3 unless given, of gray pairs 1 3.
        network: of the generators, unet or resnet.
        width: their channels in the first layer.
        depth: halvings of a U-Net, blocks of a ResNet.
        norm: of all networks: batch, which takes the statistics of a step's images in training and of the one picture
            in use, so that published runs have --batch-size 1; or instance, which takes each image's always.
        no_dropout: drop nothing; pix2pix drops a half of inner maps, in use as well.
        critic_width: channels of the discriminators' first layer.
        critic_layers: their convolutions that halve: 3 judge patches of 70 x 70, 0 pixels.
        pixel_weight: of the mean absolute difference to the pair.
        cycle_weight: of that to the picture itself, there and back.
        identity_weight: of that to a picture of the other side, times the former; 0 leaves it out.
        pool: translated pictures that discriminators see old ones of.
        images: of the whole run; published are 200 times as many as there are.
        decay_images: last ones, over which the rates fall to 0; half of --images unless given.
        batch_size: images a step.
        learning_rate: of Adam.
        ema_half_life: half-life of averaged generators, images; 0 takes what was trained last.
        mirror: mirror a random half.
        snapshot_images: state, model and sheet are written every so many images.
        log_images: a line is printed and logged every so many images.
        init_from: model folder of a translator of the same networks that a new run starts from.
        seed: of weights, dropout and the order of pictures.
    """

    target: Path | None = None
    method: Method = "pix2pix"
    pairs: Pairs = "folders"
    resolution: int | None = None
    jitter: float | None = None
    channels: Channels = None
    network: Literal["unet", "resnet"] | None = None
    width: int | None = None
    depth: int | None = None
    norm: Norm | None = None
    no_dropout: bool = False
    critic_width: int | None = None
    critic_layers: int | None = None
    pixel_weight: float | None = None
    cycle_weight: float | None = None
    identity_weight: float | None = None
    pool: int | None = None
    images: int = 80_000
    decay_images: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    ema_half_life: float | None = None
    mirror: bool = True
    snapshot_images: int = 4_000
    log_images: int = 400
    init_from: str | None = None
    seed: int = 0

    def run(self) -> int:
        """Train to the end."""
        from gprior_jax.training.translation_run import train_translation

        self.check()
        if self.target is not None and not self.target.exists():
            raise ArgumentError(f"--target {self.target} does not exist: give a zip file or a folder of images.")
        config = self.config()
        session = self.session(config.total_images, "samples", _summary)
        session["provenance"]["data"] = [path.name for path in (self.data, self.target) if path is not None]
        start = None if self.init_from is None else zoo.resolve(self.init_from)
        found = train_translation(config, self.data, self.out, target=self.target, init_from=start, **session)
        if self.json:
            print_json({"model": str(self.out / "model"), "directions": list(found)})
        else:
            say(f"trained: {self.out / 'model'} ({', '.join(found)}); samples in {self.out / 'samples'}")
        return 0

    def config(self) -> TranslationConfig:
        """The run's settings."""
        optional = (
            *("resolution", "jitter", "network", "width", "depth", "norm"),
            *("critic_width", "critic_layers"),
            *(
                "pixel_weight",
                "cycle_weight",
                "identity_weight",
                "pool",
                "batch_size",
                "learning_rate",
                "ema_half_life",
            ),
        )
        given: dict[str, Any] = {name: value for name in optional if (value := getattr(self, name)) is not None}
        given |= {"dropout": False} if self.no_dropout else {}
        before, after = self.channels or ((1, 3) if self.pairs == "gray" else (3, 3))
        given |= {"in_channels": before, "out_channels": after, "pairs": self.pairs, "images": self.images}
        given["decay_images"] = self.images // 2 if self.decay_images is None else self.decay_images
        return translation_config(self.method, **given, mirror=self.mirror, seed=self.seed)


def _summary(row: dict[str, Any]) -> str:
    """The numbers of a logged row that tell how a run does."""
    told = [f"{name} {float(row[name]):.3f}" for name in ("adversarial", "critic", "pixels", "cycle") if row.get(name)]
    if row.get("held_out_psnr"):
        told.append(f"held out {float(row['held_out_psnr']):.2f} dB")
    pace = f"{row['images_per_second']:.1f} images/s"
    return "  ".join([*told, pace, f"{span(row['seconds_left'])} left"])
