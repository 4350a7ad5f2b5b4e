"""What the settings of every training run have, and those that PGGAN and StyleGAN2 share."""

import abc
import dataclasses
from typing import Any, ClassVar, Protocol

from gprior_jax.checks import check_fields
from gprior_jax.errors import ArgumentError
from gprior_jax.keys import check_seed
from gprior_jax.nn.pyramid import pyramid_channels

SIZES = tuple(4 << level for level in range(1, 9))
"""Sides of images that can be trained on, pixels."""


def positive(**numbers: int) -> None:
    """Raise ``ValueError`` for a number below 1."""
    for name, number in numbers.items():
        if number < 1:
            raise ArgumentError(f"{name} {number}: use at least 1.")


class RunConfig(Protocol):
    """What every run's settings tell, whatever is trained; a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def batch_size(self) -> int:
        """Images a step."""
        ...

    @property
    def total_images(self) -> int:
        """Images of the whole run."""
        ...

    @property
    def ema_half_life(self) -> float:
        """Half-life of the averaged network, images."""
        ...

    def check_extends(self, earlier: Any, images_seen: int) -> None:
        """Check that a run of these settings has the past that one of ``earlier`` has, which differ in length only."""
        ...


@dataclasses.dataclass(frozen=True)
class GANConfig(abc.ABC):
    """What every run has.

    Attributes:
        resolution: side of the final images, pixels, a power of two from 8.
        image_channels: channels of the images: 1 gray, 3 RGB, 4 RGBA.
        z_dim: length of a latent code.
        batch_size: images a step.
        learning_rate: of both networks.
        ema_half_life: half-life of the averaged generator, images.
        mirror: mirror a random half of the images.
        turns: turn every image by a random number of quarter turns.
        seed: of weights, latent codes and the order of images.
    """

    resolution: int = 64
    image_channels: int = 3
    z_dim: int = 128
    batch_size: int = 32
    learning_rate: float = 2e-3
    ema_half_life: float = 10_000.0
    mirror: bool = True
    turns: bool = False
    seed: int = 0

    def __post_init__(self):
        check_seed(self.seed)
        check_fields(self)
        if self.resolution not in SIZES:
            raise ArgumentError(f"resolution {self.resolution}: use a power of two from {SIZES[0]} to {SIZES[-1]}.")
        if self.image_channels not in (1, 3, 4):
            raise ArgumentError(f"image_channels {self.image_channels}: use 1 (gray), 3 (RGB) or 4 (RGBA).")
        positive(batch_size=self.batch_size)

    @property
    def groups(self) -> int:
        """Parts that a step's batch falls into, across which no image depends on another but by sums over all."""
        return self.batch_size

    @property
    def kept_together(self) -> int:
        """Images of the batch that must stay together."""
        return 1

    @property
    def has_projected(self) -> bool:
        """Whether discriminators on the features of a classifier judge as well."""
        return False

    @property
    @abc.abstractmethod
    def total_images(self) -> int:
        """Images of the whole run."""

    @abc.abstractmethod
    def size_at(self, images_seen: int) -> int:
        """Side of the images of the batch that starts after ``images_seen`` images, pixels."""

    def progress(self, images_seen: int) -> dict[str, Any]:
        """What the log tells of the batch that starts after ``images_seen`` images."""
        return {"resolution": self.size_at(images_seen)}

    def conditioning(self, images_seen: int) -> float:
        """How far images are of their own classes in the batch that starts after ``images_seen`` images, 0 to 1."""
        return 1.0

    @abc.abstractmethod
    def check_extends(self, earlier: Any, images_seen: int) -> None:
        """Check that a run of these settings has the past that one of ``earlier`` has, which differ in its length only.

        Args:
            earlier: settings of the same kind.
            images_seen: how far the run is.

        Raises:
            ArgumentError: it has another past.
        """


@dataclasses.dataclass(frozen=True)
class PyramidConfig(GANConfig):
    """What PGGAN and StyleGAN2 have: widths by resolution, R1, the minibatch deviation, projected discriminators.

    Attributes:
        base_channels: feature channels at size s are min(base_channels / s, max_channels).
        max_channels: most feature channels of a layer.
        r1_gamma: weight of the R1 penalty.
        r1_interval: the penalty is applied at the end of every so many steps, times this number.
        beta2: of Adam; beta1 is 0.
        minibatch_group: images per group of the minibatch standard deviation.
        pixel_weight: weight of the discriminator's judgement in the generator's loss.
        projected_weight: weight of the judgement of discriminators on the features of a network that was trained on
            photographs (projected GAN, arXiv:2111.01007); 0 has none.
        projected_rate: their learning rate. Published is 2e-4, for batches of 64; of the two this gave the better
            portraits (benchmarks/RESULTS.md, "Training").
    """

    base_channels: int = 2048
    max_channels: int = 128
    r1_gamma: float = 1.0
    r1_interval: int = 16
    beta2: float = 0.99
    minibatch_group: int = 4
    pixel_weight: float = 1.0
    projected_weight: float = 0.0
    projected_rate: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        positive(minibatch_group=self.minibatch_group, r1_interval=self.r1_interval)
        if self.batch_size % self.kept_together:
            raise ArgumentError(
                f"batch_size {self.batch_size} is no multiple of minibatch_group {self.minibatch_group}."
            )

    @property
    def channels(self) -> tuple[int, ...]:
        """Feature channels at 4, 8, ... ``resolution`` pixels."""
        return pyramid_channels(self.resolution, self.base_channels, self.max_channels)

    @property
    def kept_together(self) -> int:
        """Images of the batch that must stay together: those whose deviation is taken together."""
        return min(self.minibatch_group, self.batch_size)

    @property
    def groups(self) -> int:
        """Parts that a step's batch falls into, across which no image depends on another."""
        return self.batch_size // self.kept_together

    @property
    def has_projected(self) -> bool:
        """Whether discriminators on the features of a classifier judge as well."""
        return bool(self.projected_weight)
