"""The run that trains an encoder: schedule, snapshots, sheets of reconstructions, a log, and exact resumption.

A run's folder holds what that of a generator does (:mod:`gprior_jax.training.loop`): ``config.json``, ``scan.json``,
``log.csv``, ``samples/`` and ``newest.png`` (images held out of training above their reconstructions), ``state/`` and
``model/``, the prior with its encoder.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import zoo
from gprior_jax.checks import check_number
from gprior_jax.compiling import jit
from gprior_jax.encoders.residual import ResidualEncoder
from gprior_jax.errors import ArgumentError, GPriorError, ImageFileError
from gprior_jax.generators.labels import check_label
from gprior_jax.generators.metric import mean_metric
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.images.samples import ValueRange
from gprior_jax.keys import purpose, seeded
from gprior_jax.objectives import Objective, Perceptual, Pixel, Term
from gprior_jax.objectives.perceptual import Network
from gprior_jax.storage.atomic import write_json
from gprior_jax.storage.checkpoint import load_tree
from gprior_jax.summary import fingerprint
from gprior_jax.training import encoder, sessions
from gprior_jax.training.continuing import CONFIG, check_continues, settings_of
from gprior_jax.training.data import ImageZip, is_held_out, stream
from gprior_jax.training.encoder_config import EncoderConfig
from gprior_jax.training.log import Log, Pace, Report, TensorBoard, require_tensorboard
from gprior_jax.training.scan import MAX_BROKEN, Counter, leave_out_broken
from gprior_jax.typing import Array

SHEET_COLUMNS = 8
SHEET_ROWS = 3
"""Rows of a sheet, each of images above their reconstructions."""

HELD_OUT_IMAGES = 64
"""Images held out of training that a snapshot is measured on."""

FIELDS = ("images", "phase", *encoder.TERMS, "held_out_psnr")
"""Columns of ``log.csv``."""


def train_encoder(
    prior: Prior,
    config: EncoderConfig,
    data: str | Path,
    out: str | Path,
    *,
    network: Network | None = "auto",
    snapshot_images: int = 8_000,
    log_images: int = 800,
    max_images: int | None = None,
    provenance: dict[str, Any] | None = None,
    tensorboard: bool = False,
    max_broken: float = MAX_BROKEN,
    value_range: ValueRange = "auto",
    scanned: Counter | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
    report: Report = lambda row: None,
) -> Prior:
    """Train an encoder, or go on with the run in ``out``: the losses are the same as in one uninterrupted run.

    Args:
        prior: the generator, which stays as it is, with its discriminator where the run takes it.
        config: the run's settings; a run that is continued must have been started with the same.
        data: zip file of photographs, or a folder with all that are in it, see :mod:`gprior_jax.training.data`.
        out: the run's folder.
        network: whose features are compared; ``"auto"`` is the prior's discriminator, as it was, where there is one.
        snapshot_images: state, model and sheet are written every so many images.
        log_images: a row is logged every so many images.
        max_images: stop (with a snapshot) after so many images in all; None trains to the end.
        provenance: facts to record in the model folder.
        tensorboard: see :func:`gprior_jax.training.loop.train`, likewise the others.
        max_broken: part of the images that may be broken.
        value_range: of images of more than 8 bits a sample.
        scanned: told how many images have been looked at.
        tell: called with a sentence about images that are left out.
        report: called with every logged row.

    Returns:
        The prior with the averaged encoder.

    Raises:
        GPriorError: unreadable data, or a folder that holds another run or that another process trains into.
        ValueError: the settings do not fit the prior.
        MissingExtraError: ``tensorboard`` without tensorboardX.
        KeyboardInterrupt: told what is kept.
    """
    if snapshot_images % log_images:
        raise ArgumentError(f"snapshot_images {snapshot_images} must be a multiple of log_images {log_images}.")
    check_number("max_broken", max_broken, lambda x: (x >= 0) & (x < 1), "a part, from 0 to below 1")
    check_label(prior, None)
    encoder.build(config, prior)
    judge, terms = encoder.judge_of(config, prior), terms_of(config, prior, network)
    out, channels = Path(out), prior.image_shape[-1]
    images = ImageZip(data, channels=channels, value_range=value_range)
    if tensorboard:
        require_tensorboard()
    about = {"prior": fingerprint(prior.params), "terms": [term.summary() for term in terms]}
    with sessions.alone(out):
        leave_out_broken(images, out, max_broken, scanned, tell)
        wanted = settings_of(config, images) | about
        check_continues(out, config, wanted, sessions.seen(out))
        state = _restore(out, config, prior)
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / CONFIG, wanted)
        prior = _measured(prior)
        bare = prepare(dataclasses.replace(prior, critic=None, encoder=None))
        teacher = encoder.Teacher(bare, Objective(terms) if terms else None)
        held_out = _held_out(data, channels, value_range, prior.resolution)
        key = purpose(seeded(config.seed), "steps")
        seen = int(state.images_seen)
        end = config.total_images if max_images is None else min(max_images, config.total_images)
        board = TensorBoard(out / "tensorboard", seen) if tensorboard else None
        log = Log(out / "log.csv", FIELDS, seen, Pace(seen, end), *((report, board.row) if board else (report,)))
        batches = _batches(images, config, seen, end, prior.resolution)
        with sessions.in_order(out, batches, board):
            for real in batches:
                state, found = encoder.step(config, judge, teacher, state, seen, real, key)
                log.add(found)
                previous, seen = seen, seen + config.batch_size
                look = None
                if seen // snapshot_images > previous // snapshot_images or seen >= end:
                    look = _look(config, teacher, state, held_out)
                    log.add({"held_out_psnr": look.psnr})
                if seen // log_images > previous // log_images or seen >= end:
                    log.write(seen, {"phase": "drawn" if config.is_sampled(previous) else "photographs"})
                if look is not None:
                    _snapshot(out, config, prior, state, look.sheet, provenance or {})
                    if board:
                        board.sheet(im.rgb_uint8(look.sheet), seen)
    return encoder.averaged(config, prior, state)


def _measured(prior: Prior) -> Prior:
    """The prior with its mean metric, which inversions that start from the encoder search by."""
    if prior.metric is not None or not prior.num_styles:
        return prior
    return dataclasses.replace(prior, metric=mean_metric(prior, purpose(seeded(0), "metric")))


def terms_of(config: EncoderConfig, prior: Prior, network: Network | None) -> tuple[Term, ...]:
    """What reconstructions are compared by, fitted to the prior."""
    wanted: list[Term] = [Pixel(config.pixel_weight)] if config.pixel_weight else []
    if config.perceptual_weight and network is not None:
        wanted.append(Perceptual(network, config.perceptual_weight))
    fitted = (term.fit(prior) for term in wanted)
    return tuple(term for term in fitted if term is not None)


def _restore(out: Path, config: EncoderConfig, prior: Prior) -> encoder.EncoderState:
    """The newest state of a run, or that of a new one."""
    key = purpose(seeded(config.seed), "networks")
    for path in reversed(sessions.states(out)):
        return load_tree(path, jax.eval_shape(partial(encoder.init, config), prior, key))
    return encoder.init(config, prior, key)


def _batches(
    images: ImageZip, config: EncoderConfig, seen: int, end: int, resolution: int
) -> Generator[Array | None, None, None]:
    """Photographs of every batch from the one after ``seen`` images on; None for those of drawn codes."""
    starts = range(seen, end, config.batch_size)

    def requests() -> Iterator[tuple[int, int, int]]:
        for start in starts:
            if not config.is_sampled(start):
                yield start, config.batch_size, resolution

    photographs = stream(images, requests(), config.seed, config.mirror)
    try:
        for start in starts:
            yield None if config.is_sampled(start) else jnp.asarray(next(photographs)[0])
    finally:
        photographs.close()


def _held_out(data: str | Path, channels: int, value_range: ValueRange, resolution: int) -> np.ndarray:
    """The first photographs that are kept out of training, ``[B, R, R, C]`` in [-1, 1]; of few images all."""
    images = ImageZip(data, "all", channels, value_range=value_range)
    kept = [index for index, name in enumerate(images.names) if is_held_out(name)]
    few: list[np.ndarray] = []
    for index in kept or range(len(images)):
        if len(few) == HELD_OUT_IMAGES:
            break
        with contextlib.suppress(ImageFileError):  # The scan before a run names those that are trained on.
            few.append(images.image(index, resolution))
    if not few:
        raise GPriorError(f"{data}: none of the images held out of training can be read.")
    return np.stack(few).astype(np.float32) / 127.5 - 1.0


@partial(jit, use="often", static_argnums=(0, 1))
def _reconstructed(config: EncoderConfig, module: ResidualEncoder, prior: Prior, params: Any, images: Array) -> Array:
    def one(image: Array) -> Array:
        return encoder.render(config, prior, cast(Array, module.apply({"params": params}, image)))

    return jax.vmap(one)(images)


class _Look(NamedTuple):
    """A sheet of images above their reconstructions, uint8 ``[H, W, C]``, and the mean PSNR of all, dB."""

    sheet: np.ndarray
    psnr: Array


def _look(config: EncoderConfig, teacher: encoder.Teacher, state: encoder.EncoderState, held_out: np.ndarray) -> _Look:
    """What the averaged encoder makes of images held out of training."""
    module = encoder.build(config, teacher.prior)
    found = np.asarray(_reconstructed(config, module, teacher.prior, state.average, jnp.asarray(held_out)))
    error = np.mean(np.square(np.clip(found, -1.0, 1.0) - held_out), axis=(1, 2, 3))
    rows = []
    for row in range(min(SHEET_ROWS, -(-len(found) // SHEET_COLUMNS))):
        part = slice(row * SHEET_COLUMNS, (row + 1) * SHEET_COLUMNS)
        rows += [held_out[part], found[part]]
    width = max(len(row) for row in rows)
    filled = [np.concatenate([row, -np.ones((width - len(row), *row.shape[1:]), np.float32)]) for row in rows]
    return _Look(im.grid(im.to_uint8(np.concatenate(filled)), width), jnp.mean(10.0 * jnp.log10(4.0 / error)))


def _snapshot(
    out: Path,
    config: EncoderConfig,
    prior: Prior,
    state: encoder.EncoderState,
    sheet: np.ndarray,
    provenance: dict[str, Any],
) -> None:
    """Write the model folder, the sheet and the state, which comes last, as of generators."""
    seen = int(state.images_seen)
    facts = provenance | {"encoder": {"images_seen": seen, "training": settings(config)}}
    zoo.save(encoder.averaged(config, prior, state), out / "model", provenance=facts, overwrite=True)
    (out / "samples").mkdir(exist_ok=True)
    for path in (out / "samples" / f"{seen:09d}.png", out / "newest.png"):
        save_image(path, sheet)
    sessions.save_state(out, seen, state)


def settings(config: EncoderConfig) -> dict[str, Any]:
    """The settings as JSON."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in vars(config).items()}
