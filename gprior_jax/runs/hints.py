"""What tells directions from codes, and z from w, where a file does not say: its numbers, and the words of its name.

The bounds lie between what is in files that people hold: boundaries and directions of InterFaceGAN, HiGAN, in-domain
inversion, STIT, e4e, GANSpace and SeFa, and codes of PTI, StyleCLIP, SeFa and stylegan-encoder.
"""

import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np

from gprior_jax.errors import ArgumentError

Kind = Literal["directions", "codes", "statistics", "unclear"]

_UNIT = 5e-4
_UNIT_HALF = 4e-3
"""How far a norm may be from 1, and of numbers in half precision; float32 eigenvectors of PyTorch are off by 1e-4."""

_LONG = 64
"""Numbers of a vector from which on their distribution tells something."""

_SKEW, _MEAN = 0.7, 0.25
"""Of one w, whose mapping network ends in leaky ReLU: skewness (0.9 to 2.3; directions 0 to 0.5), or the mean in
standard deviations (0.3 to 0.5; directions to 0.2)."""

_SHORT = 2.0
"""Norm below which one row of symmetric numbers is a direction: STIT's have 0.2 to 1.1, codes w 2.5 to 13."""

_OF_DIRECTIONS = {"boundary", "boundaries", "direction", "directions", "hyperplane", "svm"}
_OF_DIRECTIONS |= {"component", "components", "pca", "eigvec", "eigvecs", "eigenvectors", "factor", "axis"}
_OF_CODES = {"latent", "latents", "code", "codes", "dlatent", "dlatents", "projected", "inverted", "inversion"}
_OF_CODES |= {"inversions", "pivot", "pivots", "embedding", "embeddings", "encoded", "samples"}
_ATTRIBUTES = {"age", "gender", "pose", "smile", "smiling", "yaw", "pitch", "roll", "eyeglasses", "glasses"}
_ATTRIBUTES |= {
    "expression",
    "emotion",
    "beauty",
    "beard",
    "bald",
    "hair",
    "lipstick",
    "makeup",
    "chubby",
    "angle",
    "race",
}
_ATTRIBUTES |= {"skin", "eye", "eyes", "nose", "mouth", "lip", "lips", "face", "young", "lighting"}
"""Attributes that directions are named after."""

_STYLES = {"w", "wp", "ws", "wplus", "w_plus"}
_PROGRAMS = {"e4e": "e4e", "higan": "HiGAN", "stit": "STIT", "styleclip": "StyleCLIP"}
"""Programs that edit styles."""

_INTERFACEGAN = re.compile(
    r"(pggan|stylegan)_(celebahq|ffhq)_(age|eyeglasses|gender|pose|quality|smile)(_c(_(age|eyeglasses|gender))+)?_boundary"
)
"""InterFaceGAN's files of directions in z; those in w are named ``..._w_boundary``."""


class Guess(NamedTuple):
    """What is taken to be so, and why, as a part of a sentence."""

    what: Any
    why: str = ""


def kind_of(rows: np.ndarray, names: Iterable[str] = ()) -> Guess:
    """Whether vectors are ``"directions"``, ``"codes"`` or ``"unclear"``.

    Args:
        rows: ``[K, D]`` or ``[K, L, D]``.
        names: of the file, and of the array in it.

    >>> kind_of(np.array([[0.6, 0.8]])).what, kind_of(np.ones((1, 4)), ["age_boundary"]).what
    ('directions', 'directions')
    """
    flat = np.asarray(rows, np.float64).reshape(-1, rows.shape[-1])
    if not flat.size or rows.dtype.kind not in "fiu" or not np.isfinite(flat).all():
        return Guess("unclear")
    if is_unit(rows):
        return Guess("directions", "of unit norm")
    words = {word for name in names for word in words_of(name)}
    strong = bool(words & _OF_DIRECTIONS) - bool(words & _OF_CODES)
    if strong:
        return Guess("directions" if strong > 0 else "codes", "by its name")
    by_numbers = _by_numbers(flat)
    if by_numbers.what == "unclear" and words & _ATTRIBUTES and not words & _OF_CODES:
        return Guess("directions", f"by its name ({min(words & _ATTRIBUTES)})")
    return by_numbers


def is_unit(rows: np.ndarray) -> bool:
    """Whether all rows but those of zeros have unit norm; or, of several, all together."""
    if rows.dtype.kind not in "fiu":
        return False
    norms = np.linalg.norm(np.asarray(rows, np.float64), axis=-1)
    bound = _UNIT_HALF if rows.dtype.itemsize == 2 else _UNIT
    whole = np.linalg.norm(norms, axis=-1)
    close = np.abs(norms[norms > 0] - 1) < bound
    return bool(close.size and close.all()) or bool(norms.shape[-1] > 1 and (np.abs(whole - 1) < bound).all())


def is_one_row(rows: np.ndarray) -> bool:
    """Whether rows ``[L, D]`` are one row again and again."""
    return bool(np.ptp(rows, axis=0).max(initial=0.0) <= 1e-6 * np.abs(rows).max(initial=0.0))


def _by_numbers(flat: np.ndarray) -> Guess:
    length = flat.shape[-1]
    if length < _LONG:
        return Guess("unclear")
    norms, spread = np.linalg.norm(flat, axis=-1), flat.std(-1)
    if not spread.all():
        return Guess("unclear")
    mean = np.median(flat.mean(-1) / spread)
    skew = np.median(np.mean((flat - flat.mean(-1, keepdims=True)) ** 3, axis=-1) / spread**3)
    if (np.abs(norms / np.sqrt(length) - 1) < 0.2).all() and abs(mean) < _MEAN and abs(skew) < _SKEW:
        return Guess("codes", "as long as codes z")
    if skew > _SKEW or (mean > _MEAN and norms.max() > _SHORT):
        return Guess("codes", "with the skewed numbers of w")
    if is_one_row(flat) and norms.max() < _SHORT:
        return Guess("directions", "one row, shorter than codes are")
    return Guess("unclear")


def words_of(name: str) -> list[str]:
    """The words of a file's name, without numbers behind them.

    >>> words_of("ffhq_age_W+_boundary2"), words_of("a-w_plus")
    (['ffhq', 'age', 'w_plus', 'boundary'], ['a', 'w_plus'])
    """
    text = re.sub(r"(?<![a-z])w(\+|[_-]?plus(?![a-z]))", "w:plus", name.lower())
    words = [re.sub(r"(?<=[a-z])\d+$", "", word) for word in re.split(r"[^a-z0-9:]+", text)]
    return [word.replace(":", "_") for word in words if word]


def space_of(name: str) -> Guess:
    """``"z"`` or ``"w"`` (or a w for every layer) by the name of a file; None where it does not say.

    >>> space_of("stylegan_ffhq_age_w_boundary")
    Guess(what='w', why='its name (_w_)')
    >>> space_of("age").what
    """
    words = words_of(name)
    styles = [word for word in words if word in _STYLES]
    if bool(styles) != ("z" in words):
        return Guess("w", f"its name (_{styles[0]}_)") if styles else Guess("z", "its name (_z_)")
    if _INTERFACEGAN.search(name.lower()):
        return Guess("z", "its name (InterFaceGAN's, without _w_)")
    if "pggan" in words or "progan" in words:
        return Guess("z", "its name (PGGAN has no w)")
    if program := next((_PROGRAMS[word] for word in words if word in _PROGRAMS), None):
        return Guess("w", f"its name ({program}'s directions are of w)")
    return Guess(None)


def parse_layers(layers: Any) -> tuple[int, ...] | None:
    """Layers as programs store them; None is all.

    Args:
        layers: words such as ``"6-11"`` and ``"0,1,4-6"`` (ends counted), ``"all"``, a number, or a list of such.

    Raises:
        ValueError: anything else.

    >>> parse_layers("0,1, 4 - 6"), parse_layers([2, 3]), parse_layers(np.arange(3)), parse_layers(None)
    ((0, 1, 4, 5, 6), (2, 3), (0, 1, 2), None)
    """
    if layers is None or (isinstance(layers, str) and layers.strip().lower() in ("", "all", "none")):
        return None
    if isinstance(layers, np.ndarray):
        layers = layers.tolist()
    found: set[int] = set()
    for part in layers if isinstance(layers, list | tuple) else [layers]:
        text = re.sub(r"\s*-\s*", "-", part).strip("[]() ") if isinstance(part, str) else ""
        for piece in re.split(r"[,\s;]+", text) if isinstance(part, str) else [part]:
            found |= set(_numbers(piece, layers))
    if not found:
        raise ArgumentError(f"layers {layers!r} are none: use numbers such as 6-11 or 0,1,4-6.")
    return tuple(sorted(found))


def _numbers(piece: Any, layers: Any) -> range:
    if isinstance(piece, float) and piece.is_integer():
        piece = int(piece)
    if piece == "":
        return range(0)
    match = None if isinstance(piece, bool) else re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", str(piece))
    if match is None or int(match[1]) > int(match[2] or match[1]):
        raise ArgumentError(f"layers {str(layers)[:80]!r}: use numbers such as 6-11 or 0,1,4-6.")
    return range(int(match[1]), int(match[2] or match[1]) + 1)
