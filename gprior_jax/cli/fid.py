"""``gprior fid``."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from gprior_jax import zoo
from gprior_jax.cli.checking import check_positive, values
from gprior_jax.cli.flags import ModelFlags, RangeFlag, SearchFlag
from gprior_jax.cli.telling import CountBar, print_json, say, warn
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.arrays import to_unit
from gprior_jax.images.files import load_image
from gprior_jax.images.listing import list_images
from gprior_jax.keys import seeded
from gprior_jax.metrics.frechet import features_of
from gprior_jax.metrics.prior_distance import NUM_SAMPLES, drawn_features, set_distance
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.runs.evaluation import plain
from gprior_jax.storage.atomic import write_json
from gprior_jax.summary import versions
from gprior_jax.training.data import ImageZip
from gprior_jax.training.scan import leave_out_broken

BATCH_SIZE = 32

Split = Literal["held_out", "train", "all"]


WORDS = {
    "held_out": "images held out of training",
    "train": "images trained on",
    "all": "images",
    "folder": "images",
}
"""What the sets are called."""

REAL = "these two sets of real images against each other"


class Real(NamedTuple):
    """Real images.

    Attributes:
        number: how many.
        read: gives one, ``[R, R, C]`` in [0, 1].
        labels: their classes, ``[number]``, where the prior has some.
    """

    number: int
    read: Callable[[int], np.ndarray]
    labels: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class FID(SearchFlag, ModelFlags, RangeFlag):
    """Compare what a prior draws with real images: Fréchet distance (FID) and kernel distance (KID) of their features.

    Codes and noise are drawn afresh for every image, classes in the proportions of the real images; nothing is
    mirrored. Figures of other networks, and of other numbers of images, do not compare.

    Attributes:
        data: zip file or folder of images as "gprior train" takes it; of a folder all images count, unless a --split is
            named or the prior has classes.
        perceptual: what judges: a model folder with EfficientNet-Lite0, or with VGG-16, AlexNet or a discriminator.
        samples: images to draw.
        split: the images held out of training, and as many that are trained on, unless one of these or
            all are named.
        truncation: psi of a style-based prior: images nearer to the mean below 1.
        out: JSON file for the result, besides the print.
    """

    data: Path
    perceptual: str
    samples: int = NUM_SAMPLES
    split: Split | None = None
    truncation: float = 1.0
    out: Path | None = None

    def run(self) -> int:
        """Draw, compare and tell."""
        check_positive(self, "samples", "batch_size")
        self.check_range()
        if self.samples < 2:
            raise ArgumentError(f"--samples {self.samples}: sets of two images are the smallest that compare.")
        if not self.data.exists():
            raise ArgumentError(f"--data {self.data} does not exist: give a zip file or a folder of images.")
        prior, network = zoo.load(self.model), zoo.load_perceptual(self.perceptual)
        if isinstance(network, LPIPS):
            raise ArgumentError(
                f"--perceptual {self.perceptual} holds LPIPS, which compares pairs: name another network."
            )
        network, size = network.prepare(), self.batch_size or BATCH_SIZE
        sets = self._real_images(prior)
        drawn = drawn_features(
            prior,
            network,
            seeded(self.seed),
            num_samples=self.samples,
            truncation=self.truncation,
            reference_labels=next(iter(sets.values())).labels,
            batch_size=size,
            progress=CountBar("drawn images"),
        )
        real = {
            name: features_of(network, images.read, images.number, batch_size=size, progress=CountBar(WORDS[name]))
            for name, images in sets.items()
        }
        found = {name: set_distance(drawn, features)._asdict() for name, features in real.items()}
        for name, features in real.items():
            found[name]["images"] = len(features)
        if len(real) == 2:
            found["real"] = set_distance(*real.values())._asdict()
        self._finish(found)
        return 0

    def _real_images(self, prior: Prior) -> dict[str, Real]:
        """The sets of real images."""
        if self.data.is_dir() and self.split is None and not prior.num_classes:
            return {"folder": self._of_folder(prior)}
        if self.split is not None:
            return {self.split: self._of_zip(self.split, prior)}
        held_out = self._of_zip("held_out", prior)
        return {"held_out": held_out, "train": self._of_zip("train", prior, held_out.number)}

    def _of_zip(self, split: Split, prior: Prior, number: int | None = None) -> Real:
        """Images of a split; where so many are wanted, they are chosen once and for all."""
        images = ImageZip(self.data, split, prior.image_shape[-1], value_range=self.value_range)
        if number is not None:
            images.keep(np.random.default_rng(0).permutation(len(images))[:number].tolist())
        leave_out_broken(images, progress=CountBar("images looked at"), tell=warn)
        labels = images.labels()[0] if prior.num_classes else None
        return Real(len(images), lambda i: images.image(i, prior.resolution) / np.float32(255), labels)

    def _of_folder(self, prior: Prior) -> Real:
        listing = list_images([self.data], self.recursive)
        for sentence in listing.left_out:
            warn(sentence)
        paths = listing.paths
        return Real(
            len(paths), lambda i: np.asarray(to_unit(load_image(paths[i], prior, value_range=self.value_range)))
        )

    def _finish(self, found: dict[str, dict[str, float]]) -> None:
        """Write the file and print the figures or JSON."""
        content: dict[str, Any] = {"distances": plain(found)} | values(
            self, "model", "perceptual", "samples", "truncation", "seed"
        )
        content["data"] = str(self.data)
        if self.out is not None:
            write_json(self.out, content | {"versions": versions()})
        if self.json:
            print_json(content)
            return
        for name, figures in found.items():
            words = f"{self.samples} drawn images against {figures['images']} {WORDS[name]}" if name in WORDS else REAL
            say(f"{words}: FID {figures['fid']:.3f}, KID {figures['kid']:.6f}")
