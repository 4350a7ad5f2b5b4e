"""``gprior directions``."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.telling import print_json, say, warn
from gprior_jax.editing.directions import Direction
from gprior_jax.editing.spread import measure_deviations
from gprior_jax.errors import ArgumentError, CheckpointError, GPriorError
from gprior_jax.generators.prior import Prior
from gprior_jax.runs import codes
from gprior_jax.runs.directions import fit, hold_file, read_directions
from gprior_jax.runs.held import Held
from gprior_jax.runs.hints import are_numbers, is_one_row
from gprior_jax.runs.names import as_text
from gprior_jax.runs.placing import DoubtError, place
from gprior_jax.runs.sources import split_source

_MOST_TOLD = 8
"""Directions of one file that are told one by one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Directions(JsonFlag):
    """Say what files of directions hold: directions or codes, how many, of which space and why, and for which layers.

    Attributes:
        files: .npy, .npz, .pt or .pkl files of this or another program; with their space before them as in w:age.npy,
            which goes before --space, and with one of several directions behind it as in sefa.npy:3.
        model: bundled name ("builtin", "builtin:portraits", "builtin:cells") or model folder that they are to fit.
        space: of directions whose file does not say it: z, w, or w_plus (a row for every layer); auto goes by the shape
            and by the file's name.
    """

    files: Annotated[tuple[str, ...], conf.Positional]
    model: str = "builtin"
    space: Literal["auto", "z", "w", "w_plus"] = "auto"

    def run(self) -> int:
        """Tell of every file; the exit code is 1 if one of several cannot be used with the prior, 2 if the only one.

        Raises:
            ArgumentError: no file.
        """
        if not self.files:
            raise ArgumentError("directions needs a file: name .npy, .npz, .pt or .pkl files.")
        prior = zoo.load(self.model)
        told: list[dict[str, Any]] = []
        failed = False
        for file in self.files:
            try:
                found = self._tell(prior, file)
            except GPriorError as error:
                if len(self.files) == 1:
                    raise
                warn(str(error))
                found = [{"file": file, "kind": None, "error": str(error)}]
            told += found
            failed |= any("error" in facts for facts in found)
        if self.json:
            print_json({"model": self.model, "files": told})
        if not failed:
            return 0
        return 2 if len(self.files) == 1 else 1

    def _tell(self, prior: Prior, source: str) -> list[dict[str, Any]]:
        """Facts about one file, told unless as JSON."""
        own, name = split_source(source)
        path = Path(name).expanduser()
        chosen = not path.exists()
        if chosen:  # One of several; or nothing, which is said.
            directions = read_directions(source, prior, self._space, warn, self.model)
            facts = [{"file": source, "kind": "directions"} | _of_directions(prior, directions, None)]
        else:
            helds = hold_file(path)
            if not helds:
                raise CheckpointError(f"{path} holds no arrays of numbers: give a file with directions or codes.")
            facts = [self._facts(prior, source, path, held, own or self._space) for held in helds]
        for entry in facts if not self.json else ():
            say(_sentence(entry))
        return facts

    @property
    def _space(self) -> Any:
        return None if self.space == "auto" else self.space

    def _facts(self, prior: Prior, source: str, path: Path, held: Held, space: Any) -> dict[str, Any]:
        """What is told of one array of a file."""
        facts: dict[str, Any] = {
            "file": source,
            "kind": held.kind if held.kind != "unclear" else "directions",
            "form": held.form,
            "because": held.why,
            "shape": list(held.shape),
            "dtype": held.dtype,
        }
        if held.kind in ("codes", "statistics"):
            return facts | _of_codes(prior, held)
        facts |= {"norms": _norms(held), "layers": None if held.layers is None else list(held.layers)}
        assumed: list[str] = []
        try:
            placed = place(path, prior, held, space, assumed.append)
            directions = fit(path, prior, held, placed)
        except CheckpointError as error:
            flag = " --space names it for all files." if isinstance(error, DoubtError) else ""
            warn(f"{error}{flag}")
            said = {"space": held.space.what, "space_because": held.space.why or None}
            return facts | said | {"number": _number(held), "error": str(error)}
        for sentence in assumed:
            warn(sentence)
        found = facts | {"space_because": placed.why, "assumed": assumed}
        return found | _of_directions(prior, directions, held)


def _of_directions(prior: Prior, directions: list[Direction], held: Held | None) -> dict[str, Any]:
    """What is told of directions that fit a prior."""
    first = directions[0]
    stored = [direction.deviation for direction in directions]
    return {
        "space": first.space,
        "number": len(directions),
        "each": list(first.vector.shape),
        "layers": None if first.layers is None else list(first.layers),
        "names": [direction.name for direction in directions],
        "deviations": [round(each.deviation or 0.0, 6) for each in measure_deviations(prior, directions)],
        "deviations_in_file": None if held is None or held.deviations is None else stored,
    }


def _of_codes(prior: Prior, held: Held) -> dict[str, Any]:
    """What is told of codes: which spaces of the prior their shape fits."""
    spaces = [space for space in ("z", "w", "w_plus") if codes.fits(prior, space, held.shape)]
    said = held.space.what
    fitting = [space for space in spaces if said is None or (space == "z") == (said == "z")]
    return {"number": len(held.vectors), "fits": fitting if held.kind == "codes" else []}


def _number(held: Held) -> int:
    """Of directions that fit no prior at hand: one row for every layer is one."""
    rows = held.vectors
    return 1 if rows.ndim == 2 and are_numbers(rows) and is_one_row(rows) else len(rows)


def _norms(held: Held) -> list[float] | None:
    """The smallest and the largest norm of a row, but of rows of zeros; None where numbers are not finite."""
    if not are_numbers(held.vectors):
        return None
    norms = np.linalg.norm(np.asarray(held.vectors, np.float64), axis=-1)
    norms = norms[norms > 0] if norms.any() else norms
    return [float(f"{norms.min():.4g}"), float(f"{norms.max():.4g}")]


def _sentence(facts: dict[str, Any]) -> str:
    """The facts about one array, in a few lines."""
    name, number = as_text(facts["file"]), facts["number"]
    kind = facts["kind"] if number != 1 else facts["kind"].removesuffix("s")
    form = f" ({', '.join(filter(None, (facts['form'], facts['because'])))})" if "form" in facts else ""
    lines = [f"{name}: {number} {kind}{form}"] if kind != "statistics" else [f"{name}: statistics{form}, no directions"]
    if "shape" in facts:
        lines.append(f"  stored as {facts['dtype']} {facts['shape']}{_told_norms(facts)}")
    if "fits" in facts and kind != "statistics":
        fitting = " or ".join(facts["fits"])
        lines.append(f"  codes {fitting} of the prior, for gprior morph, mix, ..." if fitting else "  of another prior")
    if "error" in facts:
        return "\n".join(lines)
    if "space" in facts:
        because = f", by {facts['space_because']}" if facts.get("space_because") else ""
        lines.append(f"  space {facts['space']}, each {facts['each']}{because}")
        plural = "s" * (len(facts["layers"] or ()) > 1)
        lines.append(f"  for layer{plural} {_ranges(facts['layers'])}" if facts["layers"] else "  for all layers")
        lines += _told_deviations(facts)
    return "\n".join(lines)


def _told_norms(facts: dict[str, Any]) -> str:
    if facts.get("norms") is None:
        return ""
    low, high = facts["norms"]
    return f", rows of norm {low:.4g}" + (f" to {high:.4g}" if high - low > 1e-3 * high else "")


def _told_deviations(facts: dict[str, Any]) -> list[str]:
    """Strength 1 of each direction, the first of many."""
    stored = facts["deviations_in_file"] or [None] * facts["number"]
    rows = list(zip(facts["names"], facts["deviations"], stored, strict=True))
    lines = [
        f"  {as_text(name)}: a standard deviation of the prior's codes is {deviation:.4g} along it"
        + (f" ({own:.4g} by the file)" if own is not None else "")
        for name, deviation, own in rows[:_MOST_TOLD]
    ]
    return lines + ([f"  and {len(rows) - _MOST_TOLD} more (--json tells all)"] if len(rows) > _MOST_TOLD else [])


def _ranges(layers: list[int]) -> str:
    """Layers in words.

    >>> _ranges([0, 1, 2, 5])
    '0-2, 5'
    """
    parts: list[list[int]] = []
    for layer in layers:
        if parts and layer == parts[-1][1] + 1:
            parts[-1][1] = layer
        else:
            parts.append([layer, layer])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
