"""Settings of the training of translators: pix2pix from pairs of pictures, CycleGAN from two sets of them."""

import dataclasses
from typing import Any, Literal, get_args

from gprior_jax.checks import check_fields, check_number
from gprior_jax.discriminators.patch import PatchGAN
from gprior_jax.errors import ArgumentError
from gprior_jax.keys import check_seed
from gprior_jax.nn.normed import Norm
from gprior_jax.translation import ResNetTranslator, UNetTranslator
from gprior_jax.translation.network import TranslationNetwork

Method = Literal["pix2pix", "cyclegan"]
Pairs = Literal["folders", "side_by_side", "gray"]
Loss = Literal["vanilla", "lsgan"]

_SIDES = (1, 3, 4)


@dataclasses.dataclass(frozen=True)
class TranslationConfig:
    """How to train a translator; :func:`translation_config` gives the published settings of both methods.

    Sources: Isola et al. 2017 (arXiv:1611.07004), Zhu et al. 2017 (arXiv:1703.10593) and their program,
    junyanz/pytorch-CycleGAN-and-pix2pix. There a run is as many epochs as others and its rates fall once an epoch; here
    it is so many images, and they fall with every step.

    Attributes:
        method: pix2pix learns from pairs, CycleGAN both ways at once from sets without pairs.
        pairs: where the pictures before (A) and after (B) are: ``"folders"``, two of them, of pix2pix with the same
            names; ``"side_by_side"``, one folder of pictures whose left half is A and whose right half is B; or
            ``"gray"``, one folder, whose pictures are B and their luma A.
        resolution: side of what is trained on, pixels.
        jitter: pictures are resized to so many times that, and cut at random.
        in_channels: of A: 1 gray, 3 RGB, 4 RGBA.
        out_channels: of B.
        network: of the generators.
        width: their channels in the first layer.
        depth: halvings of a U-Net; blocks of a ResNet.
        norm: of all networks.
        dropout: of the generators.
        critic_width: channels of the discriminators' first layer.
        critic_layers: their convolutions that halve; 0 judges pixels.
        loss: of discriminators: of logits (``"vanilla"``), or squared errors.
        pixel_weight: of the mean absolute difference to the pair (pix2pix).
        cycle_weight: of that to the picture itself, there and back (CycleGAN).
        identity_weight: of that to a picture of the other side that should stay as it is, times ``cycle_weight``; 0
            leaves it out.
        pool: translated pictures that are kept, of which discriminators see a random one every other time (CycleGAN); 0
            shows the newest.
        images: of the whole run.
        decay_images: last images, over which the rates fall to 0.
        batch_size: images a step.
        learning_rate: of Adam, all networks.
        beta1: of Adam.
        beta2: of Adam.
        norm_decay: of the running statistics of batch norm, per step.
        ema_half_life: half-life of the averaged generators, images; 0 takes what was trained last, as published.
        mirror: mirror a random half.
        seed: of weights, dropout and the order of images.
    """

    method: Method = "pix2pix"
    pairs: Pairs = "folders"
    resolution: int = 256
    jitter: float = 286 / 256
    in_channels: int = 3
    out_channels: int = 3
    network: Literal["unet", "resnet"] = "unet"
    width: int = 64
    depth: int = 8
    norm: Norm = "batch"
    dropout: bool = True
    critic_width: int = 64
    critic_layers: int = 3
    loss: Loss = "vanilla"
    pixel_weight: float = 100.0
    cycle_weight: float = 10.0
    identity_weight: float = 0.5
    pool: int = 0
    images: int = 80_000
    decay_images: int = 40_000
    batch_size: int = 1
    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    norm_decay: float = 0.9
    ema_half_life: float = 0.0
    mirror: bool = True
    seed: int = 0

    def __post_init__(self):
        check_seed(self.seed)
        check_fields(self)
        for name, kind in (("method", Method), ("pairs", Pairs), ("loss", Loss), ("norm", Norm)):
            if (value := getattr(self, name)) not in get_args(kind):
                raise ArgumentError(f"{name} {value!r}: use {' or '.join(get_args(kind))}.")
        for name in ("in_channels", "out_channels"):
            if (value := getattr(self, name)) not in _SIDES:
                raise ArgumentError(f"{name} {value}: use 1 (gray), 3 (RGB) or 4 (RGBA).")
        for name in ("width", "critic_width", "batch_size"):
            if (value := getattr(self, name)) < 1:
                raise ArgumentError(f"{name} {value}: use at least 1.")
        check_number("jitter", self.jitter, lambda x: (x >= 1) & (x <= 4), "a factor from 1 to 4")
        self._check_method()
        self._check_lengths()
        self._check_sizes()

    def _check_method(self) -> None:
        if self.pairs == "gray" and (self.in_channels != 1 or self.out_channels != 3):
            raise ArgumentError(
                f"in_channels {self.in_channels} and out_channels {self.out_channels}: pairs of gray and colour have 1 "
                "and 3."
            )
        if self.method == "cyclegan" and self.pairs != "folders":
            raise ArgumentError(f"pairs {self.pairs!r}: CycleGAN learns from two folders, use 'folders'.")
        if self.method == "cyclegan" and self.identity_weight and self.in_channels != self.out_channels:
            raise ArgumentError(
                f"identity_weight {self.identity_weight}: pictures of {self.in_channels} and {self.out_channels} "
                "channels are never the same, use 0."
            )

    def _check_lengths(self) -> None:
        if self.images < self.batch_size:
            raise ArgumentError(f"images {self.images}: the run needs at least one batch of {self.batch_size}.")
        if not 0 <= self.decay_images <= self.images:
            raise ArgumentError(f"decay_images {self.decay_images}: use 0 to the {self.images} images of the run.")
        if self.pool < 0:
            raise ArgumentError(f"pool {self.pool}: use 0, which keeps none, or more.")

    def _check_sizes(self) -> None:
        module = self.generator("AtoB")
        multiple, least = module.multiple, max(module.smallest, self.critic("AtoB").smallest)
        if self.resolution % multiple or self.resolution < least:
            fitting = -(-max(self.resolution, least) // multiple) * multiple
            raise ArgumentError(
                f"resolution {self.resolution}: {self.network} of depth {self.depth} and discriminators of "
                f"{self.critic_layers} layers take multiples of {multiple} from {least} on, use {fitting}."
            )

    @property
    def ways(self) -> tuple[str, ...]:
        """Which ways are learned."""
        return ("AtoB", "BtoA") if self.method == "cyclegan" else ("AtoB",)

    @property
    def load_size(self) -> int:
        """Side that pictures are resized to before they are cut."""
        return max(self.resolution, round(self.jitter * self.resolution))

    def generator(self, way: str) -> TranslationNetwork:
        """The network of a way."""
        channels = (self.in_channels, self.out_channels)
        before, after = channels if way == "AtoB" else channels[::-1]
        own: dict[str, Any] = {"in_channels": before, "out_channels": after, "norm": self.norm, "dropout": self.dropout}
        if self.network == "resnet":
            return ResNetTranslator(self.width, self.depth, **own)
        return UNetTranslator(self.width, self.depth, **own)

    def critic(self, way: str) -> PatchGAN:
        """The discriminator of what a way gives; pix2pix' sees the picture before, too."""
        channels = self.out_channels if way == "AtoB" else self.in_channels
        seen = channels + self.in_channels if self.method == "pix2pix" else channels
        return PatchGAN(self.critic_width, self.critic_layers, seen, self.norm)

    @property
    def total_images(self) -> int:
        """Images of the whole run."""
        return self.images // self.batch_size * self.batch_size

    def rate(self, images_seen: Any) -> Any:
        """Part of the learning rate for the batch that starts after so many images.

        >>> config = TranslationConfig(images=100, decay_images=40, batch_size=10)
        >>> [round(config.rate(seen), 2) for seen in (0, 50, 60, 90)]
        [1.0, 1.0, 0.8, 0.2]
        """
        left = (self.total_images - images_seen) / (self.decay_images + self.batch_size)
        return left * (left < 1) + (left >= 1)

    def check_extends(self, earlier: "TranslationConfig", images_seen: int) -> None:
        """Check that a run of these settings has the past that one of ``earlier`` has: before its rates fall."""
        last = images_seen - self.batch_size
        if images_seen and self.images != earlier.images and min(self.rate(last), earlier.rate(last)) < 1:
            raise ArgumentError(
                f"images {self.images}: the run's rates began to fall towards its {earlier.images} images; use that "
                "number again."
            )


PIX2PIX: dict[str, Any] = {}
"""Settings of pix2pix: those of the class (``models/pix2pix_model.py``, ``options/``). U-Net of eight halvings, batch
norm and dropout, a discriminator of patches of 70 x 70 that sees both pictures, logits, 100 for the absolute
difference; Adam of 2e-4 and beta1 0.5, batches of one, 286 pixels cut to 256."""

CYCLEGAN: dict[str, Any] = {
    "method": "cyclegan",
    "network": "resnet",
    "depth": 9,
    "norm": "instance",
    "dropout": False,
    "loss": "lsgan",
    "pool": 50,
}
"""Settings of CycleGAN (``models/cycle_gan_model.py``): ResNet of nine blocks, instance norm, squared errors, 10 for
the way there and back, half of that for the identity, 50 pictures kept."""


def translation_config(method: Method = "pix2pix", **changes: Any) -> TranslationConfig:
    """The published settings of a method, with changes.

    Raises:
        ArgumentError: an unknown method.

    >>> translation_config("cyclegan", depth=6, resolution=128).generator("BtoA").blocks
    6
    """
    if method not in get_args(Method):
        raise ArgumentError(f"method {method!r}: use pix2pix or cyclegan.")
    return TranslationConfig(**((CYCLEGAN if method == "cyclegan" else PIX2PIX) | changes))
