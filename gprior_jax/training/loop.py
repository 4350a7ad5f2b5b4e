"""The training loop: schedule, snapshots, sample grids, a log, and exact resumption.

A run's folder holds ``config.json``, ``scan.json`` (what was broken among the images), ``log.csv`` (a row for every
``log_images`` images), ``samples/`` (sheets of the averaged generator, always the same 64 codes; ``newest.png`` is the
last), ``state/`` (the last two complete training states) and ``model/`` (the averaged generator and the discriminator
as a model folder).
"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import zoo
from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.images.files import save_image
from gprior_jax.images.samples import ValueRange
from gprior_jax.keys import purpose, seeded
from gprior_jax.perceptual.efficientnet import EfficientNetLite0
from gprior_jax.storage.atomic import write_json
from gprior_jax.storage.checkpoint import load_tree
from gprior_jax.summary import fingerprint
from gprior_jax.training import projected, sessions
from gprior_jax.training.config import GANConfig
from gprior_jax.training.continuing import CONFIG, check_continues, settings_of
from gprior_jax.training.data import ImageZip, classes_together, stream
from gprior_jax.training.lanes import Lanes, lanes_for
from gprior_jax.training.log import Log, Pace, Report, TensorBoard, require_tensorboard
from gprior_jax.training.scan import MAX_BROKEN, Counter, leave_out_broken
from gprior_jax.training.trainers import trainer_of
from gprior_jax.training.warm_start import warm_start
from gprior_jax.typing import Params

GRID_IMAGES = 64
GRID_COLUMNS = 8


def train(
    config: GANConfig,
    data: str | Path,
    out: str | Path,
    *,
    snapshot_images: int = 10_000,
    log_images: int = 1_000,
    max_images: int | None = None,
    init_from: str | Path | None = None,
    perceptual: str | Path | None = None,
    provenance: dict[str, Any] | None = None,
    tensorboard: bool = False,
    max_broken: float = MAX_BROKEN,
    value_range: ValueRange = "auto",
    scanned: Counter | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
    report: Report = lambda row: None,
) -> Prior:
    """Train, or go on with the run in ``out``: the losses are the same as in one uninterrupted run.

    Args:
        config: the run's settings; a run that is continued must have been started with the same, but for the number of
            images that it, or a level that is not done, goes on for.
        data: zip file of images, or a folder with all that are in it, see :mod:`gprior_jax.training.data`.
        out: the run's folder.
        snapshot_images: state, model and sample grid are written every so many images.
        log_images: a row is logged every so many images.
        max_images: stop (with a snapshot) after so many images in all; None trains to the end.
        init_from: model folder whose generator and discriminator a new run starts from, at any resolution; blocks that
            it does not have start afresh. A run that is continued ignores it.
        perceptual: model folder with EfficientNet-Lite0, on whose features the projected discriminators of a run with
            a ``projected_weight`` stand.
        provenance: facts to record in the model folder.
        tensorboard: write what TensorBoard shows as well: scalars and sheets of samples.
        max_broken: part of the images that may be broken: they are left out. All are decoded once, before a run.
        value_range: of images of more than 8 bits a sample, see :func:`gprior_jax.load_image`.
        scanned: told how many have been, and of how many; not called where an earlier session of the run has done it.
        tell: called with a sentence about images that are left out.
        report: called with every logged row, and with ``images_per_second`` and ``seconds_left`` of the last rows.

    Returns:
        The averaged generator with its discriminator, at the resolution reached.

    Raises:
        GPriorError: unreadable data, a folder that holds another run or that another process trains into, or no network
            for projected discriminators.
        MissingExtraError: ``tensorboard`` without tensorboardX.
        KeyboardInterrupt: told what is kept.
    """
    if snapshot_images % log_images:
        raise ArgumentError(f"snapshot_images {snapshot_images} must be a multiple of log_images {log_images}.")
    check_number("max_broken", max_broken, lambda x: (x >= 0) & (x < 1), "a part, from 0 to below 1")
    images = ImageZip(data, channels=config.image_channels, value_range=value_range)
    out, trainer = Path(out), trainer_of(config)
    if tensorboard:
        require_tensorboard()
    network = _features_of(config, perceptual)
    wanted = _check_run(out, config, images, network)
    with sessions.alone(out):
        leave_out_broken(images, out, max_broken, scanned, tell)
        wanted |= settings_of(config, images)
        check_continues(out, config, wanted, sessions.seen(out))
        labels, names = _labels(images, config)
        provenance = (provenance or {}) | ({"label_names": names} if names else {})
        lanes = lanes_for(config)
        state = lanes.place(_open_run(out, config, wanted, init_from, network))
        key = lanes.place(purpose(seeded(config.seed), "steps"))
        seen = int(state.images_seen)
        end = config.total_images if max_images is None else min(max_images, config.total_images)
        board = TensorBoard(out / "tensorboard", seen) if tensorboard else None
        reports = (report, board.row) if board else (report,)
        log = Log(out / "log.csv", log_fields(config), seen, Pace(seen, end), *reports)
        batches = stream(images, _requests(config, seen, end), config.seed, config.mirror, config.turns)
        with sessions.in_order(out, batches, board):
            for real, indices in batches:
                classes = None if labels is None else labels[indices]
                state, terms = trainer.train_step(
                    config, state, seen, *_placed(config, lanes, seen, real, classes), key
                )
                log.add(terms)
                previous, seen = seen, seen + len(real)
                if seen // log_images > previous // log_images or seen >= end:
                    log.write(seen, config.progress(previous))
                if seen // snapshot_images > previous // snapshot_images or seen >= end:
                    sheet = snapshot(out, config, state, provenance)
                    if board:
                        board.sheet(im.rgb_uint8(sheet), seen)
    return trainer.averaged_prior(config, state)


def _check_run(out: Path, config: GANConfig, images: ImageZip, network: Params | None) -> dict[str, Any]:
    """Refuse what can be refused at once, before a scan that may take minutes; the settings but for the images."""
    _labels(images, config)
    own = settings_of(config, images) | ({} if network is None else {"perceptual": fingerprint(network)})
    wanted = {name: value for name, value in own.items() if name != "data"}
    check_continues(out, config, wanted, sessions.seen(out))
    return wanted


def _features_of(config: GANConfig, folder: str | Path | None) -> Params | None:
    """Weights of the network whose features the projected discriminators of a run judge by."""
    if not config.projected_weight:
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
    config: GANConfig, lanes: Lanes, seen: int, real: np.ndarray, classes: np.ndarray | None
) -> tuple[jax.Array, jax.Array | None]:
    """A batch on the devices; in a conditional run in the order of its classes, with these as rows."""
    if classes is None:
        return lanes.place(jnp.asarray(real)), None
    share = config.conditioning(seen)
    # While generated images have no class, groups of one would tell them from real ones.
    order = classes_together(classes, config.minibatch_group) if share else np.arange(len(classes))
    return lanes.place((jnp.asarray(real[order]), _rows(config, classes[order], share)))


def _rows(config: GANConfig, classes: np.ndarray, share: float) -> jax.Array:
    """Classes as ``[B, num_classes]``: one-hot for a share of 1, for less between that and the mixture of all."""
    number = getattr(config, "num_classes", 0)
    return share * jax.nn.one_hot(classes, number) + (1.0 - share) / number


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


def _open_run(
    out: Path, config: GANConfig, wanted: dict[str, Any], init_from: str | Path | None, network: Params | None
) -> Any:
    """The state to go on with; a new run gets its settings written when that is certain to be a state."""
    state = _restore(out, config, init_from, network)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / CONFIG, wanted)
    return state


def _restore(out: Path, config: GANConfig, init_from: str | Path | None, network: Params | None) -> Any:
    """The newest state of a run, or that of a new one."""
    key, trainer = seeded(config.seed), trainer_of(config)

    def fresh() -> Any:
        state = trainer.init(config, purpose(key, "networks"))
        if network is None:
            return state
        return state._replace(projected=projected.init(config, network, purpose(key, "projected")))

    for path in reversed(sessions.states(out)):
        return load_tree(path, jax.eval_shape(fresh))
    state = fresh()
    return state if init_from is None else warm_start(config, state, zoo.load(init_from), str(init_from))


def snapshot(out: Path, config: GANConfig, state: Any, provenance: dict[str, Any]) -> np.ndarray:
    """Write the model folder, a sheet of samples and the training state; the sheet, uint8 ``[H, W, C]``.

    The state comes last: a run that is stopped in between goes on before it, and writes all three again.
    """
    seen = int(state.images_seen)
    prior = trainer_of(config).averaged_prior(config, state)
    facts = provenance | {"images_seen": seen, "training": dataclasses.asdict(config)}
    zoo.save(prior, out / "model", provenance=facts, overwrite=True)
    (out / "samples").mkdir(exist_ok=True)
    sheet = im.grid(im.to_uint8(sample_grid(config, state)), GRID_COLUMNS)
    for path in (out / "samples" / f"{seen:09d}.png", out / "newest.png"):
        save_image(path, sheet)
    sessions.save_state(out, seen, state)
    return sheet


def sample_grid(config: GANConfig, state: Any) -> np.ndarray:
    """Images of :data:`GRID_IMAGES` fixed codes; those of a conditional run have a class for every column."""
    z = jax.random.normal(purpose(seeded(config.seed), "sheet"), (GRID_IMAGES, config.z_dim))
    classes, labels = getattr(config, "num_classes", 0), None
    if classes:
        share = config.conditioning(int(state.images_seen))
        labels = _rows(config, np.arange(GRID_IMAGES) % GRID_COLUMNS % classes, share)
    return np.asarray(trainer_of(config).sample(config, state, z, labels))


def log_fields(config: GANConfig) -> tuple[str, ...]:
    """Columns of ``log.csv``."""
    more = projected.TERMS if config.projected_weight else ()
    return ("images", *config.progress(0), *trainer_of(config).TERMS, *more)
