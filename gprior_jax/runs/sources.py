"""Where points come from: seeds, files of codes, and what ``gprior invert`` wrote."""

import os
import re
import zipfile
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gprior_jax.editing.points import Point, Variables
from gprior_jax.errors import CheckpointError, GPriorError
from gprior_jax.generators.labels import as_labels, with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import check_styles
from gprior_jax.generators.synthesis import sample_z
from gprior_jax.keys import seeded
from gprior_jax.latents import Parametrization
from gprior_jax.latents.parametrization import KINDS
from gprior_jax.runs.entries import REMEDY, read_records
from gprior_jax.runs.inversion import EACH
from gprior_jax.runs.record import Record, read_record
from gprior_jax.storage.atomic import read_json

FORMS = "seed:NUMBER, draw:NUMBER, an .npz or .npy file of codes, or a folder that gprior invert wrote"

_DRAWN = re.compile(r"(seed|draw):(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)(?:@(\d+))?")
_MOST_DRAWS = 100_000


def read_points(prior: Prior, source: str, seed: int = 0, label: int | None = None) -> list[Point]:
    """The points that a source names, in order.

    Args:
        prior: the generator.
        source: ``"seed:7"``, the code of that seed; ``"draw:5"``, number 5 (from 0) of the codes that ``gprior generate
            --seed SEED`` draws; several as ``"seed:1,2,5-8"``, of class 3 as ``"seed:7@3"``. An ``.npz`` file of
            ``gprior invert``, or its folder: all its images. An ``.npz`` file with codes named ``z``, ``w`` or
            ``w_plus`` (and ``label``), or an ``.npy`` file with codes: styles where they have their shape, else z.
        seed: of ``draw:``.
        label: class of codes z of a conditional prior, where the source names none.

    Raises:
        GPriorError: no such source, no codes in it, or codes of another prior.

    >>> import gprior_jax as gp
    >>> [point.name for point in read_points(gp.load("builtin"), "seed:7,9")]
    ['seed:7', 'seed:9']
    """
    if drawn := _DRAWN.fullmatch(source):
        return _draw(prior, drawn, seed, label)
    path = Path(os.path.expanduser(source))
    if not path.exists():
        raise GPriorError(f"{source} does not exist: give {FORMS}.")
    if path.is_dir():
        return _read_folder(prior, path)
    if path.suffix.lower() not in (".npz", ".npy"):
        raise GPriorError(f"{source} holds no codes: gprior invert finds those of a picture; give {FORMS}.")
    arrays = _load(path)
    if "about" in arrays:
        if not (path.parent / "run.json").exists():
            raise GPriorError(f"{source} has no run.json beside it: leave it in the folder that gprior invert wrote.")
        return [_inverted(prior, path, read_json(path.parent / "run.json", REMEDY), read_record(path))]
    return _plain(prior, path, arrays, label)


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


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with open(path, "rb") as file:
            loaded = np.load(file)
            if isinstance(loaded, np.ndarray):
                return {"": loaded}
            return {name: loaded[name] for name in loaded.files if name in ("about", *_SPACES, "label")}
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is no file of arrays, or damaged ({error}): give {FORMS}.") from error


_SPACES = ("w_plus", "w", "z")


def _plain(prior: Prior, path: Path, arrays: dict[str, np.ndarray], label: int | None) -> list[Point]:
    """Codes that a file holds as arrays."""
    name = next((name for name in ("", *_SPACES) if name in arrays), None)
    if name is None:
        raise CheckpointError(f"{path} holds no array z, w or w_plus: save codes under the name of their space.")
    values = arrays[name]
    space, shape = _space(prior, name, values.shape)
    if values.shape[-len(shape) :] != shape or values.dtype.kind != "f" or not np.isfinite(values).all():
        raise CheckpointError(
            f"{path} holds {values.dtype} of shape {values.shape}: {prior} takes finite floats "
            f"[..., {', '.join(map(str, shape))}] as {space}."
        )
    rows = values.reshape(-1, *shape).astype(np.float32)
    labels: list[Variables] = [{}] * len(rows)
    if space == "z":
        labels = _labels(prior, str(path), arrays.get("label", label), len(rows))
    names = [str(path) if len(rows) == 1 else f"{path}:{i}" for i in range(len(rows))]
    return [Point(names[i], {space: rows[i]} | labels[i]) for i in range(len(rows))]


def _space(prior: Prior, name: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """The space of an array, and the shape of one code there. NVIDIA's projector saves styles under the name w."""
    if name in ("w", "w_plus"):
        check_styles(prior)
    if prior.num_styles and name != "z":
        styles = (prior.num_styles, prior.w_dim)
        if name == "w_plus" or (shape[-2:] == styles and (name == "" or len(shape) > 2)):
            return "w_plus", styles
        if name == "w":
            return "w", styles[1:]
    return "z", (prior.z_dim,)


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
    own = variables.pop("label", None)  # Where every image has a class of its own.
    label = own if label == EACH else label
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
    if prior.num_classes:
        variables = variables | {"label": np.asarray(held.label)}
    weights = run["settings"].get("prior", {}).get("weights")
    return Point(str(path), variables, parametrization, model, weights)


def _parametrization(path: Path, run: dict[str, Any]) -> Parametrization:
    """What ``run.json`` says that the variables are."""
    try:
        recipe = run["settings"]["recipe"]
        while "then" in recipe:  # The result is the last stage's.
            recipe = recipe["then"]
        about = dict(recipe["parametrization"])
        kind: Any = KINDS[about.pop("kind")]
        return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in about.items()})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CheckpointError(
            f"{path.parent / 'run.json'} names no parametrisation that this version has: invert the picture again."
        ) from None
