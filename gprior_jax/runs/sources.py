"""Where points come from: seeds, files of codes, and what ``gprior invert`` wrote."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np

from gprior_jax.editing.points import Point, Variables
from gprior_jax.errors import CheckpointError, GPriorError
from gprior_jax.generators.labels import as_labels, with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.synthesis import sample_z
from gprior_jax.keys import seeded
from gprior_jax.latents import Parametrization
from gprior_jax.latents.parametrization import KINDS
from gprior_jax.runs import codes
from gprior_jax.runs.codes import Space
from gprior_jax.runs.entries import read_records, run_of
from gprior_jax.runs.held import SUFFIXES
from gprior_jax.runs.record import Record, read_record

FORMS = "seed:NUMBER, draw:NUMBER, an .npz, .npy or .pt file of codes, or a folder that gprior invert wrote"

Tell = Callable[[str], None]

_PREFIXED = re.compile(r"(z|w|w_plus):(.+)")

_DRAWN = re.compile(r"(seed|draw):(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)(?:@(\d+))?")
_MOST_DRAWS = 100_000


def read_points(
    prior: Prior,
    source: str,
    seed: int = 0,
    label: int | None = None,
    space: Space | None = None,
    tell: Tell = lambda sentence: None,
) -> list[Point]:
    """The points that a source names, in order.

    Args:
        prior: the generator.
        source: ``"seed:7"``, the code of that seed; ``"draw:5"``, number 5 (from 0) of the codes that ``gprior generate
            --seed SEED`` draws; several as ``"seed:1,2,5-8"``, of class 3 as ``"seed:7@3"``. An ``.npz`` file of
            ``gprior invert`` or ``gprior serve``, or a folder of the former: all its images. An ``.npz`` file with
            codes named ``z``, ``w`` or ``w_plus`` (and ``label``), an ``.npy`` or a ``.pt`` file with codes, see
            :mod:`gprior_jax.runs.codes`; with their space before them, as in ``"w:codes.npy"``, which goes before
            ``space``.
        seed: of ``draw:``.
        label: class of codes z of a conditional prior, where the source names none.
        space: of codes in files that do not name it; None goes by their shape.
        tell: called with a sentence where that leaves a doubt.

    Raises:
        GPriorError: no such source, no codes in it, or codes of another prior.

    >>> import gprior_jax as gp
    >>> [point.name for point in read_points(gp.load("builtin"), "seed:7,9")]
    ['seed:7', 'seed:9']
    """
    if drawn := _DRAWN.fullmatch(source):
        return _draw(prior, drawn, seed, label)
    own, source = split_source(source)
    space = own or space
    path = Path(os.path.expanduser(source))
    if not path.exists():
        raise GPriorError(f"{source} does not exist: give {FORMS}.")
    if path.is_dir():
        return _read_folder(prior, path)
    if path.suffix.lower() not in SUFFIXES:
        raise GPriorError(f"{source} holds no codes: gprior invert finds those of a picture; give {FORMS}.")
    content = codes.load_content(prior, path, tell)
    if codes.is_inversion(content):
        return [_inverted(prior, path, run_of(path), read_record(path))]
    return _plain(prior, path, codes.group(path, content), label, space, tell)


def split_source(source: str) -> tuple[Space | None, str]:
    """A source's own space and the file, of one such as ``"w:codes.npy"``.

    >>> split_source("w:codes.npy"), split_source("codes.npy")
    (('w', 'codes.npy'), (None, 'codes.npy'))
    """
    prefixed = _PREFIXED.fullmatch(source)
    if prefixed is None or os.path.exists(source):
        return None, source
    return cast(Space, prefixed[1]), prefixed[2]


def _draw(prior: Prior, drawn: re.Match[str], seed: int, label: int | None) -> list[Point]:
    kind, listed, own = drawn.groups()
    ends = [[int(end) for end in part.split("-")] for part in listed.split(",")]
    count = sum(max(0, pair[-1] - pair[0] + 1) for pair in ends)
    if not 0 < count <= _MOST_DRAWS or max(map(max, ends)) >= (2**32 if kind == "seed" else _MOST_DRAWS):
        raise GPriorError(f"{drawn[0]} names no codes, or too many: use numbers such as {kind}:7 or {kind}:0-3.")
    numbers = [number for pair in ends for number in range(pair[0], pair[-1] + 1)]
    if kind == "seed":
        z = [sample_z(prior, seeded(number), 1)[0] for number in numbers]
    else:
        z = np.asarray(sample_z(prior, seeded(seed), max(numbers) + 1))[numbers]
    label = int(own) if own is not None else label
    labels = _labels(prior, drawn[0], label, len(numbers))
    suffix = "" if own is None else f"@{own}"
    names = [f"{kind}:{number}{suffix}" for number in numbers]
    return [Point(name, {"z": np.asarray(z[i])} | labels[i]) for i, name in enumerate(names)]


def _labels(prior: Prior, name: str, label: Any, count: int) -> list[Variables]:
    """``{"label": [num_classes]}`` for each of some codes z; empty for a prior without classes."""
    if label is None and prior.num_classes:
        raise GPriorError(
            f"{name} needs a class, as {prior} is conditional: give a label, or seed:7@0 (0 to "
            f"{prior.num_classes - 1})."
        )
    rows = as_labels(prior, label, (count,))
    return [{} if rows is None else {"label": np.asarray(rows[i])} for i in range(count)]


def _plain(
    prior: Prior,
    path: Path,
    groups: dict[str, dict[str, np.ndarray]],
    label: int | None,
    space: Space | None,
    tell: Tell,
) -> list[Point]:
    """Codes that a file holds as arrays, by the pictures that they belong to."""
    points: list[Point] = []
    for of, arrays in groups.items():
        found = codes.read_codes(prior, path, arrays, space, tell, of)
        labels: list[Variables] = [{}] * len(found.rows)
        if found.space == "z":
            labels = _labels(prior, str(path), label if found.label is None else found.label, len(found.rows))
        rows = zip(found.names, found.rows, labels, strict=True)
        points += [Point(name, {found.space: row} | own) for name, row, own in rows]
    return points


def _read_folder(prior: Prior, folder: Path) -> list[Point]:
    if not (folder / "run.json").exists():
        raise GPriorError(f"{folder} is no folder of gprior invert (it has no run.json): give {FORMS}.")
    run, records = read_records(folder)
    points = [_inverted(prior, folder / f"{record.name}.npz", run, record) for record in records]
    if not points:
        raise GPriorError(f"{folder} holds no finished images: run gprior invert again to finish them.")
    return points


def _inverted(prior: Prior, path: Path, run: dict[str, Any], record: Record) -> Point:
    """An image of an inversion, at its best sample."""
    variables = dict(record.variables)
    if len(record.samples):
        variables = {name: values[0] for name, values in variables.items()}
    parametrization, label, model = _parametrization(path, run), run["settings"].get("label"), run.get("model")
    own = variables.get("label")  # Where every image has a class of its own.
    label = label if own is None else own
    is_mapped = "z" in variables or ("codes" in variables and getattr(parametrization, "space", "z") == "z")
    if own is not None and prior.label is not None and is_mapped:
        raise GPriorError(f"{path} has a class of its own, and {prior} is held to one: name any class to free it.")
    held = prior
    try:
        held = prior if label is None else with_label(prior, np.asarray(label, np.float32))
        parametrization = parametrization.fit(held)
        wanted = jax.eval_shape(parametrization.init, held, jax.random.key(0))
        fits = all(name in variables and variables[name].shape == leaf.shape for name, leaf in wanted.items())
    except ValueError:
        fits = False
    if not fits:
        raise GPriorError(
            f"{path} does not fit {prior}: name the prior it was made with{f', {model}' if model else ''}."
        )
    variables.pop("label", None)
    if prior.num_classes:
        variables["label"] = np.asarray(held.label)
    weights = run["settings"].get("prior", {}).get("weights")
    return Point(str(path), variables, parametrization, model, weights)


def _parametrization(path: Path, run: dict[str, Any]) -> Parametrization:
    """What a run says that the variables are."""
    try:
        recipe = run["settings"]["recipe"]
        while "then" in recipe:  # The result is the last stage's.
            recipe = recipe["then"]
        about = dict(recipe["parametrization"])
        kind: Any = KINDS[about.pop("kind")]
        return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in about.items()})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CheckpointError(
            f"the run of {path} names no parametrisation that this version has: invert the picture again."
        ) from None
