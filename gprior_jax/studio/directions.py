"""The directions that the studio has sliders for: the prior's own, those found without labels, and read files."""

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from gprior_jax.editing.directions import Direction
from gprior_jax.editing.spread import measure_deviations
from gprior_jax.editing.unsupervised import Found, ganspace, sefa
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.latents import default_layer
from gprior_jax.runs.directions import own_directions
from gprior_jax.runs.directions_file import about_direction, about_model, load_direction, save_direction
from gprior_jax.studio.direction_files import MOST, plain, read_sent
from gprior_jax.studio.known import Kind, Known, title_of, unlike
from gprior_jax.summary import fingerprint

LOG = logging.getLogger("gprior_jax.studio")

NUM_FOUND = 8
"""Directions of SeFa, and as many of GANSpace."""

_MOST_READ = 16 * MOST
"""Directions of sessions that are kept in memory."""

_SAMPLES = 1000
"""Of GANSpace, where there are no styles: the bundled prior takes 5 s."""


class Added(NamedTuple):
    """What has come of a file of directions.

    Attributes:
        names: of its directions.
        remarks: sentences about them.
    """

    names: list[str]
    remarks: list[str]


class Directions:
    """The directions of a prior, and those of sessions."""

    def __init__(self, prior: Prior, model: str, folder: Path):
        """Know those that the prior comes with, and what was found before; else once :meth:`find` has found it.

        Args:
            prior: the generator.
            model: its name or folder.
            folder: for what is found, to be there at the next start.
        """
        self._prior, self._model, self._folder = prior, model, folder
        self._weights = fingerprint(prior.params)
        paths = own_directions(prior, model)
        self._own = {name: self._known(path, "boundary", name) for name, path in paths.items()}
        for kind in _FINDERS:  # Those of an earlier start at once: edits that are kept need them.
            self._own |= self._kept(kind)
        self._read: dict[Path, Known] = {}
        self._done, self._adding = threading.Event(), threading.Lock()

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is looked for."""
        return self._done.is_set()

    def known(self, session: Path | None = None) -> dict[str, Known]:
        """All by name; with a session's folder also those that were added to it, none of which hides another.

        A name that a page was told stays: one of the prior that has come later is called otherwise where a session has
        added another of its name. What is found has names of its own, which nothing that is added takes.
        """
        files: dict[str, Known] = {}
        added = {} if session is None else self._of(session)
        for name, known in added.items():
            files[unlike(name, self._taken({*files, *added} - {name}))] = known
        own = self._own.items()
        return {unlike(name, {*self._own, *files}) if name in files else name: known for name, known in own} | files

    def _taken(self, names: Iterable[str]) -> set[str]:
        """Some names and those of what is still looked for."""
        return {*names, *(f"{kind}_{number}" for kind in _FINDERS for number in range(NUM_FOUND))}

    def add(self, session: Path, file: str, content: bytes) -> Added:
        """Add the directions of a file to a session; see :func:`gprior_jax.studio.direction_files.read_sent`."""
        sent = read_sent(file, content, self._prior, self._model)
        measured = self._measured(sent.directions)
        with self._adding:  # Names that are free are so until they are taken.
            return Added(self._write(session, sent.file, measured), sent.remarks)

    def _write(self, session: Path, file: str, directions: Sequence[Direction]) -> list[str]:
        """Write directions of a file into a session; gives their names.

        Raises:
            ArgumentError: they are too many.
            FileNotFoundError: the session was removed meanwhile.
        """
        before, taken = len(self._of(session)), self._taken(self.known(session))
        if len(directions) + before > 4 * MOST:
            raise ArgumentError(f"the session has {before} directions of files: begin another session.")
        (session / "directions").mkdir(exist_ok=True)
        of_file = {"kind": "file", "file": file} | about_model(self._prior, self._model)
        names: list[str] = []
        for direction in directions:
            own = unlike(plain(direction.name) or "direction", {*taken, *names})
            path = session / "directions" / f"{own}.npz"
            save_direction(path, dataclasses.replace(direction, name=own), of_file | {"title": direction.name})
            names.append(own)
        return names

    def _of(self, session: Path) -> dict[str, Known]:
        """What was added to a session."""
        found: dict[str, Known] = {}
        for path in sorted((session / "directions").glob("*.npz")):
            known = self._read.get(path)
            if known is None:
                if len(self._read) >= _MOST_READ:
                    self._read.clear()  # Of sessions that nobody has open: what is needed is read again.
                try:
                    about = about_direction(path)
                    if about.get("weights") not in (None, self._weights):  # The studio had another prior then.
                        continue
                    known = self._known(path, "file", about.get("title") or path.stem)
                except GPriorError as error:
                    LOG.warning("a direction of a session is passed over: %s", error)
                    continue
                self._read[path] = known
            found[path.stem] = known
        return found

    def _known(self, path: Path, kind: Kind, title: str) -> Known:
        [direction] = self._measured([load_direction(path)])
        own = kind == "boundary"
        return Known(direction, kind, title_of(str(title)), path.stem if own else str(path.absolute()))

    def _measured(self, found: Sequence[Direction]) -> list[Direction]:
        """With deviations, as ``gprior edit`` takes them: the file's, else measured."""
        return [each if each.deviation else measure_deviations(self._prior, [each])[0] for each in found]

    def find(self) -> None:
        """Find directions without labels, which takes seconds, where no earlier start has."""
        try:
            prior = prepare(self._prior)
            for kind in _FINDERS:
                if all(known.kind != kind for known in self._own.values()):
                    self._own = self._own | self._new(prior, kind)
        except Exception:  # Sliders are missing then, and nothing else.
            LOG.exception("directions could not be found")
        finally:
            self._done.set()

    def _kept(self, kind: Kind) -> dict[str, Known]:
        """What an earlier start has found with these weights; nothing where it was ended before all was written."""
        found: dict[str, Known] = {}
        wanted = None
        for number in range(NUM_FOUND):
            path = self._folder / f"{kind}_{number}.npz"
            try:
                about = about_direction(path)
                if about.get("weights") != self._weights:
                    return {}
                wanted = about.get("of")
                found[path.stem] = self._known(path, kind, _TITLES[kind].format(number + 1))
            except (GPriorError, OSError):
                break
        return found if len(found) == wanted else {}

    def _new(self, prior: Prior, kind: Kind) -> dict[str, Known]:
        try:
            found = _FINDERS[kind](prior)
        except ArgumentError as error:  # A generator that does not tell its matrices, say.
            LOG.info("no directions of %s: %s", kind, error)
            return {}
        directions = measure_deviations(prior, [each.direction for each in found])
        own, known = about_model(prior, self._model), dict[str, Known]()
        for number, (direction, each) in enumerate(zip(directions, found, strict=True)):
            name = f"{kind}_{number}"
            path = self._folder / f"{name}.npz"
            direction = dataclasses.replace(direction, name=name)
            save_direction(path, direction, {"kind": kind, "value": each.value, "of": len(found)} | own)
            known[name] = Known(direction, kind, _TITLES[kind].format(number + 1), str(path.absolute()))
        return known


def _sefa(prior: Prior) -> list[Found]:
    return sefa(prior, min(NUM_FOUND, prior.w_dim if prior.num_styles else prior.z_dim))


def _ganspace(prior: Prior) -> list[Found]:
    if prior.num_styles:
        return ganspace(prior, min(NUM_FOUND, prior.w_dim))
    # Half way to where codes are composed, features are still few, and already vary with the picture (8 px of 64).
    layer = max(1, default_layer(prior) // 2)
    return ganspace(prior, min(NUM_FOUND, prior.z_dim), features_at=layer, samples=_SAMPLES)


_FINDERS: dict[Kind, Callable[[Prior], list[Found]]] = {"sefa": _sefa, "ganspace": _ganspace}
_TITLES = {"sefa": "SeFa {}", "ganspace": "GANSpace {}"}
