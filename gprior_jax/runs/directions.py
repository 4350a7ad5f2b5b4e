"""Directions from files, those of other programs too: a direction is never taken for a code, nor z for w."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from gprior_jax.editing.directions import Direction, Space
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.prior import Prior
from gprior_jax.runs.directions_file import bundled_directions
from gprior_jax.runs.held import Held, hold, read_content
from gprior_jax.runs.lineage import check_kin
from gprior_jax.runs.placing import Placed, place, wanted_shapes
from gprior_jax.runs.sources import split_source
from gprior_jax.zoo.bundled import BUNDLED


def read_directions(
    path: str | os.PathLike,
    prior: Prior,
    space: Space | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
    model: str | os.PathLike | None = None,
) -> list[Direction]:
    """The directions in a file, whoever wrote it.

    Each is of unit length; of several rows of different lengths the longest is. Files of this package stay as they are.

    Args:
        path: an ``.npy``, ``.npz``, ``.pt`` or ``.pkl`` file, see :mod:`gprior_jax.runs.held`, or the name of a
            direction that the prior comes with; with the space before it (``"w:age.npy"``), and with the place or
            the name of one of several behind it (``"sefa.npy:3"``).
        prior: whose codes they are to move.
        space: of directions whose file does not say it; None goes by the shape, and by the file's name.
        tell: called with a sentence where something is assumed.
        model: the name or folder that the prior was loaded from, whose directions are known by name; None knows those
            of bundled priors.

    Returns:
        at least one. In W+ if there is a row for every layer.

    Raises:
        CheckpointError: no directions, of another prior, or of a space that is in doubt; the file is damaged, or could
            run code.

    >>> import gprior_jax as gp, tempfile
    >>> prior = gp.load("builtin")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/smile_boundary.npy", np.eye(prior.z_dim)[:1])
    ...     (smile,) = read_directions(f"{folder}/smile_boundary.npy", prior)
    >>> smile.name, smile.space, smile.vector.shape
    ('smile_boundary', 'z', (128,))
    """
    source, chosen = _split_choice(os.fspath(path))
    own, source = split_source(source)
    file, is_own = _file_of(source, own_directions(prior, model), prior)
    if not is_own:  # Those are meant for the prior, whichever it was made from.
        check_kin(file, prior, model, tell)
    found: list[Direction] = []
    for held in hold_file(file):
        found += fit(file, prior, held, place(file, prior, held, own or space, tell))
    if not found:
        raise CheckpointError(f"{file} holds no arrays of numbers: {wanted_shapes(prior)}.")
    return found if chosen is None else [_choose(file, found, chosen)]


def _file_of(source: str, bundled: Mapping[str, Path], prior: Prior) -> tuple[Path, bool]:
    """The file that a direction is read from, and whether it is one that the prior comes with."""
    file = Path(os.path.expanduser(source))
    is_own = not file.exists() and source in bundled
    if is_own:
        file = bundled[source]
    if not file.exists():
        of = f", or one of {prior}: {', '.join(bundled)}" if bundled else ""
        raise CheckpointError(f"{source} does not exist: give an .npy, .npz, .pt or .pkl file with a direction{of}.")
    return file, is_own


def hold_file(file: Path) -> list[Held]:
    """What a file holds, whatever prior it is of; see :mod:`gprior_jax.runs.held`.

    Raises:
        CheckpointError: damaged, no such file, or one that could run code.
    """
    return hold(file, read_content(file))


def own_directions(prior: Prior, model: str | os.PathLike | None = None) -> dict[str, Path]:
    """The directions that a prior comes with, by name; none of one that is not on disk.

    Args:
        prior: it; one that is bundled is known by its own name.
        model: name or folder that it was loaded from.
    """
    if model is not None:
        return bundled_directions(model)
    return bundled_directions(prior.name) if any(prior.name == entry.name for entry in BUNDLED) else {}


def _split_choice(source: str) -> tuple[str, str | None]:
    """A file and one of its directions, of ``"sefa.npy:3"``."""
    match = re.fullmatch(r"(.+\.\w+):([^/:\\]+)", source)
    return (source, None) if match is None or os.path.exists(source) else (match[1], match[2])


def _choose(file: Path, found: list[Direction], chosen: str) -> Direction:
    names = [direction.name for direction in found]
    for name in (chosen, f"{file.stem}:{chosen}"):
        if name in names:
            return found[names.index(name)]
    if chosen.isdecimal() and int(chosen) < len(found):
        return found[int(chosen)]
    raise CheckpointError(
        f"{file} holds {len(found)} directions, none is {chosen}: use a number from 0 to {len(found) - 1}, or one of "
        f"{', '.join(names[:6])}."
    )


def fit(file: Path, prior: Prior, held: Held, placed: Placed) -> list[Direction]:
    """What a file holds as directions of a prior, in the space that :func:`gprior_jax.runs.placing.place` found.

    Raises:
        CheckpointError: they are for layers that the prior does not have.
    """
    layers = None if placed.space == "z" else held.layers
    if layers is not None and max(layers) >= prior.num_styles:
        raise CheckpointError(
            f"{file} is for layers {layers[0]} to {layers[-1]} of its prior: {prior} has {prior.num_styles} styles, 0 "
            f"to {prior.num_styles - 1}."
        )
    single = len(placed.vectors) == 1
    names = held.names or (file.stem,)
    found = []
    for i, vector in enumerate(placed.vectors):
        name = names[i] if len(names) == len(placed.vectors) else f"{names[0]}:{i}"
        lengths = np.ones(1) if held.own else _lengths(vector)
        unit = vector / lengths
        deviation = None if held.deviations is None else float(held.deviations[i] * lengths.max())
        offset = held.offset if single else None
        if held.mean is not None and unit.shape == held.mean.shape:
            offset = float(unit @ held.mean)
        found.append(Direction(unit, placed.space, layers, name, deviation, offset))
    return found


def _lengths(vector: np.ndarray) -> np.ndarray:
    """What a direction is divided by: its length, of rows that of the longest (of equal lengths each its own)."""
    norms = np.linalg.norm(vector, axis=-1, keepdims=True)
    longest = norms.max()
    return norms if (np.abs(norms - longest) < 1e-3 * longest).all() else longest[None]
