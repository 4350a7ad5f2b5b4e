"""What a file of vectors holds: directions, codes, or statistics; of whatever prior it is.

Directions are stored as bare arrays (InterFaceGAN, e4e, STIT, SeFa), with their settings (HiGAN, in-domain inversion:
``boundary`` and ``manipulate_layers``; GANSpace's ``lat_comp``; our own files), as components with a mean (e4e's
``comp``, ``mean``, ``std``; Barbershop's ``X_comp``) and as columns of eigenvectors (rosinality's ``eigvec``).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_jax.editing.directions import Space
from gprior_jax.errors import CheckpointError, require
from gprior_jax.runs.hints import Guess, Kind, kind_of, parse_layers, space_of

SUFFIXES = (".npz", ".npy", ".pt", ".pth", ".pkl", ".pickle")
"""Endings of files of vectors."""

# Of several in one file the first is taken. "w" is what NVIDIA's programs call styles of all layers, too.
CODES: dict[str, Space | None] = {
    "w_plus": "w_plus",
    "ws": "w_plus",
    "dlatents": "w_plus",
    "w": "w",
    "z": "z",
    "latent": None,
    "latents": None,
    "latent_code": None,
    "codes": None,
    "arr_0": None,
}
"""Names of arrays of codes and the space that they stand for; None leaves it to their shape."""

_COMPONENTS = ("lat_comp", "comp", "X_comp", "components", "components_")
_COLUMNS = ("eigvec", "eigvecs")
_BOUNDARIES = ("boundary", "boundaries", "direction", "directions", "eigen_vectors", "eigenvectors", "coef_")
_DIRECTIONS = (*_BOUNDARIES, *_COLUMNS, *_COMPONENTS)
_STATISTICS = ({"mean", "std"}, {"X_mean", "X_stdev"}, {"mean", "cov"}, {"mean", "stdev"})
_OWN = ("space", "layers", "name", "deviation", "offset", "about", "label", "meta_data", "mean", "std", "lat_stdev")
_OWN += ("lat_mean", "latent_space", "edit_start", "edit_end", "edit_type", "X_mean", "X_stdev", "act_comp")

_LAYERS = ("manipulate_layers", "layers", "edit_layers")
_SETTINGS = ("meta_data", "meta", "settings", "info")
_MEANS = {"comp": ("mean", "std"), "lat_comp": ("lat_mean", "lat_stdev"), "components_": ("mean_", "")}


class Held(NamedTuple):
    """Vectors of one array of a file.

    Attributes:
        kind: what they are.
        why: they are taken to be that; a part of a sentence.
        form: how they are stored, in words.
        vectors: ``[K, D]`` or ``[K, L, D]``, numbers as in the file; of statistics none.
        shape: of the array in the file.
        dtype: of the array in the file.
        space: ``"z"`` or ``"w"`` (or a w for every layer) and what says so; None where nothing does.
        certain: whether the file says it, and not its name or the program.
        single: whether every row is a vector, so that none are rows for layers.
        layers: that the file means them for.
        names: of the vectors, or none.
        deviations: of codes along them, ``[K]``, that the file tells; each of the vector as it is stored.
        mean: ``[D]``, the mean code that the file tells.
        offset: where the boundary is.
        own: whether this package wrote it.
    """

    kind: Kind
    why: str
    form: str
    vectors: np.ndarray
    shape: tuple[int, ...]
    dtype: str
    space: Guess = Guess(None)
    certain: bool = False
    single: bool = False
    layers: tuple[int, ...] | None = None
    names: tuple[str, ...] = ()
    deviations: np.ndarray | None = None
    mean: np.ndarray | None = None
    offset: float | None = None
    own: bool = False

    def __str__(self) -> str:
        what = {"statistics": "statistics", "unclear": "vectors"}.get(self.kind, self.kind)
        return f"{what} ({', '.join(filter(None, (self.form, self.why)))}) as {self.dtype} of shape {self.shape}"


def read_content(path: Path) -> Any:
    """What a file holds, by :func:`gprior_converters.objects.read_objects`.

    Of an ``.npz`` file with known names others are left out: they may be pictures.

    Raises:
        CheckpointError: no such file, damaged, or one that could run code.
    """

    def wanted(names: Sequence[str]) -> Sequence[str]:
        known = [name for name in names if name in (*CODES, *_DIRECTIONS)]
        return [name for name in names if name in (*known, *_OWN)] if known or "about" in names else names

    return require("gprior_converters.objects", "convert").read_objects(path, wanted)


def hold(path: Path, content: Any) -> list[Held]:
    """Everything that what a file holds can be, array by array.

    Args:
        path: the file; its name tells something.
        content: see :func:`read_content`.

    Returns:
        what there is; nothing where there are no arrays of numbers.

    Raises:
        CheckpointError: settings that cannot be read.

    >>> (held,) = hold(Path("a_w_boundary.npy"), np.array([[0.6, 0.8]]))
    >>> held.kind, held.space.what, held.vectors.shape
    ('directions', 'w', (1, 2))
    """
    if isinstance(content, np.ndarray):
        return _bare(path, content, "")
    if isinstance(content, list):
        if content and all(isinstance(each, int | float) for each in content):
            return _bare(path, np.asarray(content), "")
        parts = [hold(path, each) for each in content]
        return [held._replace(names=(str(i),)) for i, part in enumerate(parts) for held in part]
    return _of_dict(path, content) if isinstance(content, dict) else []


def _of_dict(path: Path, content: dict[str, Any]) -> list[Held]:
    if name := next((name for name in _DIRECTIONS if isinstance(content.get(name), np.ndarray | list)), None):
        return _with_settings(path, content, name)
    if any(keys <= content.keys() for keys in _STATISTICS):
        name = next(name for name in content if "mean" in name)
        value = np.asarray(content[name])
        return [Held("statistics", "", f"{' and '.join(content)}", value[:0], value.shape, str(value.dtype))]
    if name := next((name for name in CODES if isinstance(content.get(name), np.ndarray)), None):
        return [held._replace(space=_space_of_codes(name, held)) for held in _bare(path, content[name], name)]
    if "about" in content:
        return []
    named = {name: value for name, value in content.items() if isinstance(value, np.ndarray | dict)}
    found = []
    for name, value in named.items():
        parts = _bare(path, value, name) if isinstance(value, np.ndarray) else _of_dict(path, value)
        found += [held if held.names or len(held.vectors) != 1 else held._replace(names=(name,)) for held in parts]
    return found


def _space_of_codes(name: str, held: Held) -> Guess:
    """What the name of an array of codes says."""
    space = CODES[name]
    return Guess(space if space == "z" else "w", f"its array's name ({name})") if space else held.space


def _bare(path: Path, values: np.ndarray, name: str) -> list[Held]:
    """An array without settings."""
    vectors = as_vectors(values)
    if vectors is None or values.dtype.kind not in "fiu":
        return []
    kind = kind_of(vectors, (path.stem, name))
    if name in CODES and name != "arr_0" and kind.why != "of unit norm":
        kind = Guess("codes", f"by its array's name ({name})")
    space = space_of(name) if space_of(name).what else space_of(path.stem)
    form = f"the array {name}" if name else "a bare array"
    return [Held(kind.what, kind.why, form, vectors, values.shape, str(values.dtype), space)]


def as_vectors(values: np.ndarray) -> np.ndarray | None:
    """An array as ``[K, D]`` or ``[K, L, D]``, without the axes of length 1 that programs add; None where it is none.

    >>> [as_vectors(np.zeros(s)).shape for s in ((5,), (1, 5), (2, 1, 5), (1, 1, 4, 5), (2, 8, 1, 1))]
    [(1, 5), (1, 5), (2, 5), (1, 4, 5), (2, 8)]
    """
    while values.ndim > 2 and values.shape[-1] == 1:
        values = values[..., 0]
    while values.ndim > 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 3 and values.shape[1] == 1:
        values = values[:, 0]
    values = values[None] if values.ndim == 1 else values
    return values if values.ndim in (2, 3) and values.size else None


def _with_settings(path: Path, content: dict[str, Any], name: str) -> list[Held]:
    """A direction, or several, among entries that say more about them."""
    values = _array(content[name])
    vectors = as_vectors(values) if values.dtype.kind in "fiu" else None
    if vectors is None:
        raise CheckpointError(f"{path}: {name} of shape {values.shape} is no direction: save an array [D] or [L, D].")
    if name in _COLUMNS and vectors.ndim == 2:
        vectors = vectors.T
    own = "space" in content and "about" in content
    settings = content | {k: v for key in _SETTINGS for k, v in _dict(content.get(key)).items()}
    layers = _layers(path, settings)
    space, certain = _space(path, settings, name, layers)
    mean, deviation = (settings.get(key) for key in _MEANS.get(name, ("", "")))
    known = _numbers(settings.get("deviation") if own else deviation)
    offset = _numbers(settings.get("offset")) if own else None
    told = _text(settings.get("name"))
    columns = ", one a column" if name in _COLUMNS else ""
    return [
        Held(
            "directions",
            "",
            f"{name}{columns}{', of this package' if own else ''}",
            vectors,
            values.shape,
            str(values.dtype),
            space,
            certain,
            name in (*_COLUMNS, *_COMPONENTS),
            layers,
            (told,) if told and len(vectors) == 1 else (),
            known if known is not None and len(known) == len(vectors) else None,
            None if mean is None else _numbers(mean),
            None if offset is None or len(offset) != 1 else float(offset[0]),
            own,
        )
    ]


def _space(path: Path, settings: dict[str, Any], name: str, layers: tuple[int, ...] | None) -> tuple[Guess, bool]:
    """The space of directions with settings, and whether the file itself says it."""
    for key in ("space", "latent_space"):
        if found := space_of(_text(settings.get(key))).what:
            return Guess(found, f"its {key} ({_text(settings[key])})"), True
    if layers is not None:
        return Guess("w", "the layers that it names, as only styles have some"), True
    if name in _COLUMNS:
        return Guess("w", "its form (eigenvectors of the layers that take w)"), False
    if name == "X_comp":
        return Guess(
            "w", "its form (Barbershop's components: those of w before its last leaky ReLU, so about those of w)"
        ), False
    if name in ("comp", "lat_comp") and not space_of(path.stem).what:
        return Guess("w", "its form (GANSpace's components are mostly of w)"), False
    return space_of(path.stem), False


def _layers(path: Path, settings: dict[str, Any]) -> tuple[int, ...] | None:
    try:
        if (found := next((settings[key] for key in _LAYERS if settings.get(key) is not None), None)) is not None:
            return parse_layers(found.item() if isinstance(found, np.ndarray) and not found.ndim else found)
        first, stop = settings.get("edit_start"), settings.get("edit_end")
        if isinstance(first, int) and isinstance(stop, int):  # Of GANSpace: the end is not counted.
            return parse_layers(list(range(first, min(stop, first + 100))))
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return None


def _array(values: Any) -> np.ndarray:
    """An array, or a list of equal ones; else none of numbers."""
    try:
        return np.asarray(values)
    except ValueError:
        return np.asarray(None)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    value = value.item() if isinstance(value, np.ndarray) and not value.ndim else value
    return value if isinstance(value, str) else ""


def _numbers(value: Any) -> np.ndarray | None:
    """Numbers in one row; None where there are none."""
    array = np.asarray(value if value is not None else [])
    return np.ravel(array).astype(np.float64) if array.dtype.kind in "fiu" and array.size else None
