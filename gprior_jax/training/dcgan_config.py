"""Settings of a training run of the first GANs: of convolutions (DCGAN) and of dense layers."""

import dataclasses
import math
from typing import Any, Literal, get_args

from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import LatentDistribution
from gprior_jax.training.gan_config import GANConfig, positive
from gprior_jax.training.losses import CrossEntropy

_UNIFORM = {"dcgan": 1.0, "mlp": math.sqrt(3.0)}
"""Ends of uniform codes: Radford et al. 2016; goodfeli/adversarial ``__init__.py``, ``get_noise``."""


_LATENTS, _OPTIMIZERS = ("normal", "uniform"), ("adam", "sgd")


@dataclasses.dataclass(frozen=True)
class FirstConfig(GANConfig):
    """What the first GANs share: cross-entropy of one discriminator, and how often each network is updated.

    Attributes:
        images: real images of the whole run.
        loss: nonsaturating, in which the generator maximises log D(G(z)), as both papers train, or minimax, in which it
            minimises log(1 - D(G(z))), the game as it is stated (Goodfellow et al. 2014, arXiv:1406.2661, section 3).
        latent: distribution of codes, normal or uniform.
        optimizer: adam, or sgd with beta1 as its momentum.
        beta1: of Adam (0.5, Radford et al. 2016, section 4), or the momentum.
        beta2: of Adam.
        label_smoothing: what the target of real images is below 1: 0.1 for one-sided smoothing (Salimans et al. 2016,
            arXiv:1606.03498, section 3.4); that of generated ones stays 0.
        discriminator_steps: batches of real images that the discriminator sees for one update of the generator (k of
            Goodfellow et al. 2014, algorithm 1).
        generator_steps: updates of the generator in a row, each on codes of its own.
        num_classes: classes that the data names, which both networks are told (Mirza and Osindero 2014,
            arXiv:1411.1784); 0 is an unconditional run.
    """

    z_dim: int = 100
    learning_rate: float = 2e-4
    images: int = 200_000
    loss: CrossEntropy = "nonsaturating"
    latent: Literal["normal", "uniform"] = "normal"
    optimizer: Literal["adam", "sgd"] = "adam"
    beta1: float = 0.5
    beta2: float = 0.999
    label_smoothing: float = 0.0
    discriminator_steps: int = 1
    generator_steps: int = 1
    num_classes: int = 0

    def __post_init__(self):
        super().__post_init__()
        for name, known in (("loss", get_args(CrossEntropy)), ("latent", _LATENTS), ("optimizer", _OPTIMIZERS)):
            if getattr(self, name) not in known:
                raise ArgumentError(f"{name} {getattr(self, name)!r}: use {' or '.join(known)}.")
        positive(discriminator_steps=self.discriminator_steps, generator_steps=self.generator_steps)
        check_number("label_smoothing", self.label_smoothing, lambda x: (x >= 0) & (x < 0.5), "from 0 to below 0.5")
        if self.images < self.batch_size * self.discriminator_steps:
            raise ArgumentError(
                f"images {self.images}: the run needs at least {self.discriminator_steps} batches of "
                f"{self.batch_size}, one update of the generator."
            )

    @property
    def total_images(self) -> int:
        """Images of the whole run."""
        return self.images // self.batch_size * self.batch_size

    @property
    def distribution(self) -> LatentDistribution:
        """Of the codes."""
        end = _UNIFORM[getattr(self, "arch", "dcgan")]
        return LatentDistribution(self.latent, -end, end) if self.latent == "uniform" else LatentDistribution()

    def size_at(self, images_seen: int) -> int:
        """Side of the images, pixels."""
        return self.resolution

    def check_extends(self, earlier: Any, images_seen: int) -> None:
        """Nothing that a run has been through depends on its length."""

    def is_generator_due(self, images_seen: int) -> bool:
        """Whether the step that starts after ``images_seen`` images updates the generator, too.

        >>> [DCGANConfig(discriminator_steps=2).is_generator_due(64 * step) for step in range(4)]
        [False, True, False, True]
        """
        return (images_seen // self.batch_size + 1) % self.discriminator_steps == 0


@dataclasses.dataclass(frozen=True)
class DCGANConfig(FirstConfig):
    """How to train a DCGAN, with the settings of pytorch/examples ``dcgan/main.py``.

    Convolutions N(0, 0.02), scales of batch norms N(1, 0.02), LeakyReLU 0.2 in the discriminator (Radford et al. 2016,
    arXiv:1511.06434, section 4).

    Attributes:
        arch: architecture of both networks.
        width: channels of the last hidden layer of the generator and of the first of the discriminator, which double
            with every halving of the image (ngf and ndf).
    """

    arch: Literal["dcgan"] = "dcgan"
    batch_size: int = 64
    width: int = 64

    def __post_init__(self):
        super().__post_init__()
        positive(width=self.width)


@dataclasses.dataclass(frozen=True)
class MLPConfig(FirstConfig):
    """How to train the first GAN: dense layers, ReLU and a final sigmoid against maxout with dropout.

    Widths, pieces, initial weights and dropout are those of goodfeli/adversarial ``mnist.yaml``. Its optimiser is
    stochastic gradient descent with momentum (``optimizer="sgd", learning_rate=0.1, beta1=0.5``); Adam with DCGAN's
    settings needs no schedule of both.

    Attributes:
        arch: architecture of both networks.
        generator_features: of every hidden layer of the generator.
        discriminator_features: of every hidden layer of the discriminator.
        pieces: linear maps of which a unit of the discriminator is the largest.
        input_dropout: part of the discriminator's input that is left out in training.
        dropout: part of its hidden units.
    """

    arch: Literal["mlp"] = "mlp"
    batch_size: int = 100
    latent: Literal["normal", "uniform"] = "uniform"
    generator_features: tuple[int, ...] = (1200, 1200)
    discriminator_features: tuple[int, ...] = (240, 240)
    pieces: int = 5
    input_dropout: float = 0.2
    dropout: float = 0.5

    def __post_init__(self):
        super().__post_init__()
        # Lists, as JSON has them, would be no keys of a compiled step.
        for name in ("generator_features", "discriminator_features"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
            positive(**{name: min(getattr(self, name), default=0)})
        positive(pieces=self.pieces)
        for name in ("input_dropout", "dropout"):
            check_number(name, getattr(self, name), lambda x: (x >= 0) & (x < 1), "a part, from 0 to below 1")
