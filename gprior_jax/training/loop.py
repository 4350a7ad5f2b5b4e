"""Training of generators with their discriminators: what a session of it does, step by step.

A run's folder holds what that of any training does (:mod:`gprior_jax.training.sessions`); its sheets show samples of
the averaged generator, always the same 64 codes, and its model folder holds that generator and the discriminator.
"""

import dataclasses
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import zoo
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.keys import purpose, seeded
from gprior_jax.perceptual.efficientnet import EfficientNetLite0
from gprior_jax.storage.checkpoint import load_tree
from gprior_jax.summary import fingerprint
from gprior_jax.training import projected, sessions
from gprior_jax.training.continuing import check_continues, settings_of
from gprior_jax.training.data import ImageZip, classes_together, stream
from gprior_jax.training.gan_config import GANConfig, PyramidConfig
from gprior_jax.training.lanes import Lanes, lanes_for
from gprior_jax.training.monitor import Monitor
from gprior_jax.training.trainers import trainer_of
from gprior_jax.training.warm_start import warm_start
from gprior_jax.typing import Array, Params

GRID_IMAGES = 64
GRID_COLUMNS = 8


def train(
    config: GANConfig,
    data: str | Path,
    out: str | Path,
    *,
    init_from: str | Path | None = None,
    perceptual: str | Path | None = None,
    **session: Any,
) -> Prior:
    """Train, or go on with the run in ``out``: the losses are the same as in one uninterrupted run.

    Args:
        config: the run's settings; a run that is continued must have been started with the same, but for the number of
            images that it, or a level that is not done, goes on for.
        data: zip file of images, or a folder with all that are in it, see :mod:`gprior_jax.training.data`.
        out: the run's folder.
        init_from: model folder whose generator and discriminator a new run starts from, at any resolution; blocks that
            it does not have start afresh. A run that is continued ignores it.
        perceptual: model folder with EfficientNet-Lite0, on whose features the projected discriminators of a run with
            a ``projected_weight`` stand.
        **session: ``snapshot_images``, ``log_images``, ``max_images`` and others, see
            :class:`gprior_jax.training.sessions.Session`.

    Returns:
        The averaged generator with its discriminator, at the resolution reached.

    Raises:
        GPriorError: unreadable data, a folder that holds another run or that another process trains into, or no network
            for projected discriminators.
        MissingExtraError: ``tensorboard`` without tensorboardX.
        KeyboardInterrupt: told what is kept.
    """
    own = _watched(config, sessions.Session(**session))
    images = ImageZip(data, channels=config.image_channels, value_range=own.value_range)
    out, trainer = Path(out), trainer_of(config)
    network = _features_of(config, perceptual)
    about = {} if network is None else {"perceptual": fingerprint(network)}
    _check_run(out, config, images, about)
    with sessions.alone(out):
        wanted = own.settle(out, config, images, about)
        labels, names = _labels(images, config)
        lanes = lanes_for(config)
        state = lanes.place(_restore(out, config, init_from, network))
        key = lanes.place(purpose(seeded(config.seed), "steps"))

        def batches(seen: int, end: int) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
            return stream(images, _requests(config, seen, end), config.seed, config.mirror, config.turns)

        def steps(state: Any, seen: int, batches: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Any, dict[str, Array]]:
            given = _placed(config, lanes, seen, batches, labels)
            return trainer.train_steps(config, state, seen, len(batches), *given, key)

        def facts(seen: int) -> dict[str, Any]:
            named = {"label_names": names} if names else {}
            return named | {"images_seen": seen, "training": dataclasses.asdict(config)}

        model = partial(trainer.averaged_prior, config)
        work = sessions.Work(
            config,
            log_fields(config),
            batches,
            steps,
            config.progress,
            partial(look, config),
            model,
            facts,
            together=partial(trainer.together, config),
        )
        state = own.run(out, wanted, state, work)
    return model(state)


def _watched(config: GANConfig, own: sessions.Session) -> sessions.Session:
    """The session, which also tells what goes wrong in the rows of its log."""
    monitor = Monitor(config, own.tell)

    def report(row: dict[str, Any]) -> None:
        own.report(row)
        monitor(row)

    return dataclasses.replace(own, report=report)


def _check_run(out: Path, config: GANConfig, images: ImageZip, about: dict[str, Any]) -> None:
    """Refuse what can be refused at once, before a scan of the images that may take minutes."""
    _labels(images, config)
    wanted = {name: value for name, value in settings_of(config, images).items() if name != "data"} | about
    check_continues(out, config, wanted, sessions.seen(out))


def _features_of(config: GANConfig, folder: str | Path | None) -> Params | None:
    """Weights of the network whose features the projected discriminators of a run judge by."""
    if not isinstance(config, PyramidConfig) or not config.projected_weight:
        return None
    if folder is None:
        raise ArgumentError(
            f"projected_weight {config.projected_weight} needs a network to project on: give perceptual, a model "
            "folder with EfficientNet-Lite0 (gprior convert writes it)."
        )
    network = zoo.load_perceptual(folder)
    if not isinstance(network.module, EfficientNetLite0):
        found = type(network.module).__name__
        raise ArgumentError(f"{folder} holds {found}: projected discriminators stand on EfficientNet-Lite0.")
    return network.weights


def _placed(
    config: GANConfig,
    lanes: Lanes,
    seen: int,
    batches: list[tuple[np.ndarray, np.ndarray]],
    labels: np.ndarray | None,
) -> tuple[jax.Array, jax.Array | None]:
    """Images ``[N, B, H, W, C]`` and classes ``[N, B, num_classes]`` on the devices, behind the given ones zeros."""
    given = [
        _arranged(config, seen + i * config.batch_size, real, None if labels is None else labels[indices])
        for i, (real, indices) in enumerate(batches)
    ]
    missing = trainer_of(config).most_together(config) - len(given)

    def stacked(*arrays: Any) -> jax.Array:
        return jnp.asarray(np.stack([*arrays, *[np.zeros_like(arrays[0])] * missing]))

    return lanes.place(jax.tree.map(stacked, *given))


def _arranged(
    config: GANConfig, seen: int, real: np.ndarray, classes: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """A batch; in a conditional run in the order of its classes, with these as rows."""
    if classes is None:
        return real, None
    share = config.conditioning(seen)
    # While generated images have no class, groups of one would tell them from real ones.
    order = classes_together(classes, config.kept_together) if share else np.arange(len(classes))
    return real[order], _rows(config, classes[order], share)


def _rows(config: GANConfig, classes: np.ndarray, share: float) -> np.ndarray:
    """Classes as ``[B, num_classes]``: one-hot for a share of 1, for less between that and the mixture of all."""
    number = getattr(config, "num_classes", 0)
    return share * np.eye(number, dtype=np.float32)[classes] + (1.0 - share) / number


def _requests(config: GANConfig, seen: int, end: int) -> Iterator[tuple[int, int, int]]:
    while seen < end:
        yield seen, config.batch_size, config.size_at(seen)
        seen += config.batch_size


def _labels(images: ImageZip, config: GANConfig) -> tuple[np.ndarray | None, list[str]]:
    """Classes of all images of a conditional run, and the names of the classes."""
    classes = getattr(config, "num_classes", 0)
    if not classes:
        return None, []
    labels, names = images.labels()
    if len(names) != classes:
        first = "" if (labels == 0).any() else f"; they count from 0, and no image is of {names[0]}"
        raise GPriorError(
            f"{images.path} has {len(names)} classes, not {classes}: train with num_classes {len(names)}{first}."
        )
    return labels, names


def _restore(out: Path, config: GANConfig, init_from: str | Path | None, network: Params | None) -> Any:
    """The newest state of a run, or that of a new one."""
    key, trainer = seeded(config.seed), trainer_of(config)

    def fresh() -> Any:
        state = trainer.init(config, purpose(key, "networks"))
        if network is None or not isinstance(config, PyramidConfig):
            return state
        return state._replace(projected=projected.init(config, network, purpose(key, "projected")))

    for path in reversed(sessions.states(out)):
        return load_tree(path, jax.eval_shape(fresh))
    state = fresh()
    return state if init_from is None else warm_start(config, state, zoo.load(init_from), str(init_from))


def look(config: GANConfig, state: Any) -> sessions.Look:
    """A sheet of samples."""
    return sessions.Look(im.grid(im.to_uint8(sample_grid(config, state)), GRID_COLUMNS), {})


def sample_grid(config: GANConfig, state: Any) -> np.ndarray:
    """Images of :data:`GRID_IMAGES` fixed codes; those of a conditional run have a class for every column."""
    z = jax.random.normal(purpose(seeded(config.seed), "sheet"), (GRID_IMAGES, config.z_dim))
    classes, labels = getattr(config, "num_classes", 0), None
    if classes:
        share = config.conditioning(int(state.images_seen))
        labels = jnp.asarray(_rows(config, np.arange(GRID_IMAGES) % GRID_COLUMNS % classes, share))
    return np.asarray(trainer_of(config).sample(config, state, z, labels))


def log_fields(config: GANConfig) -> tuple[str, ...]:
    """Columns of ``log.csv``."""
    more = projected.TERMS if config.has_projected else ()
    return ("images", *config.progress(0), *trainer_of(config).TERMS, *more)
