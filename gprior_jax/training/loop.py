"""The training loop: schedule, snapshots, sample grids, a log, and exact resumption.

A run's folder holds ``config.json``, ``log.csv`` (a row for every ``log_images`` images), ``samples/`` (grids of the
averaged generator, always the same 64 codes), ``state/`` (the last two complete training states) and ``model/`` (the
averaged generator and the discriminator as a model folder).
"""

import csv
import dataclasses
import io as stdio
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import checkpoint, files, io, models
from gprior_jax import image as im
from gprior_jax.errors import GPriorError
from gprior_jax.generators.base import Critic, Prior
from gprior_jax.training import gan
from gprior_jax.training.config import Moment, TrainConfig
from gprior_jax.training.data import ImageZip, stream
from gprior_jax.training.gan import TrainState
from gprior_jax.typing import Key, Params

_TERMS = ("generator", "discriminator", "real_logit", "fake_logit", "penalty")
LOG_FIELDS: tuple[str, ...] = ("images", "resolution", "fade", *_TERMS)
GRID_IMAGES = 64

_KEEP_STATES = 2


def train(
    config: TrainConfig,
    data: str | Path,
    out: str | Path,
    *,
    snapshot_images: int = 10_000,
    log_images: int = 1_000,
    max_images: int | None = None,
    init_from: str | Path | None = None,
    provenance: dict[str, Any] | None = None,
    report: Callable[[dict[str, Any]], None] = lambda row: None,
) -> Prior:
    """Train, or go on with the run in ``out``: the losses are the same as in one uninterrupted run.

    Args:
        config: the run's settings; a run that is continued must have been started with the same.
        data: zip file of images.
        out: the run's folder.
        snapshot_images: state, model and sample grid are written every so many images.
        log_images: a row is logged every so many images.
        max_images: stop (with a snapshot) after so many images in all; None trains to the end.
        init_from: model folder whose generator and discriminator a new run starts from, at any resolution; blocks that
            it does not have start afresh. A run that is continued ignores it.
        provenance: facts to record in the model folder.
        report: called with every logged row.

    Returns:
        The averaged generator with its discriminator, at the resolution reached.

    Raises:
        GPriorError: unreadable data, or a folder that holds another run.
    """
    if snapshot_images % log_images:
        raise ValueError(f"snapshot_images {snapshot_images} must be a multiple of log_images {log_images}.")
    images, out = ImageZip(data), Path(out)
    _open_run(out, config)
    state = _restore(out, config)
    if init_from is not None and not _states(out):
        state = warm_start(state, models.load(init_from), str(init_from))
    seen = int(state.images_seen)
    log = _Log(out / "log.csv", seen, report)
    end = config.total_images if max_images is None else min(max_images, config.total_images)
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    batches = stream(images, _requests(config, seen, end), config.seed, config.mirror)
    try:
        for real in batches:
            moment = config.moment(seen)
            state, terms = _train_step(config, moment, state, real, key)
            log.add(terms)
            previous, seen = seen, seen + len(real)
            if seen // log_images > previous // log_images or seen >= end:
                log.write(seen, moment)
            if seen // snapshot_images > previous // snapshot_images or seen >= end:
                snapshot(out, config, state, provenance or {})
    except KeyboardInterrupt:
        # A step donates its state, so an interrupt inside one leaves nothing to save but the last snapshot.
        raise GPriorError(f"interrupted; run the same command again to go on from the last snapshot in {out}") from None
    finally:
        batches.close()
    return averaged_prior(config, state)


def _train_step(
    config: TrainConfig, moment: Moment, state: TrainState, real: np.ndarray, key: Key
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One step at a moment of the schedule."""
    if moment.starts_level:
        state = gan.reset_optimizers(config, state)
    penalize = config.loss == "nonsaturating" and moment.step % config.r1_interval == 0
    return gan.step(config, moment.level, penalize, state, jnp.asarray(real), jnp.float32(moment.fade), key)


def _requests(config: TrainConfig, seen: int, end: int) -> Iterator[tuple[int, int, int]]:
    while seen < end:
        yield seen, config.batch_size, 4 << config.moment(seen).level
        seen += config.batch_size


def _open_run(out: Path, config: TrainConfig) -> None:
    """Make the folder, or check that it holds a run of the same configuration."""
    out.mkdir(parents=True, exist_ok=True)
    wanted = dataclasses.asdict(config) | {"images_per_level": list(config.images_per_level)}
    path = out / "config.json"
    if not path.exists():
        files.write_json(path, wanted)
        return
    found = files.read_json(path)
    differing = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
    if differing:
        told = ", ".join(f"{k} {found.get(k)} there, {wanted.get(k)} now" for k in differing)
        raise GPriorError(f"{out} holds a run with other settings ({told}): use the same or another --out.")


def _states(out: Path) -> list[Path]:
    """Complete training states, oldest first."""
    return sorted(path for path in (out / "state").glob("[0-9]*") if path.is_dir() and path.name.isdigit())


def _restore(out: Path, config: TrainConfig) -> TrainState:
    key = jax.random.key(config.seed)
    for path in reversed(_states(out)):
        return checkpoint.load_tree(path, jax.eval_shape(lambda: gan.init(config, key)))
    return gan.init(config, key)


def warm_start(state: TrainState, prior: Prior, source: str) -> TrainState:
    """A fresh state with the weights of a trained prior wherever their names and shapes agree.

    Args:
        state: what :func:`gprior_jax.training.gan.init` gave.
        prior: a generator with its discriminator, of the same widths and any resolution.
        source: for the message.

    Raises:
        GPriorError: no discriminator, or a layer of the same name has another shape.
    """
    if prior.critic is None:
        raise GPriorError(f"{source} has no discriminator to start from: give a folder that 'gprior train' wrote.")
    generator = _overlay(state.generator, prior.params, source)
    discriminator = _overlay(state.discriminator, prior.critic.params, source)
    # The state is donated to the first step, which may not be given one buffer twice.
    average = jax.tree.map(jnp.copy, generator)
    return state._replace(generator=generator, discriminator=discriminator, average=average)


def _overlay(fresh: Params, trained: Params, source: str) -> Params:
    for name in fresh.keys() & trained.keys():
        if jax.tree.map(jnp.shape, fresh[name]) != jax.tree.map(jnp.shape, trained[name]):
            raise GPriorError(f"{source}: {name} has another shape than this run's: use the same widths and z_dim.")
    return {name: trained.get(name, layer) for name, layer in fresh.items()}


def snapshot(out: Path, config: TrainConfig, state: TrainState, provenance: dict[str, Any]) -> None:
    """Write the training state, the model folder and a grid of samples."""
    seen = int(state.images_seen)
    checkpoint.save_tree(out / "state" / f"{seen:09d}", state)
    for old in _states(out)[:-_KEEP_STATES]:
        shutil.rmtree(old)
    prior = averaged_prior(config, state)
    facts = provenance | {"images_seen": seen, "training": dataclasses.asdict(config)}
    models.save(prior, out / "model", provenance=facts, overwrite=True)
    (out / "samples").mkdir(exist_ok=True)
    io.save_image(out / "samples" / f"{seen:09d}.png", im.grid(im.to_uint8(sample_grid(config, state)), 8))


def sample_grid(config: TrainConfig, state: TrainState) -> np.ndarray:
    """Images of :data:`GRID_IMAGES` fixed codes at the size and fade the run has reached."""
    moment = config.moment(max(0, int(state.images_seen) - config.batch_size))
    z = jax.random.normal(jax.random.fold_in(jax.random.key(config.seed), 2), (GRID_IMAGES, config.z_dim))
    return np.asarray(_sample(config, moment.level, state.average, z, jnp.float32(moment.fade)))


def _sample_images(config: TrainConfig, level: int, params: Any, z: jax.Array, fade: jax.Array) -> jax.Array:
    return gan.generate(gan.build(config)[0], params, z, level, fade)


_sample = jax.jit(_sample_images, static_argnums=(0, 1))


def averaged_prior(config: TrainConfig, state: TrainState) -> Prior:
    """The averaged generator and the discriminator, cut to the resolution the run has reached."""
    level = config.moment(max(0, int(state.images_seen) - config.batch_size)).level
    generator, discriminator = gan.build(config)
    sizes = [4 << i for i in range(level + 1)]
    g_names = [f"layer{k}" for k in range(2 * level + 2)] + [f"output{i}" for i in range(level + 1)]
    d_names = [f"{kind}_{size}" for size in sizes for kind in ("from_rgb", "conv", "down")] + ["dense_4", "logit"]
    channels = config.channels[: level + 1]
    critic = Critic(
        {name: state.discriminator[name] for name in d_names if name in state.discriminator},
        discriminator.clone(channels=channels),
    )
    params = {name: state.average[name] for name in g_names}
    return Prior(params, generator.clone(channels=channels, conv_path="auto"), critic=critic)


class _Log:
    """Means of the terms between two rows, appended to a CSV file that a resumed run takes up where it left off."""

    def __init__(self, path: Path, seen: int, report: Callable[[dict[str, Any]], None]):
        self._path, self._report = path, report
        self._started, self._first = time.monotonic(), seen
        self._terms: list[dict[str, jax.Array]] = []
        rows = list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []
        text = stdio.StringIO()
        writer = csv.DictWriter(text, LOG_FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in rows if int(row["images"]) <= seen)
        files.write_bytes(path, text.getvalue().encode())

    def add(self, terms: dict[str, jax.Array]) -> None:
        """Keep the terms of one step; they stay on the device until the next row is written."""
        self._terms.append(terms)

    def write(self, seen: int, moment: Moment) -> None:
        """Append a row of means and report it."""
        terms, self._terms = jax.device_get(self._terms), []
        values = {n: [float(t[n]) for t in terms if n in t] for n in _TERMS}
        means = {n: f"{np.mean(v):.6g}" if v else "" for n, v in values.items()}
        row = {"images": seen, "resolution": 4 << moment.level, "fade": f"{moment.fade:.3f}"} | means
        with open(self._path, "a", newline="") as file:
            csv.DictWriter(file, LOG_FIELDS, lineterminator="\n").writerow(row)
        rate = (seen - self._first) / (time.monotonic() - self._started)
        self._report(row | {"images_per_second": rate})
