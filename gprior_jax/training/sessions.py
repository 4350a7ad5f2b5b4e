"""One session of a training run in a folder, whatever it trains: alone in it, what it goes on from, and its loop.

A run's folder holds ``config.json``, ``scan.json`` (what was broken among the images), ``log.csv`` (a row for every
``log_images`` images), ``samples/`` (a sheet for every snapshot; ``newest.png`` is the last), ``state/`` (the last two
complete training states) and ``model/``, a model folder.
"""

import contextlib
import dataclasses
import itertools
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gprior_jax import zoo
from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.images.samples import ValueRange
from gprior_jax.storage.atomic import new_folder, write_json
from gprior_jax.storage.checkpoint import save_tree
from gprior_jax.storage.locks import Lock, hold
from gprior_jax.training.continuing import CONFIG, check_continues, settings_of
from gprior_jax.training.data import ImageZip
from gprior_jax.training.gan_config import RunConfig
from gprior_jax.training.log import Log, Pace, Report, TensorBoard, require_tensorboard
from gprior_jax.training.scan import MAX_BROKEN, Counter, leave_out_broken
from gprior_jax.typing import Array

_KEEP_STATES = 2


class Look(NamedTuple):
    """What a run makes at a snapshot.

    Attributes:
        sheet: uint8 ``[H, W, C]``.
        terms: named scalars, for the row of the log.
    """

    sheet: np.ndarray
    terms: dict[str, Array]


class Work(NamedTuple):
    """What a session trains, as functions; states have ``images_seen``.

    Attributes:
        config: settings of the run.
        fields: columns of ``log.csv``, first ``images`` and those of ``progress``.
        batches: ``batches(seen, end)``: what each step from one number of images to another is given.
        steps: ``steps(state, seen, batches)``: the state after a step for each of some batches, and named scalars, of
            all steps (their first axis, which may be longer) or single ones.
        progress: ``progress(seen)``: where the step after so many images is in the run, for the log.
        look: ``look(state)``.
        model: ``model(state)``: what has been trained so far.
        facts: ``facts(seen)``: what the model folder tells of it.
        save: writes such a model, as :func:`gprior_jax.zoo.save` does a prior.
        together: ``together(seen)``: how many batches ``steps`` may be given at once after so many images.
    """

    config: RunConfig
    fields: tuple[str, ...]
    batches: Callable[[int, int], Generator[Any, None, None]]
    steps: Callable[[Any, int, list[Any]], tuple[Any, dict[str, Array]]]
    progress: Callable[[int], dict[str, Any]]
    look: Callable[[Any], Look]
    model: Callable[[Any], Any]
    facts: Callable[[int], dict[str, Any]]
    save: Callable[..., None] = zoo.save
    together: Callable[[int], int] = lambda seen: 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Session:
    """How long and how loudly a run goes on this time; none of it decides what it learns.

    Attributes:
        snapshot_images: state, model and sheet are written every so many images.
        log_images: a row is logged every so many images.
        max_images: stop (with a snapshot) after so many images in all; None trains to the end.
        provenance: facts to record in the model folder.
        tensorboard: write what TensorBoard shows as well: scalars and sheets.
        max_broken: part of the images that may be broken: they are left out. All are decoded once, before a run.
        value_range: of images of more than 8 bits a sample, see :func:`gprior_jax.load_image`.
        scanned: told how many have been, and of how many; not called where an earlier session of the run has done it.
        tell: called with a sentence about images that are left out.
        report: called with every logged row, and with ``images_per_second`` and ``seconds_left`` of the last rows.

    Raises:
        ArgumentError: a number is out of range.
        MissingExtraError: ``tensorboard`` without tensorboardX.
    """

    snapshot_images: int = 10_000
    log_images: int = 1_000
    max_images: int | None = None
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    tensorboard: bool = False
    max_broken: float = MAX_BROKEN
    value_range: ValueRange = "auto"
    scanned: Counter | None = None
    tell: Callable[[str], None] = lambda sentence: None
    report: Report = lambda row: None

    def __post_init__(self):
        if self.snapshot_images % self.log_images:
            raise ArgumentError(
                f"snapshot_images {self.snapshot_images} must be a multiple of log_images {self.log_images}."
            )
        check_number("max_broken", self.max_broken, lambda x: (x >= 0) & (x < 1), "a part, from 0 to below 1")
        if self.tensorboard:
            require_tensorboard()

    def settle(self, out: Path, config: RunConfig, images: ImageZip, about: dict[str, Any]) -> dict[str, Any]:
        """Leave out what is broken among the images, and check that the folder's run can go on with these settings.

        Args:
            out: the run's folder.
            config: settings of the run.
            images: those that are trained on.
            about: what else decides its results, as JSON.

        Returns:
            What ``config.json`` is to hold.

        Raises:
            GPriorError: too many are broken, or it is another run.
        """
        self.scan(images, out)
        wanted = settings_of(config, images) | about
        check_continues(out, config, wanted, seen(out))
        return wanted

    def scan(self, images: ImageZip, folder: Path) -> None:
        """Leave out what is broken among the images; what was found is kept in the folder.

        Raises:
            GPriorError: too many are broken.
        """
        leave_out_broken(images, folder, self.max_broken, self.scanned, self.tell)

    def run(self, out: Path, wanted: dict[str, Any], state: Any, work: Work) -> Any:
        """Go on from a state to the end: its last one.

        Args:
            out: the run's folder; ``config.json`` is written now that there is a state to go on from.
            wanted: of :meth:`settle`.
            state: donated.
            work: what is trained.

        Raises:
            KeyboardInterrupt: told what is kept.
        """
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / CONFIG, wanted)
        count = int(state.images_seen)
        end = work.config.total_images if self.max_images is None else min(self.max_images, work.config.total_images)
        board = TensorBoard(out / "tensorboard", count) if self.tensorboard else None
        reports = (self.report, board.row) if board else (self.report,)
        log = Log(out / "log.csv", work.fields, count, Pace(count, end), *reports)
        batches = work.batches(count, end)
        with in_order(out, batches, board):
            while own := list(itertools.islice(batches, self._number(work, count, end))):
                state, terms = work.steps(state, count, own)
                log.add(terms, len(own))
                previous, count = count, count + len(own) * work.config.batch_size
                look = None
                if count // self.snapshot_images > previous // self.snapshot_images or count >= end:
                    look = work.look(state)
                    log.add(look.terms)
                if count // self.log_images > previous // self.log_images or count >= end:
                    log.write(count, work.progress(count - work.config.batch_size))
                if look is not None:
                    facts = self.provenance | work.facts(count)
                    snapshot(out, count, work.model(state), facts, look.sheet, state, work.save)
                    if board:
                        board.sheet(im.rgb_uint8(look.sheet), count)
        return state

    def _number(self, work: Work, count: int, end: int) -> int:
        """Steps that are taken at once: none is to be behind the next row of the log, snapshot or end."""
        stop = min(end, (count // self.log_images + 1) * self.log_images)
        left = max(0, -(-(stop - count) // work.config.batch_size))  # A run may have gone beyond this session's end.
        return min(work.together(count), left)


def snapshot(
    out: Path,
    count: int,
    model: Any,
    facts: dict[str, Any],
    sheet: np.ndarray,
    state: Any,
    save: Callable[..., None] = zoo.save,
) -> None:
    """Write the model folder, the sheet and the training state after so many images.

    The state comes last: a run that is stopped in between goes on before it, and writes all three again.
    """
    save(model, out / "model", provenance=facts, overwrite=True)
    (out / "samples").mkdir(exist_ok=True)
    for path in (out / "samples" / f"{count:09d}.png", out / "newest.png"):
        save_image(path, sheet)
    save_state(out, count, state)


def alone(out: Path) -> Lock:
    """The lock of a run's folder.

    Raises:
        GPriorError: another process holds it.
    """
    lock = hold(out / ".locks" / "run")
    if lock is None:
        raise GPriorError(f"another process trains into {out}: wait until it ends, or give another folder.")
    return lock


@contextlib.contextmanager
def in_order(out: Path, batches: Generator[Any, None, None], board: TensorBoard | None) -> Iterator[None]:
    """Close what the steps of a run have opened, however they end; an interrupt is told what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        # A step donates its state, so an interrupt inside one leaves nothing to save but the last snapshot.
        kept = f"goes on from the last snapshot in {out}" if states(out) else "starts afresh: there is no snapshot yet"
        raise KeyboardInterrupt(f"interrupted; the same command {kept}.") from None
    finally:
        batches.close()
        if board:
            board.close()


def states(out: Path) -> list[Path]:
    """Complete training states, oldest first."""
    return sorted(path for path in (out / "state").glob("[0-9]*") if path.is_dir() and path.name.isdigit())


def seen(out: Path) -> int:
    """Images that the run in a folder has seen."""
    return max((int(path.name) for path in states(out)), default=0)


def save_state(out: Path, count: int, state: Any) -> None:
    """Write a training state after so many images, and remove all but the last ones."""
    with new_folder(out / "state" / f"{count:09d}", overwrite=True) as folder:
        save_tree(folder, state)
    for old in states(out)[:-_KEEP_STATES]:
        shutil.rmtree(old)
