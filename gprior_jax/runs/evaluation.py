"""Comparing results with references: figures of every image, and of the whole sets."""

import csv
import functools
import io
import math
import warnings
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from gprior_jax import metrics
from gprior_jax.images import arrays as im
from gprior_jax.images.files import ValueRange, load_image
from gprior_jax.images.samples import range_setting
from gprior_jax.keys import purpose
from gprior_jax.metrics import diversity, frechet, swd
from gprior_jax.metrics.fidelity import SMALLEST
from gprior_jax.objectives import distance
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.runs.names import as_text
from gprior_jax.runs.pairs import Pair
from gprior_jax.runs.squares import told_of
from gprior_jax.typing import Array, Key

METRICS: dict[str, Callable[[Array, Array], Array]] = {
    "psnr": metrics.psnr,
    "ssim": metrics.ssim,
    "ms_ssim": metrics.ms_ssim,
    "l1": metrics.l1,
    "auc": metrics.colorization_auc,
}
"""Figures of one pair ``[H, W, 3]`` in [0, 1], by the name that ``--metrics`` takes; any function of two images."""


# Patches of a set and level, which are held for the sliced Wasserstein distance: 128 of each of 512 images, 40 MB. Of
# more images fewer patches each are taken.
_MAX_PATCHES = 65536


class Row(NamedTuple):
    """Figures of one image.

    Attributes:
        pair: the files.
        size: side at which they were compared, pixels.
        values: ``{metric: figure}``; infinite or NaN where it is so.
    """

    pair: Pair
    size: int
    values: dict[str, float]


def mean(values: Sequence[float]) -> tuple[float, int]:
    """Mean of the finite values and their number; where there is none, infinite if a value is, else NaN.

    >>> mean([1.0, 3.0, math.inf, math.nan])
    (2.0, 2)
    >>> mean([math.inf, math.nan]), mean([])
    ((inf, 0), (nan, 0))
    """
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        return math.fsum(finite) / len(finite), len(finite)
    return next((value for value in values if math.isinf(value)), math.nan), 0


def load(pair: Pair, name: Literal["result", "reference"], size: int, value_range: ValueRange) -> np.ndarray:
    """A picture of a pair at a side, ``[S, S, C]`` in [-1, 1]: of one channel where the result is gray, else RGB."""
    crop = pair.crop if name == "reference" else "center"
    return load_image(getattr(pair, name), (size, size, 1 if pair.gray else 3), crop, value_range)


def evened(rows: Sequence[Row]) -> list[Row]:
    """Rows that have the same figures, NaN where one is not defined."""
    names = dict.fromkeys(name for row in rows for name in row.values)
    return [row._replace(values={name: row.values.get(name, math.nan) for name in names}) for row in rows]


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """``"images"``, their ``"mean"`` (of the finite figures) and how many figures are in each (``"counted"``)."""
    means = {name: mean([row.values[name] for row in rows]) for name in (rows[0].values if rows else ())}
    images = [
        {"name": as_text(row.pair.result.stem), "result": as_text(row.pair.result)}
        | {"reference": as_text(row.pair.reference)}
        | {"size": row.size}
        | told_of(row.pair.crop)
        | row.values
        for row in rows
    ]
    return {
        "images": images,
        "mean": {name: value for name, (value, _) in means.items()},
        "counted": {name: count for name, (_, count) in means.items()},
    }


def plain(content: Any) -> Any:
    """Content that is valid JSON: infinite numbers become "inf" or "-inf", NaN null.

    >>> plain({"a": [math.inf, math.nan, 1.0]})
    {'a': ['inf', None, 1.0]}
    """
    if isinstance(content, dict):
        return {key: plain(value) for key, value in content.items()}
    if isinstance(content, list):
        return [plain(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else str(content)
    return content


def as_csv(rows: Sequence[Row]) -> str:
    """One line an image, ``inf`` and ``nan`` where figures are so."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(rows[0].values) if rows else []
    writer.writerow(["name", "size", *names])
    for row in rows:
        writer.writerow([as_text(row.pair.result.stem), row.size, *(f"{row.values[name]:.8g}" for name in names)])
    return text.getvalue()


class Sets:
    """Figures of the two sets, from what describes every pair: features and patches, no images."""

    def __init__(self, key: Key, count: int, value_range: ValueRange = "auto"):
        """Say how they are computed.

        Args:
            key: draws patches, directions and pairs.
            count: pairs that there will be, at most.
            value_range: of files of more than 8 bits a sample.
        """
        self.value_range = value_range
        self._patches = min(swd.PATCHES, max(1, _MAX_PATCHES // max(1, count)))
        self._place_key, self._direction_key, self._pair_key = purpose(key, "places"), purpose(key, "directions"), key

    def told(self) -> list[Any]:
        """Everything that decides what describes a pair, JSON."""
        return [jax.random.key_data(self._pair_key).tolist(), self._patches, range_setting(self.value_range)]

    def describe(self, place: int, images: Sequence[np.ndarray], features: Sequence[Array]) -> dict[str, np.ndarray]:
        """What describes a pair, by name.

        Args:
            place: of the pair, which decides where patches are cut.
            images: ``[H, W, C]`` in [-1, 1], the result and its reference.
            features: pooled, of both, if there are.
        """
        found = {f"features_{side}": np.asarray(each) for side, each in enumerate(features)}
        if images[0].shape[0] < swd.MIN_RESOLUTION:
            return found
        for side, image in enumerate(images):
            cut = swd.patch_pyramids(
                im.to_unit(im.as_rgb(image))[None], self._place_key, np.array([place]), self._patches
            )
            found |= {f"patches_{side}_{level}": np.asarray(patches[0]) for level, patches in cut.items()}
        return found

    def figures(
        self, rows: Sequence[Row], names: Collection[str], column: Callable[[str], np.ndarray]
    ) -> dict[str, Any]:
        """``"swd"`` by level, ``"diversity"`` of both sets, ``"fid"``, ``"kid"``: those that can be computed.

        Args:
            rows: of the pairs.
            names: of what describes the first of them; the others have the same where they are of one size.
            column: gives what describes all pairs by one of these names, ``[N, ...]``; one is held after the other.
        """
        sides = {row.size for row in rows}
        if len(rows) < 2:
            return {}
        if len(sides) > 1:
            return {"remark": "the images are of several sizes, so the sets as such are not compared: give a size."}
        found: dict[str, Any] = {}
        levels = sorted((int(name.rpartition("_")[2]) for name in names if name.startswith("patches_0_")), reverse=True)
        if levels:
            found["swd"] = {str(level): self._swd(level, column) for level in levels}
        if min(sides) >= SMALLEST["ms_ssim"]:
            pairs = [row.pair for row in rows]
            found["diversity"] = {name: self._diversity(pairs, min(sides), name) for name in ("result", "reference")}
        if "features_0" in names:
            ours, theirs = column("features_0"), column("features_1")
            found["fid"] = frechet.frechet_distance(ours, theirs)
            found["kid"] = frechet.kernel_distance(ours, theirs)
        return found

    def _swd(self, level: int, column: Callable[[str], np.ndarray]) -> float:
        ours, theirs = (column(f"patches_{side}_{level}") for side in range(2))
        return float(swd.patch_distance(ours, theirs, jax.random.fold_in(self._direction_key, level)))

    def _diversity(self, pairs: Sequence[Pair], side: int, name: Literal["result", "reference"]) -> float:
        """Of one set; its images are read again, a pair at a time."""
        values = []
        for chosen in np.asarray(diversity.random_pairs(self._pair_key, len(pairs))):
            a, b = (im.to_unit(im.as_rgb(load(pairs[i], name, side, self.value_range))) for i in chosen)
            values.append(float(_ms_ssim(a, b)))
        return float(np.mean(values))


_ms_ssim = jax.jit(metrics.ms_ssim)


@functools.partial(jax.jit, static_argnums=0)
def measure(
    names: tuple[str, ...], network: PerceptualNetwork | None, lpips: LPIPS | None, image: Array, reference: Array
) -> tuple[dict[str, Array], tuple[Array, ...]]:
    """Figures of one pair ``[S, S, C]`` in [-1, 1], and the pooled features of both where there is a network."""
    a, b, side = im.to_unit(im.as_rgb(image)), im.to_unit(im.as_rgb(reference)), image.shape[0]
    found = {name: METRICS[name](a, b) if side >= SMALLEST.get(name, 1) else jnp.array(jnp.nan) for name in names}
    if lpips is not None:
        fits = side >= lpips.module.input_shape[0]
        found["lpips"] = metrics.lpips(lpips, a, b) if fits else jnp.array(jnp.nan)
    if network is None:
        return found, ()
    (ours, whole), (theirs, other) = (network.features_and_vector(jnp.asarray(x)) for x in (image, reference))
    # The perceptual term of an inversion (objectives.Perceptual), on features that are computed once for both uses.
    layers = jnp.stack([distance(x, y, "l1") for x, y in zip(ours, theirs, strict=True)])
    found["perceptual"] = network.scale * jnp.sum(layers)
    return found, (whole, other)


def side_of(path: Path) -> int:
    """Shorter side of a picture, pixels, from the head of its file; 1 if it cannot be read, which loading it tells."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # As in io.load_image.
            with Image.open(path) as opened:
                return min(opened.size)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 1
