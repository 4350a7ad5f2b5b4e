"""Settings of the training of an encoder for a generator that stays as it is."""

import dataclasses
from typing import Any, Literal

from gprior_jax.checks import check_fields
from gprior_jax.encoders.encoder import Space
from gprior_jax.encoders.residual import FINAL_SIZE
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.keys import check_seed

EncoderPreset = Literal["fast", "official"]

_WIDTHS = (32, 64, 128, 128)
"""Channels of the first layers of a small encoder; all further ones have the last number."""

_LAST = 80
"""Channels of its last block. Of ten styles of 128 numbers the dense layer has most of the weights, 16 for each of
these: with them an encoder takes less than 5 MB in float16."""

_BLOCKS_AT_SIDE = 2
"""Blocks of an encoder of several codes that do not halve: of 16 px, each number then sees nearly all of the image."""


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """How to train an encoder.

    First come ``sampled_images`` images of drawn codes, which are to be found again: the conventional encoder, whose
    pairs are free. Then photographs: their reconstructions are to equal them in pixels and features, and to look real
    to a discriminator that starts from the prior's own (Zhu et al. 2020, arXiv:2004.00049, section 3.1).

    Attributes:
        channels: of the encoder's first layer and of every block; () takes some by the resolution.
        space: of its codes; ``"auto"`` is W+ where layers take styles, else z.
        num_codes: 0 for one code of that space; else codes z for all images, drawn from the seed and composed at a
            layer, whose channel weights the encoder gives (:mod:`gprior_jax.encoders.multi_code`).
        layer: the composing layer; None takes :func:`gprior_jax.latents.default_layer`.
        num_directions: of the mean metric of the weights, that are kept beside the encoder.
        images: images of the whole run.
        sampled_images: images of drawn codes that it begins with.
        code_weight: weight of the squared error of codes of drawn images beside photographs, in variances of codes; 0
            leaves them out after the beginning.
        style_mixing: part of the drawn images whose layers take styles of two codes.
        batch_size: images a step.
        learning_rate: of Adam, for the encoder.
        discriminator_rate: of Adam, for the discriminator.
        beta1: of Adam, both.
        beta2: of Adam, both.
        rate_decay: both rates fall by this factor,
        rate_decays: so often in the whole run, evenly.
        pixel_weight: of the mean squared difference of pixels in [-1, 1].
        perceptual_weight: of the difference of features.
        adversarial_weight: of ``softplus(-D(reconstruction))``; 0 trains no discriminator.
        r1_gamma: weight of the discriminator's R1 penalty.
        r1_interval: it is applied in every so many steps, times this number.
        norm_decay: of the running statistics of batch normalisation, per step.
        ema_half_life: half-life of the averaged encoder, images.
        mirror: mirror a random half of the photographs.
        seed: of weights, drawn codes and the order of photographs.
    """

    channels: tuple[int, ...] = ()
    space: Literal["auto", "z", "w", "w_plus"] = "auto"
    num_codes: int = 0
    layer: int | None = None
    num_directions: int = 256
    images: int = 160_000
    sampled_images: int = 64_000
    code_weight: float = 0.0
    style_mixing: float = 0.5
    batch_size: int = 16
    learning_rate: float = 1e-3
    discriminator_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.99
    rate_decay: float = 0.5
    rate_decays: int = 8
    pixel_weight: float = 1.0
    perceptual_weight: float = 0.25
    adversarial_weight: float = 0.0
    r1_gamma: float = 10.0
    r1_interval: int = 16
    norm_decay: float = 0.9
    ema_half_life: float = 5_000.0
    mirror: bool = True
    seed: int = 0

    def __post_init__(self):
        check_seed(self.seed)
        check_fields(self)
        object.__setattr__(self, "channels", tuple(self.channels))
        if self.batch_size < 2:
            raise ArgumentError(f"batch_size {self.batch_size}: batch normalisation takes at least 2 images.")
        if self.images < self.batch_size:
            raise ArgumentError(f"images {self.images}: the run needs at least one batch of {self.batch_size}.")
        if self.num_codes < 0 or self.num_directions < 1:
            raise ArgumentError(
                f"{self.num_codes} codes, {self.num_directions} directions: use 0 codes or more, and 1."
            )
        if not self.num_codes and self.layer is not None:
            raise ArgumentError(f"layer {self.layer} is where several codes are composed: give their number too.")
        if self.r1_interval < 1:
            raise ArgumentError(f"r1_interval {self.r1_interval}: use at least 1.")
        if not (self.pixel_weight or self.perceptual_weight or self.adversarial_weight) and (
            self.sampled_images < self.images
        ):
            raise ArgumentError("photographs are compared by nothing: give a weight above 0.")

    @property
    def total_images(self) -> int:
        """Images of the whole run."""
        return self.images // self.batch_size * self.batch_size

    def is_sampled(self, images_seen: int) -> bool:
        """Whether the batch that starts after so many images is one of drawn codes."""
        return images_seen < self.sampled_images

    def check_extends(self, earlier: Any, images_seen: int) -> None:
        """Another length changes the rates of the past: refused once there is one."""
        if images_seen and earlier.images != self.images:
            raise ArgumentError(
                f"images {self.images}: the run's rates fall over its {earlier.images} images; use that number again."
            )

    def widths(self, resolution: int) -> tuple[int, ...]:
        """Channels of an encoder for images of this side.

        >>> EncoderConfig().widths(64)
        (32, 64, 128, 128, 80)
        """
        if self.channels:
            return self.channels
        blocks = (resolution // FINAL_SIZE).bit_length() - 1
        return (*_first_widths(blocks), _LAST)

    def widths_to(self, resolution: int, side: int) -> tuple[int, ...]:
        """The same down to features of a side: blocks at that side follow, which see the whole image.

        >>> EncoderConfig(num_codes=20).widths_to(64, 16)
        (32, 64, 128, 128, 128)
        """
        halvings = (resolution // side).bit_length() - 1
        return self.channels or (*_first_widths(halvings + 1), *(_WIDTHS[-1],) * _BLOCKS_AT_SIDE)


def _first_widths(count: int) -> tuple[int, ...]:
    return tuple(_WIDTHS[min(i, len(_WIDTHS) - 1)] for i in range(count))


OFFICIAL: dict[str, Any] = {
    "sampled_images": 0,
    "code_weight": 0.0,
    "learning_rate": 1e-4,
    "discriminator_rate": 1e-4,
    "rate_decay": 0.8,
    "rate_decays": 4,
    "perceptual_weight": 5e-5,
    "adversarial_weight": 0.08,
    "r1_gamma": 10.0,
    "r1_interval": 1,
    "mirror": True,
}
"""idinvert's ``train_encoder.py`` and ``training_loop_encoder.py`` (TensorFlow): Adam (0.9, 0.99) of rate 1e-4, times
0.8 in every quarter of the run; 5e-5 for features of VGG-16, whose input is on a scale of 0 to 255; 0.08 for the
adversarial term; R1 of weight 10 in every step. Its batches are of 128 images, 14 million at 256 px."""


def encoder_config(preset: EncoderPreset = "fast", **changes: Any) -> EncoderConfig:
    """The settings of a preset, with changes.

    Raises:
        ValueError: an unknown preset.

    >>> encoder_config("official", batch_size=8).adversarial_weight
    0.08
    """
    if preset not in ("fast", "official"):
        raise ArgumentError(f"preset {preset!r}: use 'fast' or 'official'.")
    return EncoderConfig(**((OFFICIAL if preset == "official" else {}) | changes))


def space_of(config: EncoderConfig, prior: Prior) -> Space:
    """The space of the codes.

    Raises:
        ArgumentError: one that the prior does not have, or codes that do not tell the image's class.
    """
    if config.num_codes:
        if prior.num_classes or config.space not in ("auto", "z"):
            raise ArgumentError(
                f"{config.num_codes} codes of {prior}: an encoder gives several of z alone, of one class: leave space "
                "out, and hold a prior with classes to one."
            )
        return "codes"
    if prior.num_classes and (config.space == "z" or not prior.num_styles):
        raise ArgumentError(
            f"space {config.space!r}: {prior} has classes, which a code z does not tell: use 'w' or 'w_plus' where it "
            "has styles, or hold it to a class."
        )
    if config.space == "auto":
        return "w_plus" if prior.num_styles else "z"
    if config.space != "z" and not prior.num_styles:
        raise ArgumentError(f"space {config.space!r}: {prior} has no styles, its latent space is 'z' only.")
    return config.space
