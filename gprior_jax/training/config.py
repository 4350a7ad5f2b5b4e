"""Settings of a training run of PGGAN or StyleGAN2, and what they say about every moment of it."""

import dataclasses
import math
from typing import Any, Literal, NamedTuple, get_args

from gprior_jax.errors import ArgumentError
from gprior_jax.training.gan_config import SIZES, PyramidConfig, positive
from gprior_jax.training.losses import AdversarialLoss


@dataclasses.dataclass(frozen=True)
class PGGANConfig(PyramidConfig):
    """How to train a PGGAN: from small images to large ones.

    The widths are those of the bundled prior; its model card tells its schedule. Sources: progressive growing, fade-in,
    equalised learning rate and minibatch standard deviation from Karras et al. 2018 (arXiv:1710.10196); Adam with betas
    (0, 0.99), R1 every 16 steps and the averaged generator from StyleGAN2 (Karras et al. 2020, arXiv:1912.04958).

    Attributes:
        arch: architecture of both networks.
        loss: nonsaturating, to which the R1 penalty belongs, or wgan_gp.
        start_resolution: side of the first images.
        images_per_level: images to train on at each resolution from start_resolution up; the last number serves all
            further levels.
        fade_fraction: part of a level during which its new blocks fade in.
    """

    arch: Literal["pggan"] = "pggan"
    loss: AdversarialLoss = "nonsaturating"
    start_resolution: int = 8
    images_per_level: tuple[int, ...] = (64_000, 80_000, 128_000, 400_000)
    fade_fraction: float = 0.2

    def __post_init__(self):
        super().__post_init__()
        # A list, as JSON has it, would be no key of a compiled step.
        object.__setattr__(self, "images_per_level", tuple(self.images_per_level))
        if self.loss not in get_args(AdversarialLoss):
            raise ArgumentError(f"loss {self.loss!r}: use {' or '.join(get_args(AdversarialLoss))}.")
        if self.start_resolution not in SIZES:
            raise ArgumentError(
                f"start_resolution {self.start_resolution}: use a power of two from {SIZES[0]} to {SIZES[-1]}."
            )
        if self.start_resolution > self.resolution:
            raise ArgumentError(f"start_resolution {self.start_resolution} is above resolution {self.resolution}.")
        if not self.images_per_level or min(self.images_per_level) < self.batch_size:
            raise ArgumentError(f"images_per_level {self.images_per_level}: every level needs at least one batch.")

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

    def check_extends(self, earlier: "PGGANConfig", images_seen: int) -> None:
        """Check that the levels that are done stay as they were, and that no block fades in again."""
        if not images_seen:
            return
        last = images_seen - self.batch_size
        was, now = earlier.moment(last), self.moment(last)
        ours, theirs = self._level_images(), earlier._level_images()
        index = was.level - theirs[0][0]
        done = now.level == was.level and ours[:index] == theirs[:index]
        # At another length its new blocks fade in at another pace: that may be neither in progress nor come again.
        if done and (ours[index] == theirs[index] or was.fade == now.fade == 1.0):
            return
        most = ""
        if done and was.fade == 1.0:
            most = f", this one up to {int(was.step * self.batch_size / self.fade_fraction)} images"
        told = [list(config.images_per_level) for config in (self, earlier)]
        raise ArgumentError(
            f"images_per_level {told[0]}: after {images_seen} images of {told[1]} this would change a level that is "
            f"done, or fade blocks in again: make only levels longer that are not done{most}."
        )

    def size_at(self, images_seen: int) -> int:
        """Side of the images of the batch that starts after ``images_seen`` images, pixels."""
        return 4 << self.moment(images_seen).level

    def progress(self, images_seen: int) -> dict[str, Any]:
        """What the log tells of the batch that starts after ``images_seen`` images."""
        moment = self.moment(images_seen)
        return {"resolution": 4 << moment.level, "fade": f"{moment.fade:.3f}"}

    def moment(self, images_seen: int) -> "Moment":
        """What the batch that starts after ``images_seen`` images is trained at.

        >>> PGGANConfig(resolution=16, images_per_level=(320, 640)).moment(320 + 64)
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
    """One step of the schedule of a PGGAN.

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


@dataclasses.dataclass(frozen=True)
class StyleGAN2Config(PyramidConfig):
    """How to train a StyleGAN2.

    Sources: Karras et al. 2020 (arXiv:1912.04958), stylegan2-ada-pytorch ``train.py`` and ``training/loss.py``;
    adaptive augmentation from Karras et al. 2020 (arXiv:2006.06676). The path length penalty, its interval and decay,
    style mixing, the mean of w and the target of the augmentation have the published values. R1 grows with the number
    of pixels: 1 at 256 px and 64 images a step is published, which is 0.25 at 64 px and 16.

    Attributes:
        arch: architecture of both networks: skip generator, residual discriminator.
        images: images of the whole run.
        mapping_layers: dense layers of the mapping network (8 published; 2 for sets of this size).
        num_classes: classes that the data names, to be learned; 0 is an unconditional run.
        condition_from: images before which all are of one class, the mixture of all.
        condition_until: images from which on each is wholly of its own; in between the one becomes the other. Networks
            that are told classes from the start may draw one image for each (Shahbazi et al. 2022, arXiv:2201.06578).
        path_weight: weight of the path length penalty; 0 leaves it out.
        path_interval: it is applied at the end of every so many steps, times this number.
        path_decay: rate of the running mean of path lengths.
        path_shrink: it is computed for the batch size divided by this.
        style_mixing: part of the images whose layers take styles of two codes.
        noise_limit: bound of every layer's strength of noise, beside activations of about 1; none unless given. In
            short runs the generator passes noise for texture, which shows as dots.
        w_decay: of the running mean of w, per step.
        augment: adaptive augmentation of what the discriminator sees.
        augment_target: part of real images that the discriminator calls real, less the part that it does not, above
            which augmentation grows.
        augment_images: images in which the probability can go from 0 to 1.
    """

    arch: Literal["stylegan2"] = "stylegan2"
    r1_gamma: float = 0.25
    batch_size: int = 16
    images: int = 400_000
    mapping_layers: int = 2
    num_classes: int = 0
    condition_from: int = 0
    condition_until: int = 0
    path_weight: float = 2.0
    path_interval: int = 4
    path_decay: float = 0.01
    path_shrink: int = 2
    style_mixing: float = 0.9
    noise_limit: float | None = None
    w_decay: float = 0.995
    augment: bool = False
    augment_target: float = 0.6
    augment_images: int = 500_000

    def __post_init__(self):
        super().__post_init__()
        positive(path_interval=self.path_interval, path_shrink=self.path_shrink)
        if not 0 <= self.condition_from <= self.condition_until or (self.condition_until and not self.num_classes):
            raise ArgumentError(
                f"condition_from {self.condition_from} and condition_until {self.condition_until}: use numbers of "
                "images, the second not the smaller one, in a run with num_classes."
            )
        if self.images < self.batch_size:
            raise ArgumentError(f"images {self.images}: the run needs at least one batch of {self.batch_size}.")
        if self.path_weight and self.batch_size < self.path_shrink:
            raise ArgumentError(f"path_shrink {self.path_shrink} leaves nothing of a batch of {self.batch_size}.")

    @property
    def groups(self) -> int:
        """Parts that a step's batch falls into, that of the path length penalty as well."""
        groups = super().groups
        return math.gcd(groups, self.batch_size // self.path_shrink) if self.path_weight else groups

    @property
    def total_images(self) -> int:
        """Images of the whole run."""
        return self.images // self.batch_size * self.batch_size

    def size_at(self, images_seen: int) -> int:
        """Side of the images, pixels."""
        return self.resolution

    def check_extends(self, earlier: "StyleGAN2Config", images_seen: int) -> None:
        """Nothing that a run has been through depends on its length."""

    def conditioning(self, images_seen: int) -> float:
        """How far images are of their own classes in the batch that starts after ``images_seen`` images, 0 to 1.

        >>> StyleGAN2Config(num_classes=8, condition_from=100, condition_until=300).conditioning(150)
        0.25
        """
        if images_seen >= self.condition_until:
            return 1.0
        span = max(1, self.condition_until - self.condition_from)
        return max(0.0, (images_seen - self.condition_from) / span)

    def progress(self, images_seen: int) -> dict[str, Any]:
        """What the log tells of the batch that starts after ``images_seen`` images."""
        found = super().progress(images_seen)
        return found | {"condition": f"{self.conditioning(images_seen):.3f}"} if self.condition_until else found
