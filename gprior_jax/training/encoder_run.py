"""The run that trains an encoder: what a session of it does, step by step.

A run's folder holds what that of any training does (:mod:`gprior_jax.training.sessions`), and ``metric.npz``, the
prior's mean metric where the run has measured it. Its sheets show images held out of training above their
reconstructions, and its model folder holds the prior with its encoder.
"""

import contextlib
import dataclasses
import zipfile
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax.compiling import jit
from gprior_jax.errors import GPriorError, ImageFileError
from gprior_jax.generators.metric import mean_metric
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.images import arrays as im
from gprior_jax.images.samples import ValueRange
from gprior_jax.keys import purpose, seeded
from gprior_jax.latents.weights_metric import WeightsMetric
from gprior_jax.objectives import Objective, Perceptual, Pixel, Term
from gprior_jax.objectives.perceptual import Network
from gprior_jax.storage.atomic import write_arrays
from gprior_jax.storage.checkpoint import load_tree
from gprior_jax.summary import fingerprint
from gprior_jax.training import encoder, encoder_codes, multi_codes, sessions
from gprior_jax.training.data import ImageZip, is_held_out, stream
from gprior_jax.training.encoder_config import EncoderConfig
from gprior_jax.typing import Array

SHEET_COLUMNS = 8
SHEET_ROWS = 3
"""Rows of a sheet, each of images above their reconstructions."""

HELD_OUT_IMAGES = 64
"""Images held out of training that a snapshot is measured on."""

EVERY: dict[str, Any] = {"snapshot_images": 8_000, "log_images": 800}
"""How often a run tells and keeps what it has come to, unless it is told otherwise."""

METRIC = "metric.npz"
"""The mean metric of the prior, in the run's folder."""

FIELDS = ("images", "phase", *encoder.TERMS, "held_out_psnr")
"""Columns of ``log.csv``."""


def train_encoder(
    prior: Prior,
    config: EncoderConfig,
    data: str | Path,
    out: str | Path,
    *,
    network: Network | None = "auto",
    **session: Any,
) -> Prior:
    """Train an encoder, or go on with the run in ``out``: the losses are the same as in one uninterrupted run.

    Args:
        prior: the generator, which stays as it is, with its discriminator where the run takes it.
        config: the run's settings; a run that is continued must have been started with the same.
        data: zip file of photographs, or a folder with all that are in it, see :mod:`gprior_jax.training.data`.
        out: the run's folder.
        network: whose features are compared; ``"auto"`` is the prior's discriminator, as it was, where there is one.
        **session: ``snapshot_images`` (8,000), ``log_images`` (800), ``max_images`` and others, see
            :class:`gprior_jax.training.sessions.Session`.

    Returns:
        The prior with the averaged encoder.

    Raises:
        GPriorError: unreadable data, or a folder that holds another run or that another process trains into.
        ValueError: the settings do not fit the prior.
        MissingExtraError: ``tensorboard`` without tensorboardX.
        KeyboardInterrupt: told what is kept.
    """
    own = sessions.Session(**(EVERY | session))
    encoder_codes.build(config, prior)
    judge, terms = encoder.judge_of(config, prior), terms_of(config, prior, network)
    out, channels = Path(out), prior.image_shape[-1]
    images = ImageZip(data, channels=channels, value_range=own.value_range)
    about = {"prior": fingerprint(prior.params), "terms": [term.summary() for term in terms]}
    with sessions.alone(out):
        wanted = own.settle(out, config, images, about)
        state = _restore(out, config, prior)
        if not config.num_codes:
            prior = _measured(out, prior)
        bare = prepare(dataclasses.replace(prior, critic=None, encoder=None, multi_encoder=None))
        composing = multi_codes.composing(config, bare) if config.num_codes else None
        teacher = encoder.Teacher(bare, Objective(terms) if terms else None, composing)
        held_out = _held_out(data, channels, own.value_range, prior.resolution)
        key = purpose(seeded(config.seed), "steps")

        def batches(seen: int, end: int) -> Generator[Array | None, None, None]:
            return _batches(images, config, seen, end, prior.resolution)

        def steps(state: Any, seen: int, batches: list[Array | None]) -> tuple[Any, dict[str, Array]]:
            (real,) = batches
            return encoder.step(config, judge, teacher, state, seen, real, key)

        def progress(seen: int) -> dict[str, Any]:
            return {"phase": "drawn" if config.is_sampled(seen) else "photographs"}

        def look(state: Any) -> sessions.Look:
            return _look(config, teacher, state, held_out)

        def facts(seen: int) -> dict[str, Any]:
            return {role: {"images_seen": seen, "training": settings(config)}}

        role, model = "encoder", partial(encoder.averaged, config, prior)
        if composing is not None:
            role, metric = "multi_encoder", _metric_of_weights(out, config, bare, composing)

            def model(state: encoder.EncoderState) -> Prior:
                return multi_codes.averaged(config, prior, metric, composing, state.average)

        state = own.run(out, wanted, state, sessions.Work(config, FIELDS, batches, steps, progress, look, model, facts))
    return model(state)


def _measured(out: Path, prior: Prior) -> Prior:
    """The prior with its mean metric, which inversions that start from the encoder search by.

    Measured once and kept with the run, for its other sessions.
    """
    if prior.metric is not None or not prior.num_styles:
        return prior
    key = purpose(seeded(0), "metric")
    found = _kept(out, fingerprint(prior.params), lambda: {"metric": np.asarray(mean_metric(prior, key))})
    return dataclasses.replace(prior, metric=jnp.asarray(found["metric"]))


def _metric_of_weights(out: Path, config: EncoderConfig, prior: Prior, own: multi_codes.Composing) -> WeightsMetric:
    """The mean metric of several codes' channel weights; kept likewise."""
    told = f"{fingerprint(prior.params)}, {multi_codes.build(config, prior)} of seed {config.seed}"
    found = _kept(out, told, lambda: multi_codes.measured(config, prior, own)._asdict())
    return WeightsMetric(found["directions"], found["stiffness"])


def _kept(out: Path, of: str, measure: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What an earlier session has measured; where there is none of that, or it is damaged, what is measured now."""
    path = out / METRIC
    try:
        with np.load(path) as found:
            if str(found["weights"]) == of:
                return dict(found)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    measured = measure() | {"weights": np.array(of)}
    out.mkdir(parents=True, exist_ok=True)
    write_arrays(path, measured)
    return measured


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
def _reconstructed(
    config: EncoderConfig, module: encoder_codes.Network, teacher: encoder.Teacher, params: Any, images: Array
) -> Array:
    codes = jax.vmap(lambda image: cast(Array, module.apply({"params": params}, image)))(images)
    return teacher.render(config, codes)


def _look(
    config: EncoderConfig, teacher: encoder.Teacher, state: encoder.EncoderState, held_out: np.ndarray
) -> sessions.Look:
    """Images held out of training above what the averaged encoder makes of them, and the mean PSNR of all, dB."""
    module = encoder_codes.build(config, teacher.prior)
    found = np.asarray(_reconstructed(config, module, teacher, state.average, jnp.asarray(held_out)))
    error = np.mean(np.square(np.clip(found, -1.0, 1.0) - held_out), axis=(1, 2, 3))
    rows = []
    for row in range(min(SHEET_ROWS, -(-len(found) // SHEET_COLUMNS))):
        part = slice(row * SHEET_COLUMNS, (row + 1) * SHEET_COLUMNS)
        rows += [held_out[part], found[part]]
    width = max(len(row) for row in rows)
    filled = [np.concatenate([row, -np.ones((width - len(row), *row.shape[1:]), np.float32)]) for row in rows]
    sheet = im.grid(im.to_uint8(np.concatenate(filled)), width)
    return sessions.Look(sheet, {"held_out_psnr": jnp.mean(10.0 * jnp.log10(4.0 / error))})


def settings(config: EncoderConfig) -> dict[str, Any]:
    """The settings as JSON."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in vars(config).items()}
