"""The directions that the studio has sliders for: the prior's own, those found without labels, and read files."""

import dataclasses
import io
import logging
import re
import tempfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gprior_jax.editing.directions import Direction
from gprior_jax.editing.spread import measure_deviations
from gprior_jax.editing.unsupervised import Found, ganspace, sefa
from gprior_jax.errors import ArgumentError, CheckpointError, GPriorError
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.latents import default_layer
from gprior_jax.runs.directions import own_directions, read_directions
from gprior_jax.runs.directions_file import about_direction, about_model, is_direction, load_direction, save_direction
from gprior_jax.summary import fingerprint

LOG = logging.getLogger("gprior_jax.studio")

Kind = Literal["boundary", "sefa", "ganspace", "file"]

NUM_FOUND = 8
"""Directions of SeFa, and as many of GANSpace."""

MOST = 64
"""Directions that one file may hold: a slider each."""

_MOST_READ = 16 * MOST
"""Directions of sessions that are kept in memory."""

RANGE = (-3, 3)
"""Of sliders, in deviations, as of the published strips."""

_MOST_BYTES = 100_000_000
"""Of what an archive holds: the largest published ones hold some megabytes, and zeros are sent a thousand times smaller
than they are read."""

_SAMPLES = 1000
"""Of GANSpace, where there are no styles: the bundled prior takes 5 s."""


class Known(NamedTuple):
    """A direction with what is told of it.

    Attributes:
        direction: with its deviation.
        kind: where it comes from.
        title: for people.
        source: what ``--along`` and :func:`gprior_jax.runs.read_directions` take for it.
    """

    direction: Direction
    kind: Kind
    title: str
    source: str


class Directions:
    """The directions of a prior, and those of sessions."""

    def __init__(self, prior: Prior, model: str, folder: Path):
        """Know those that the prior comes with; SeFa's and GANSpace's once :meth:`find` has found them.

        Args:
            prior: the generator.
            model: its name or folder.
            folder: for what is found, to be there at the next start.
        """
        self._prior, self._model, self._folder = prior, model, folder
        self._weights = fingerprint(prior.params)
        paths = own_directions(prior, model)
        self._own = {name: self._known(path, "boundary", name) for name, path in paths.items()}
        self._read: dict[Path, Known] = {}
        self._done, self._adding = threading.Event(), threading.Lock()

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is looked for."""
        return self._done.is_set()

    def known(self, session: Path | None = None) -> dict[str, Known]:
        """All by name; with a session's folder also those that were added to it."""
        return dict(self._own) | ({} if session is None else self._of(session))

    def add(self, session: Path, file: str, content: bytes) -> list[str]:
        """Add the directions of a file to a session; gives their names.

        Args:
            session: its folder.
            file: the name that the client gives, of which no more than letters and digits count; what the file is, its
                content says.
            content: of an ``.npy``, ``.npz``, ``.pt`` or ``.pkl`` file.

        Raises:
            GPriorError: no directions, those of another prior, or too many.
        """
        stem = _plain(Path(file.replace("\\", "/")).stem) or "direction"
        name = stem + _ending(content)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            try:
                found = read_directions(path, self._prior)
                self._check_weights(path)
            except GPriorError as error:
                raise CheckpointError(str(error).replace(f"{folder}/", "").replace(folder, "")) from None
        if len(found) > MOST:
            raise ArgumentError(f"{name} holds {len(found)} directions: send a file of at most {MOST}.")
        measured = self._measured(found)
        with self._adding:  # Names that are free are so until they are taken.
            return self._write(session, name, measured)

    def _write(self, session: Path, file: str, directions: Sequence[Direction]) -> list[str]:
        """Write directions of a file into a session; gives their names.

        Raises:
            ArgumentError: they are too many.
            FileNotFoundError: the session was removed meanwhile.
        """
        before, taken = len(self._of(session)), self.known(session)
        if len(directions) + before > 4 * MOST:
            raise ArgumentError(f"the session has {before} directions of files: begin another session.")
        (session / "directions").mkdir(exist_ok=True)
        of_file = {"kind": "file", "file": file} | about_model(self._prior, self._model)
        names: list[str] = []
        for direction in directions:
            own = _unlike(_plain(direction.name) or "direction", {*taken, *names})
            path = session / "directions" / f"{own}.npz"
            save_direction(path, dataclasses.replace(direction, name=own), of_file | {"title": direction.name})
            names.append(own)
        return names

    def _check_weights(self, path: Path) -> None:
        """Whether a file that tells its prior is of this one; the shape alone does not say so.

        Raises:
            CheckpointError: it is of another.
        """
        about = about_direction(path) if is_direction(path) else {}
        if about.get("weights", self._weights) != self._weights:
            raise CheckpointError(
                f"{path} is a direction of {about.get('model', 'another prior')}, and this prior has other weights: "
                "choose one of its own, or send the vector alone as an .npy file."
            )

    def _of(self, session: Path) -> dict[str, Known]:
        """What was added to a session."""
        found: dict[str, Known] = {}
        for path in sorted((session / "directions").glob("*.npz")):
            known = self._read.get(path)
            if known is None:
                if len(self._read) >= _MOST_READ:
                    self._read.clear()  # Of sessions that nobody has open: what is needed is read again.
                try:
                    known = self._known(path, "file", about_direction(path).get("title") or path.stem)
                except GPriorError as error:
                    LOG.warning("a direction of a session is passed over: %s", error)
                    continue
                self._read[path] = known
            found[path.stem] = known
        return found

    def _known(self, path: Path, kind: Kind, title: str) -> Known:
        [direction] = self._measured([load_direction(path)])
        own = kind == "boundary"
        return Known(direction, kind, _title(str(title)), path.stem if own else str(path.absolute()))

    def _measured(self, found: Sequence[Direction]) -> list[Direction]:
        """With deviations, as ``gprior edit`` takes them: the file's, else measured."""
        return [each if each.deviation else measure_deviations(self._prior, [each])[0] for each in found]

    def find(self) -> None:
        """Find directions without labels, which takes seconds; or those that an earlier start has found."""
        try:
            prior = prepare(self._prior)
            for kind in ("sefa", "ganspace"):
                self._own = self._own | (self._kept(kind) or self._new(prior, kind))
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
            except CheckpointError:
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


def told(known: Mapping[str, Known]) -> list[dict[str, Any]]:
    """Directions for the page."""
    return [
        {
            "name": name,
            "title": each.title,
            "kind": each.kind,
            "space": each.direction.space,
            "layers": _layers(each.direction.layers),
            "deviation": each.direction.deviation,
            "range": list(RANGE),
        }
        for name, each in known.items()
    ]


def _sefa(prior: Prior) -> list[Found]:
    return sefa(prior, min(NUM_FOUND, prior.w_dim if prior.num_styles else prior.z_dim))


def _ganspace(prior: Prior) -> list[Found]:
    if prior.num_styles:
        return ganspace(prior, min(NUM_FOUND, prior.w_dim))
    # Half way to where codes are composed, features are still few, and already vary with the picture (8 px of 64).
    layer = max(1, default_layer(prior) // 2)
    return ganspace(prior, min(NUM_FOUND, prior.z_dim), features_at=layer, samples=_SAMPLES)


_FINDERS = {"sefa": _sefa, "ganspace": _ganspace}
_TITLES = {"sefa": "SeFa {}", "ganspace": "GANSpace {}"}


def _layers(layers: tuple[int, ...] | None) -> str | None:
    """Style layers as :func:`gprior_jax.editing.style_layers` takes them.

    >>> _layers((0, 1, 2, 5)), _layers(None)
    ('0-2,5', None)
    """
    if layers is None:
        return None
    starts = [layer for layer in layers if layer - 1 not in layers]
    ends = [layer for layer in layers if layer + 1 not in layers]
    return ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in zip(starts, ends, strict=True))


def _title(name: str) -> str:
    """A name for people.

    >>> _title("open_mouth"), _title("SeFa 1")
    ('Open mouth', 'SeFa 1')
    """
    words = name.replace("_", " ").strip()[:60]
    return words[:1].upper() + words[1:]


def _plain(name: str) -> str:
    """A name of letters, digits and few signs, which is fit for files and for words of a command line.

    >>> _plain("../a b:c.npy")
    'a_b_c.npy'
    """
    return re.sub(r"[^\w.-]+", "_", name).lstrip("._-")[-60:]


def _ending(content: bytes) -> str:
    """What a file of so much content ends in.

    Raises:
        ArgumentError: it holds no arrays, or far too much.
    """
    if content.startswith(b"\x93NUMPY"):
        return ".npy"
    if content.startswith(b"\x80"):
        return ".pkl"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names, size = archive.namelist(), sum(each.file_size for each in archive.infolist())
    except zipfile.BadZipFile:
        raise ArgumentError("this is no file of directions: use .npy, .npz, .pt or .pkl.") from None
    if size > _MOST_BYTES:
        why = f"holds {size / 1e6:.0f} MB once it is unpacked"
        raise ArgumentError(f"the file {why}: send one of directions alone, at most {_MOST_BYTES / 1e6:.0f} MB.")
    return ".pt" if any(name.endswith("data.pkl") for name in names) else ".npz"


def _unlike(name: str, taken: set[str]) -> str:
    """A name that is not taken."""
    own, number = name, 1
    while own in taken:
        number += 1
        own = f"{name}_{number}"
    return own
