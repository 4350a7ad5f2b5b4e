"""The run that trains translators: schedule, snapshots, sheets, a log, and exact resumption.

A run's folder holds what that of a generator does (:mod:`gprior_jax.training.loop`): ``config.json``, ``scan/``,
``log.csv``, ``samples/`` and ``newest.png`` (pictures held out of training: before, translated, and after, or back
again), ``state/`` and ``model/``, the translators as a model folder.
"""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import zoo
from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.images import arrays as im
from gprior_jax.images.samples import ValueRange
from gprior_jax.keys import purpose, seeded
from gprior_jax.nn.whole import OWN
from gprior_jax.storage.checkpoint import load_tree
from gprior_jax.training import sessions, translation
from gprior_jax.training.continuing import check_continues, settings_of
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


EVERY: dict[str, Any] = {"snapshot_images": 4_000, "log_images": 400}
"""How often a run tells and keeps what it has come to, unless it is told otherwise."""


def train_translation(
    config: TranslationConfig,
    data: str | Path,
    out: str | Path,
    *,
    target: str | Path | None = None,
    init_from: str | Path | None = None,
    **session: Any,
) -> dict[str, Translator]:
    """Train, or go on with the run in ``out``: the losses are the same as in one uninterrupted run.

    Args:
        config: the run's settings; a run that is continued must have been started with the same, but for the number of
            images before its rates fall.
        data: zip file or folder of the pictures before (A), or of both.
        out: the run's folder.
        target: of the pictures after (B), where they are apart.
        init_from: model folder of a translator of the same networks, whose weights a new run starts from.
        **session: ``snapshot_images`` (4,000), ``log_images`` (400), ``max_images`` and others, see
            :class:`gprior_jax.training.sessions.Session`.

    Returns:
        The averaged translators.

    Raises:
        GPriorError: unreadable data, pictures without partners, a folder that holds another run or that another process
            trains into.
        MissingExtraError: ``tensorboard`` without tensorboardX.
        KeyboardInterrupt: told what is kept.
    """
    own = sessions.Session(**(EVERY | session))
    out, sets = Path(out), open_sets(config, data, target, value_range=own.value_range)
    with sessions.alone(out):
        _leave_out_broken(own, sets, out)
        wanted = settings_of(config, sets.before) | {"target": settings_of(config, sets.after)["data"]}
        check_continues(out, config, wanted, sessions.seen(out))
        state = _restore(out, config, init_from)
        held_out = _held_out(config, data, target, own.value_range)
        key = purpose(seeded(config.seed), "steps")

        def steps(state: Any, seen: int, batches: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Any, dict[str, Array]]:
            (batch,) = batches
            return translation.train_step(config, state, *batch, key)

        def progress(seen: int) -> dict[str, Any]:
            return {"rate": f"{config.learning_rate * config.rate(seen):.3g}"}

        def facts(seen: int) -> dict[str, Any]:
            return {"images_seen": seen, "training": dataclasses.asdict(config)}

        def model(state: translation.TranslationState) -> dict[str, Translator]:
            return translation.averaged(config, state, out.name)

        batches, look = partial(stream_sets, config, sets), partial(_look, config, *held_out)
        work = sessions.Work(config, FIELDS, batches, steps, progress, look, model, facts, _save)
        state = own.run(out, wanted, state, work)
    return model(state)


def _save(found: dict[str, Translator], folder: Path, **options: Any) -> None:
    zoo.save_translator(found["AtoB"], folder, back=found.get("BtoA"), **options)


def _leave_out_broken(own: sessions.Session, sets: Sets, out: Path) -> None:
    names = list(sets.before.names), list(sets.after.names)
    own.scan(sets.before, out / "scan" / "a")
    if sets.before.path == sets.after.path:
        sets.after.names = list(sets.before.names)  # Both are in the same files.
        return
    own.scan(sets.after, out / "scan" / "b")
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
) -> sessions.Look:
    """A sheet of what the generators make of pictures held out of training, and how good that is of pairs."""
    key, found = purpose(seeded(config.seed), "sheet"), translation.averaged(config, state)
    there = np.asarray(_drawn(config, "AtoB", found["AtoB"].params, before, key))
    if config.method == "pix2pix":
        error = np.mean(np.square(np.clip(there, -1, 1) - after), axis=(1, 2, 3))
        return sessions.Look(_sheet(before, there, after), {"held_out_psnr": jnp.mean(im.psnr_of(error))})
    again = np.asarray(_drawn(config, "BtoA", found["BtoA"].params, there, key))
    back = np.asarray(_drawn(config, "BtoA", found["BtoA"].params, after, key))
    and_there = np.asarray(_drawn(config, "AtoB", found["AtoB"].params, back, key))
    return sessions.Look(np.concatenate([_sheet(before, there, again), _sheet(after, back, and_there)]), {})


def _sheet(*columns: np.ndarray) -> np.ndarray:
    """Pictures in columns, uint8 RGB."""
    rows = min(SHEET_ROWS, *(len(column) for column in columns))
    drawn = [im.rgb_uint8(im.to_uint8(column[:rows])) for column in columns]
    return im.grid(np.stack(drawn, axis=1).reshape(-1, *drawn[0].shape[1:]), len(columns))
