"""Settings of a training run, and what they say about every moment of it."""

import dataclasses
from typing import Literal, NamedTuple

from gprior_jax.nn.pyramid import pyramid_channels
from gprior_jax.training.losses import AdversarialLoss


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How to train a generator and its discriminator.

    The widths are those of the bundled prior; its model card tells its schedule. Sources: progressive growing, fade-in,
    equalised learning rate and minibatch standard deviation from Karras et al. 2018 (arXiv:1710.10196); Adam with betas
    (0, 0.99), R1 every 16 steps and the averaged generator from StyleGAN2 (Karras et al. 2020, arXiv:1912.04958).

    Attributes:
        arch: architecture of both networks.
        resolution: side of the final images, pixels, a power of two from 8.
        z_dim: length of a latent code.
        base_channels: feature channels at size s are min(base_channels / s, max_channels).
        max_channels: most feature channels of a layer.
        loss: adversarial loss.
        r1_gamma: weight of the R1 penalty of the non-saturating loss.
        r1_interval: the penalty is applied every so many steps, times this number.
        batch_size: images a step.
        start_resolution: side of the first images.
        images_per_level: images to train on at each resolution from start_resolution up; the last number serves all
            further levels.
        fade_fraction: part of a level during which its new blocks fade in.
        learning_rate: of Adam, both networks.
        beta2: of Adam; beta1 is 0.
        ema_half_life: half-life of the averaged generator, images.
        minibatch_group: images per group of the minibatch standard deviation.
        mirror: mirror a random half of the images.
        seed: of weights, latent codes and the order of images.
    """

    arch: Literal["pggan"] = "pggan"
    resolution: int = 64
    z_dim: int = 128
    base_channels: int = 2048
    max_channels: int = 128
    loss: AdversarialLoss = "nonsaturating"
    r1_gamma: float = 1.0
    r1_interval: int = 16
    batch_size: int = 32
    start_resolution: int = 8
    images_per_level: tuple[int, ...] = (64_000, 80_000, 128_000, 400_000)
    fade_fraction: float = 0.2
    learning_rate: float = 2e-3
    beta2: float = 0.99
    ema_half_life: float = 10_000.0
    minibatch_group: int = 4
    mirror: bool = True
    seed: int = 0

    def __post_init__(self):
        sizes = [4 << level for level in range(1, 9)]
        if self.resolution not in sizes or self.start_resolution not in sizes:
            raise ValueError(
                f"resolution {self.resolution} from start_resolution {self.start_resolution}: use powers of two "
                f"from {sizes[0]} to {sizes[-1]}."
            )
        if self.start_resolution > self.resolution:
            raise ValueError(f"start_resolution {self.start_resolution} is above resolution {self.resolution}.")
        if not self.images_per_level or min(self.images_per_level) < self.batch_size:
            raise ValueError(f"images_per_level {self.images_per_level}: every level needs at least one batch.")
        if self.batch_size % min(self.minibatch_group, self.batch_size):
            raise ValueError(f"batch_size {self.batch_size} is no multiple of minibatch_group {self.minibatch_group}.")

    @property
    def channels(self) -> tuple[int, ...]:
        """Feature channels at 4, 8, ... ``resolution`` pixels."""
        return pyramid_channels(self.resolution, self.base_channels, self.max_channels)

    def _level_images(self) -> list[tuple[int, int]]:
        """(level, images) in order; the number of images is a whole number of batches."""
        first, last = (self.start_resolution // 4).bit_length() - 1, len(self.channels) - 1
        counts = self.images_per_level
        return [
            (level, counts[min(i, len(counts) - 1)] // self.batch_size * self.batch_size)
            for i, level in enumerate(range(first, last + 1))
        ]

    @property
    def total_images(self) -> int:
        """Images of the whole run."""
        return sum(images for _, images in self._level_images())

    def moment(self, images_seen: int) -> "Moment":
        """What the batch that starts after ``images_seen`` images is trained at.

        >>> TrainConfig(resolution=16, images_per_level=(320, 640)).moment(320 + 64)
        Moment(level=2, fade=0.5, starts_level=False, step=2)
        """
        levels = self._level_images()
        index = start = 0
        while index < len(levels) - 1 and images_seen >= start + levels[index][1]:
            start += levels[index][1]
            index += 1
        level, images = levels[index]
        within = images_seen - start
        fade = 1.0 if index == 0 else min(1.0, within / max(1.0, self.fade_fraction * images))
        return Moment(level, fade, index > 0 and within == 0, within // self.batch_size)


class Moment(NamedTuple):
    """One step of the schedule.

    Attributes:
        level: the networks' size is ``4 << level`` pixels.
        fade: weight of the newest block, 0 to 1.
        starts_level: the first step of a level that is not the run's first.
        step: steps taken at this level.
    """

    level: int
    fade: float
    starts_level: bool
    step: int
