"""The run that trains translators: schedule, snapshots, sheets, a log, and exact resumption.

A run's folder holds what that of a generator does (:mod:`gprior_jax.training.loop`): ``config.json``, ``scan/``,
``log.csv``, ``samples/`` and ``newest.png`` (pictures held out of training: before, translated, and after, or back
again), ``state/`` and ``model/``, the translators as a model folder.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import zoo
from gprior_jax.checks import check_number
from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.images.samples import ValueRange
from gprior_jax.keys import purpose, seeded
from gprior_jax.nn.whole import OWN
from gprior_jax.storage.atomic import write_json
from gprior_jax.storage.checkpoint import load_tree
from gprior_jax.training import sessions, translation
from gprior_jax.training.continuing import CONFIG, check_continues, settings_of
from gprior_jax.training.log import Log, Pace, Report, TensorBoard, require_tensorboard
from gprior_jax.training.scan import MAX_BROKEN, Counter, leave_out_broken
from gprior_jax.training.translation_config import TranslationConfig
from gprior_jax.training.translation_data import Sets, held_out_pictures, keep_whole_pairs, open_sets, stream_sets
from gprior_jax.translation import Translator
from gprior_jax.typing import Array, ArrayLike, Key, Params
from gprior_jax.zoo.networks import attributes_of

HELD_OUT_PICTURES = 32
"""Pictures held out of training that a snapshot is measured on."""

SHEET_ROWS = 6
"""Of a sheet, and for each way; in three columns."""

FIELDS = ("images", "rate", *translation.TERMS, "held_out_psnr")
"""Columns of ``log.csv``."""


def train_translation(
    config: TranslationConfig,
    data: str | Path,
    out: str | Path,
    *,
    target: str | Path | None = None,
    snapshot_images: int = 4_000,
    log_images: int = 400,
    max_images: int | None = None,
    init_from: str | Path | None = None,
    provenance: dict[str, Any] | None = None,
    tensorboard: bool = False,
    max_broken: float = MAX_BROKEN,
    value_range: ValueRange = "auto",
    scanned: Counter | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
    report: Report = lambda row: None,
) -> dict[str, Translator]:
    """Train, or go on with the run in ``out``: the losses are the same as in one uninterrupted run.

    Args:
        config: the run's settings; a run that is continued must have been started with the same, but for the number of
            images before its rates fall.
        data: zip file or folder of the pictures before (A), or of both.
        out: the run's folder.
        target: of the pictures after (B), where they are apart.
        snapshot_images: state, model and sheet are written every so many images.
        log_images: a row is logged every so many images.
        max_images: stop (with a snapshot) after so many images in all; None trains to the end.
        init_from: model folder of a translator of the same networks, whose weights a new run starts from.
        provenance: facts to record in the model folder.
        tensorboard: see :func:`gprior_jax.training.loop.train`, likewise the others.
        max_broken: part of the images that may be broken.
        value_range: of images of more than 8 bits a sample.
        scanned: told how many images have been looked at.
        tell: called with a sentence about images that are left out.
        report: called with every logged row.

    Returns:
        The averaged translators.

    Raises:
        GPriorError: unreadable data, pictures without partners, a folder that holds another run or that another process
            trains into.
        MissingExtraError: ``tensorboard`` without tensorboardX.
        KeyboardInterrupt: told what is kept.
    """
    if snapshot_images % log_images:
        raise ArgumentError(f"snapshot_images {snapshot_images} must be a multiple of log_images {log_images}.")
    check_number("max_broken", max_broken, lambda x: (x >= 0) & (x < 1), "a part, from 0 to below 1")
    out, sets = Path(out), open_sets(config, data, target, value_range=value_range)
    if tensorboard:
        require_tensorboard()
    with sessions.alone(out):
        _leave_out_broken(sets, out, max_broken, scanned, tell)
        wanted = settings_of(config, sets.before) | {"target": settings_of(config, sets.after)["data"]}
        check_continues(out, config, wanted, sessions.seen(out))
        state = _restore(out, config, init_from)
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / CONFIG, wanted)
        look = partial(_look, config, *_held_out(config, data, target, value_range))
        key = purpose(seeded(config.seed), "steps")
        seen = int(state.images_seen)
        end = config.total_images if max_images is None else min(max_images, config.total_images)
        board = TensorBoard(out / "tensorboard", seen) if tensorboard else None
        log = Log(out / "log.csv", FIELDS, seen, Pace(seen, end), *((report, board.row) if board else (report,)))
        batches = stream_sets(config, sets, seen, end)
        with sessions.in_order(out, batches, board):
            for before, after in batches:
                state, found = translation.train_step(config, state, before, after, key)
                log.add(found)
                previous, seen = seen, seen + config.batch_size
                sheet = None
                if seen // snapshot_images > previous // snapshot_images or seen >= end:
                    sheet, measured = look(state)
                    log.add(measured)
                if seen // log_images > previous // log_images or seen >= end:
                    log.write(seen, {"rate": f"{config.learning_rate * config.rate(previous):.3g}"})
                if sheet is not None:
                    _snapshot(out, config, state, sheet, provenance or {})
                    if board:
                        board.sheet(im.rgb_uint8(sheet), seen)
    return translation.averaged(config, state, out.name)


def _leave_out_broken(
    sets: Sets, out: Path, max_broken: float, scanned: Counter | None, tell: Callable[[str], None]
) -> None:
    names = list(sets.before.names), list(sets.after.names)
    leave_out_broken(sets.before, out / "scan" / "a", max_broken, scanned, tell)
    if sets.before.path == sets.after.path:
        sets.after.names = list(sets.before.names)  # Both are in the same files.
        return
    leave_out_broken(sets.after, out / "scan" / "b", max_broken, scanned, tell)
    keep_whole_pairs(sets, names)


def _restore(out: Path, config: TranslationConfig, init_from: str | Path | None) -> translation.TranslationState:
    """The newest state of a run, or that of a new one."""
    key = purpose(seeded(config.seed), "networks")
    for path in reversed(sessions.states(out)):
        return load_tree(path, jax.eval_shape(partial(translation.init, config), key))
    state = translation.init(config, key)
    return state if init_from is None else _warm(config, state, init_from)


def _warm(
    config: TranslationConfig, state: translation.TranslationState, init_from: str | Path
) -> translation.TranslationState:
    """A new state with the generators of a model folder, as far as it has them."""
    generators = dict(state.generators)
    held = zoo.read_config(zoo.resolve(init_from))
    for way in config.ways:
        if way == "BtoA" and "back" not in held:
            continue
        found, wanted = zoo.load_translator(init_from, way), config.generator(way)
        if found.module != wanted:
            differing = [
                f"{name} {getattr(found.module, name, None)}, not {value}"
                for name, value in attributes_of(wanted).items()
                if getattr(found.module, name, None) != value
            ]
            raise ArgumentError(f"{init_from} holds another network ({'; '.join(differing)}): choose what fits it.")
        generators[way] = found.params
    averages = jax.tree.map(jnp.array, generators) if state.averages else {}
    return state._replace(generators=generators, averages=averages)


def _held_out(
    config: TranslationConfig, data: str | Path, target: str | Path | None, value_range: ValueRange
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures that are kept out of training; of few pictures those that are not."""
    try:
        sets = open_sets(config, data, target, "held_out", value_range)
    except GPriorError:
        sets = open_sets(config, data, target, "all", value_range)
    return held_out_pictures(config, sets, HELD_OUT_PICTURES)


@partial(jit, use="often", static_argnums=(0, 1))
def _drawn(config: TranslationConfig, way: str, params: Params, images: ArrayLike, key: Key) -> Array:
    """What a generator gives for pictures one by one, as its user has them."""
    module, images = config.generator(way), jnp.asarray(images)

    def one(given: tuple[Array, Key]) -> Any:
        return module.apply({"params": params}, given[0], OWN, given[1] if module.has_dropout else None)

    return jax.lax.map(one, (images, jax.random.split(key, len(images))))


def _look(
    config: TranslationConfig, before: np.ndarray, after: np.ndarray, state: translation.TranslationState
) -> tuple[np.ndarray, dict[str, Array]]:
    """A sheet of what the generators make of pictures held out of training, and how good that is of pairs."""
    key, found = purpose(seeded(config.seed), "sheet"), translation.averaged(config, state)
    there = np.asarray(_drawn(config, "AtoB", found["AtoB"].params, before, key))
    if config.method == "pix2pix":
        error = np.mean(np.square(np.clip(there, -1, 1) - after), axis=(1, 2, 3))
        return _sheet(before, there, after), {"held_out_psnr": jnp.mean(im.psnr_of(error))}
    again = np.asarray(_drawn(config, "BtoA", found["BtoA"].params, there, key))
    back = np.asarray(_drawn(config, "BtoA", found["BtoA"].params, after, key))
    and_there = np.asarray(_drawn(config, "AtoB", found["AtoB"].params, back, key))
    return np.concatenate([_sheet(before, there, again), _sheet(after, back, and_there)]), {}


def _sheet(*columns: np.ndarray) -> np.ndarray:
    """Pictures in columns, uint8 RGB."""
    rows = min(SHEET_ROWS, *(len(column) for column in columns))
    drawn = [im.rgb_uint8(im.to_uint8(column[:rows])) for column in columns]
    return im.grid(np.stack(drawn, axis=1).reshape(-1, *drawn[0].shape[1:]), len(columns))


def _snapshot(
    out: Path,
    config: TranslationConfig,
    state: translation.TranslationState,
    sheet: np.ndarray,
    provenance: dict[str, Any],
) -> None:
    """Write the model folder, the sheet and the state, which comes last, as of generators."""
    seen = int(state.images_seen)
    found = translation.averaged(config, state, out.name)
    facts = provenance | {"images_seen": seen, "training": dataclasses.asdict(config)}
    zoo.save_translator(found["AtoB"], out / "model", back=found.get("BtoA"), provenance=facts, overwrite=True)
    (out / "samples").mkdir(exist_ok=True)
    for path in (out / "samples" / f"{seen:09d}.png", out / "newest.png"):
        save_image(path, sheet)
    sessions.save_state(out, seen, state)
