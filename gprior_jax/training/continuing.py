"""What a run was started with, and what another session of it may change: how long it goes on."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.images.samples import range_setting
from gprior_jax.storage.atomic import read_json
from gprior_jax.summary import check_same
from gprior_jax.training.data import ImageZip
from gprior_jax.training.gan_config import RunConfig

CONFIG = "config.json"

_LENGTHS = ("images", "images_per_level")
"""Settings that say how long a run is."""

_REMEDY = "copy it again, or remove it to go on with the settings of this command"


def settings_of(config: RunConfig, images: ImageZip) -> dict[str, Any]:
    """What decides the results of a run, as JSON.

    Args:
        config: its settings.
        images: those that are trained on.
    """
    names = hashlib.sha256(json.dumps(images.names).encode()).hexdigest()[:16]
    plain = {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(config).items()}
    return plain | {"data": f"{len(images)} images, names {names}", "range": range_setting(images.value_range)}


def check_continues(out: Path, config: RunConfig, wanted: dict[str, Any], seen: int) -> None:
    """Check that a folder's run can go on with these settings.

    How long it is may change: the number of images of all, or of the levels that are not done, as long as what the run
    has been through stays as it was. All else may not, once there is a snapshot to go on from.

    Args:
        out: the run's folder.
        config: settings of this session.
        wanted: :func:`settings_of` it; entries that are missing are not compared.
        seen: images that the run has seen.

    Raises:
        ArgumentError: they differ from those of the run; only what differs is named.
        CheckpointError: the run's own are damaged.
    """
    path = out / CONFIG
    if not seen or not path.exists():
        return
    found = read_json(path, _REMEDY)
    # A setting that a later version has brought was then what it is by itself.
    defaults = {f.name: f.default for f in dataclasses.fields(config) if f.default is not dataclasses.MISSING}
    found = {n: list(v) if isinstance(v, tuple) else v for n, v in defaults.items() if n not in found} | found
    found.setdefault("range", "auto")
    compared = [name for name in {**found, **wanted} if name not in _LENGTHS and (name in wanted or name in defaults)]
    there, now = ({name: own[name] for name in compared if name in own} for own in (found, wanted))
    check_same(there, now, f"{out} holds a run", "use it again or another folder")
    try:
        own = {name: found[name] for name in defaults}
        earlier = dataclasses.replace(config, **{n: tuple(v) if isinstance(v, list) else v for n, v in own.items()})
    except (ArgumentError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged ({error}): {_REMEDY}.") from error
    config.check_extends(earlier, seen)
