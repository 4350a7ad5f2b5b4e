"""``gprior evaluate``."""

import dataclasses
import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from tyro import conf

from gprior_jax import metrics, zoo
from gprior_jax.cli import common, evaluation
from gprior_jax.cli.evaluation import Pair, Row
from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.images import arrays as im
from gprior_jax.images.files import list_images, load_image
from gprior_jax.metrics import diversity, frechet, swd
from gprior_jax.metrics.fidelity import SMALLEST
from gprior_jax.objectives import distance
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.storage.atomic import write_bytes, write_json
from gprior_jax.typing import Array, Key

METRICS: dict[str, Callable[[Array, Array], Array]] = {
    "psnr": metrics.psnr,
    "ssim": metrics.ssim,
    "ms_ssim": metrics.ms_ssim,
    "l1": metrics.l1,
    "auc": metrics.colorization_auc,
}
"""Figures of one pair ``[H, W, 3]`` in [0, 1], by the name that ``--metrics`` takes; any function of two images."""

Metric = Literal["psnr", "ssim", "ms_ssim", "l1", "auc"]

# Patches of a set and level that are held for the sliced Wasserstein distance: 128 of each of 512 images, 40 MB. Of
# more images fewer patches each are taken.
_MAX_PATCHES = 65536


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Compare results with references: figures of every image, and of the whole sets.

    Files of the same stem belong together, whatever their suffix; of two files that are named themselves the names do
    not matter. Figures of the sets (sliced Wasserstein distance times 1000, mean MS-SSIM of pairs within a set, FID and
    KID on the network of --perceptual) need two images or more, all of one size.

    Attributes:
        results: an output folder, of which the pictures at its top count; any folder of images; or an image.
        references: the folder of the true images, or an image.
        out: folder for evaluation.csv and evaluation.json; unless given, the folder of the results, and nothing is
            written for a single image.
        metrics: figures of every image.
        perceptual: "builtin" or a model folder with VGG-16 or a discriminator: adds the distance of its features, and
            FID and KID on them (none of which compare with figures of other networks).
        lpips: model folder of LPIPS ("gprior convert --lpips-linear"): adds that distance, of pictures of at least 16
            pixels a side with VGG-16, 31 with AlexNet.
        size: side at which both are compared, pixels; the result's own unless given. References are cropped to their
            centre and resized.
        seed: seed of the random patches and pairs of the figures of the sets.
        json: print all figures as JSON on standard output. There and in evaluation.json an infinite figure (the PSNR of
            equal images) is the string "inf", and one that is not defined is null.
    """

    results: Annotated[Path, conf.Positional]
    references: Annotated[Path, conf.Positional]
    out: Path | None = None
    metrics: tuple[Metric, ...] = ("psnr", "ssim", "ms_ssim", "l1", "auc")
    perceptual: str | None = None
    lpips: Path | None = None
    size: int | None = None
    seed: int = 0
    json: bool = False

    def run(self) -> int:
        """Compare and write."""
        common.positive(size=self.size)
        out = self.out or (self.results if self.results.is_dir() else None)
        if out is not None and out.exists() and not out.is_dir():
            raise GPriorError(f"{out} is a file: name a folder with --out.")
        failed: dict[str, str] = {}
        pairs = match(self.results, self.references, failed)
        network = None if self.perceptual is None else zoo.load_perceptual(zoo.resolve(self.perceptual)).prepare()
        lpips = None if self.lpips is None else zoo.load_lpips(self.lpips).prepare()
        names = tuple(dict.fromkeys(self.metrics))
        rows, sets = [], Sets(jax.random.key(self.seed), min(swd.PATCHES, max(1, _MAX_PATCHES // len(pairs))))
        for pair in pairs:
            try:
                size = self.size or _side(pair.result)
                image, reference = (load_image(path, size) for path in pair)
            except ImageFileError as error:
                failed[str(pair.result)] = str(error)
                continue
            found, features = _measure(names, network, lpips, image, reference)
            order = [name for name in (*names, "perceptual", "lpips") if name in found]
            rows.append(Row(pair, size, {name: float(found[name]) for name in order}))
            sets.add(pair, image, reference, features)
        for sentence in failed.values():
            common.warn(sentence)
        self._finish(rows, sets.figures(), failed, out)
        return 1 if failed else 0

    def _finish(self, rows: list[Row], figures: dict[str, Any], failed: dict[str, str], out: Path | None) -> None:
        """Write the files and print the table or JSON."""
        content = {
            "results": str(self.results),
            "references": str(self.references),
            "perceptual": self.perceptual,
            "seed": self.seed,
            **evaluation.summary(rows),
            "sets": figures,
            "failed": failed,
            "versions": common.versions(),
        }
        content = evaluation.plain(content)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            write_bytes(out / "evaluation.csv", evaluation.as_csv(rows).encode())
            write_json(out / "evaluation.json", content)
        if self.json:
            common.print_json(content)
            return
        common.say("\n".join([*evaluation.table(rows), *evaluation.figure_lines(figures)]))
        if out is not None:
            common.say(f"written: {out / 'evaluation.csv'}, {out / 'evaluation.json'}")


class Sets:
    """Collects what the figures of the two sets need: features and patches, no images."""

    def __init__(self, key: Key, patches: int):
        """Start with none.

        Args:
            key: draws patches, directions and pairs.
            patches: patches of an image and level.
        """
        self._place_key, self._direction_key, self._pair_key = jax.random.split(key, 3)
        self._patches, self._pairs, self._sides = patches, [], set()
        self._features: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        self._levels: tuple[list[dict[int, np.ndarray]], list[dict[int, np.ndarray]]] = ([], [])

    def add(self, pair: Pair, image: np.ndarray, reference: np.ndarray, features: tuple[Array, ...]) -> None:
        """Take one image, its reference (``[H, W, 3]`` in [-1, 1]) and the pooled features of both, if there are."""
        index = np.array([len(self._pairs)])
        self._pairs.append(pair)
        self._sides.add(image.shape[0])
        for kept, feature in zip(self._features, features, strict=False):
            kept.append(np.asarray(feature))
        if image.shape[0] >= swd.MIN_RESOLUTION and len(self._sides) == 1:
            for kept, x in zip(self._levels, (image, reference), strict=True):
                found = swd.patch_pyramids(im.to_unit(x[None]), self._place_key, index, self._patches)
                kept.append({level: np.asarray(patches[0]) for level, patches in found.items()})

    def figures(self) -> dict[str, Any]:
        """``"swd"`` by level, ``"diversity"`` of both sets, ``"fid"``, ``"kid"``: those that can be computed."""
        if len(self._pairs) < 2:
            return {}
        if len(self._sides) > 1:
            common.warn("the images are of several sizes, so the sets as such are not compared: give --size.")
            return {}
        found: dict[str, Any] = {}
        if self._levels[0]:
            found["swd"] = {str(level): self._swd(level) for level in sorted(self._levels[0][0], reverse=True)}
        if min(self._sides) >= SMALLEST["ms_ssim"]:
            found["diversity"] = {name: self._diversity(name) for name in ("result", "reference")}
        if self._features[0]:
            ours, theirs = map(np.stack, self._features)
            found["fid"] = frechet.frechet_distance(ours, theirs)
            found["kid"] = frechet.kernel_distance(ours, theirs)
        return found

    def _swd(self, level: int) -> float:
        ours, theirs = (np.stack([levels[level] for levels in kept]) for kept in self._levels)
        return float(swd.patch_distance(ours, theirs, jax.random.fold_in(self._direction_key, level)))

    def _diversity(self, name: Literal["result", "reference"]) -> float:
        """Of one set; its images are read again, a pair at a time."""
        side, values = min(self._sides), []
        for chosen in np.asarray(diversity.random_pairs(self._pair_key, len(self._pairs))):
            a, b = (im.to_unit(load_image(getattr(self._pairs[i], name), side)) for i in chosen)
            values.append(float(_ms_ssim(a, b)))
        return float(np.mean(values))


_ms_ssim = jax.jit(metrics.ms_ssim)


@functools.partial(jax.jit, static_argnums=0)
def _measure(
    names: tuple[str, ...], network: PerceptualNetwork | None, lpips: LPIPS | None, image: Array, reference: Array
) -> tuple[dict[str, Array], tuple[Array, ...]]:
    """Figures of one pair ``[S, S, 3]`` in [-1, 1], and the pooled features of both where there is a network."""
    a, b, side = im.to_unit(image), im.to_unit(reference), image.shape[0]
    found = {name: METRICS[name](a, b) if side >= SMALLEST.get(name, 1) else jnp.array(jnp.nan) for name in names}
    if lpips is not None:
        fits = side >= lpips.module.input_shape[0]
        found["lpips"] = metrics.lpips(lpips, a, b) if fits else jnp.array(jnp.nan)
    if network is None:
        return found, ()
    ours, theirs = network.features(jnp.asarray(image)), network.features(jnp.asarray(reference))
    # The perceptual term of an inversion (objectives.Perceptual), on features that are computed once for both uses.
    layers = jnp.stack([distance(x, y, "l1") for x, y in zip(ours, theirs, strict=True)])
    found["perceptual"] = network.scale * jnp.sum(layers)
    return found, (frechet.pooled(ours), frechet.pooled(theirs))


def match(results: Path, references: Path, failed: dict[str, str]) -> list[Pair]:
    """Pair the pictures of two folders by their stems; a result without reference goes to ``failed``, with a sentence.

    Raises:
        GPriorError: a folder without pictures, or nothing in common.
    """
    ours, theirs = ([p for p in list_images([x]) if not p.is_dir()] for x in (results, references))
    if not results.is_dir() and not references.is_dir():
        return [Pair(result, reference) for result, reference in zip(ours, theirs, strict=True)]
    by_stem: dict[str, list[Path]] = {}
    for path in theirs:
        by_stem.setdefault(path.stem, []).append(path)
    pairs = []
    for path in ours:
        if found := by_stem.get(path.stem):
            # Of several the one with the same suffix, else the first by name.
            pairs.append(Pair(path, next((x for x in found if x.suffix == path.suffix), found[0])))
        else:
            failed[str(path)] = f"{path} is left out: {references} has no image named {path.stem}."
    if not pairs:
        raise GPriorError(f"{results} and {references} have no image of the same name: files are paired by their stem.")
    return pairs


def _side(path: Path) -> int:
    """Shorter side of a picture, pixels, from the head of its file; 1 if it cannot be read, which loading it tells."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # As in io.load_image.
            with Image.open(path) as opened:
                return min(opened.size)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 1
