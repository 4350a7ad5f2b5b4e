"""What the commands share: loading priors, talking to the terminal, facts for ``run.json``."""

import dataclasses
import hashlib
import json
import sys
from importlib import metadata
from typing import Any, Literal

import jax
import numpy as np

from gprior_jax import zoo
from gprior_jax._version import __version__
from gprior_jax.errors import GPriorError, require
from gprior_jax.generators.base import Prior, astype
from gprior_jax.generators.styles import with_label
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.objectives import Perceptual
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork

Dtype = Literal["float32", "bfloat16"]


def load_prior(model: str, dtype: Dtype = "float32", label: int | None = None) -> Prior:
    """A bundled prior or a model folder, in the wanted dtype, held to a class where one is named."""
    prior = zoo.load(model)
    prior = prior if dtype == "float32" else astype(prior, dtype)
    if label is None:
        return prior
    if not prior.num_classes:
        raise GPriorError(f"--label {label}: {prior.name} has no classes, leave it out.")
    return with_label(prior, label)


def load_perceptual(name: str, prior: Prior) -> PerceptualNetwork | LPIPS | Literal["default"] | None:
    """The network that ``--perceptual`` names: ``auto``, ``default``, ``none`` or a folder.

    ``auto`` is the prior's discriminator, or none where it has no discriminator.
    """
    if name == "auto":
        return "default" if prior.critic is not None else None
    if name == "none":
        return None
    if name == "default":
        return "default"
    folder = zoo.resolve(name)
    holds_lpips = zoo.read_config(folder).get("network", {}).get("arch") == "lpips"
    return zoo.load_lpips(folder) if holds_lpips else zoo.load_perceptual(folder)


def say(text: str, as_json: bool = False) -> None:
    """Print for people: on standard output, or on standard error when that is kept for JSON."""
    print(text, file=sys.stderr if as_json else sys.stdout, flush=True)


def warn(text: str) -> None:
    """Print on standard error."""
    print(f"gprior: {text}", file=sys.stderr, flush=True)


def print_json(content: Any) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(content, indent=2, ensure_ascii=False), flush=True)


def versions() -> dict[str, str]:
    """Versions of this package and of what its numbers depend on."""
    return {"gprior-jax": __version__} | {
        name: metadata.version(name) for name in ("jax", "jaxlib", "flax", "optax", "numpy")
    }


def device_facts(devices: int) -> dict[str, Any]:
    """The devices that a run used."""
    local = jax.local_devices()
    return {"platform": local[0].platform, "kind": local[0].device_kind, "devices": devices}


def spread(devices: int | None, batch_size: int) -> int:
    """Devices for a batch; where the user names no number, the cores of a CPU (``distributed.use_cores``), else one."""
    local = jax.local_devices()
    return devices or (min(batch_size, len(local)) if local[0].platform == "cpu" else 1)


def positive(**values: int | None) -> None:
    """Check that numbers of things are at least 1.

    Raises:
        GPriorError: one is not; the message names its flag.
    """
    for name, value in values.items():
        if value is not None and value < 1:
            raise GPriorError(f"--{name.replace('_', '-')} {value}: use at least 1.")


def default_batch_size(resolution: int, images: int) -> int:
    """Images at once where the user names no number: what a few gigabytes hold with 20 codes.

    >>> default_batch_size(64, 100), default_batch_size(1024, 100)
    (8, 1)
    """
    return min(images, max(1, min(8, 8 * 128**2 // resolution**2)))


def weights_digest(prior: Prior, recipe: Recipe) -> str:
    """A fingerprint of all weights in use, so that a run is not continued with others under the same name."""
    networks = [term.network for term in recipe.terms if isinstance(term, Perceptual)]
    critic = prior.critic.params if prior.critic is not None and "default" in networks else None
    others = [network.weights for network in networks if not isinstance(network, str)]
    total = hashlib.sha256()
    for leaf in jax.tree.leaves((prior.params, critic, others)):
        total.update(np.asarray(leaf, np.float32).tobytes())
    return total.hexdigest()[:16]


class StepBar:
    """Progress of an inversion on standard error: step, loss, PSNR and time left."""

    def __init__(self, title: str):
        """Start a bar; it appears with the first numbers."""
        self._title, self._bar = title, None

    def __call__(self, numbers: dict[str, Any]) -> None:
        """Take the numbers that :func:`gprior_jax.inversion.driver.invert` reports."""
        if self._bar is None:
            tqdm = require("tqdm", "cli").tqdm
            total = numbers["num_steps"] * numbers["batches"]
            self._bar = tqdm(total=total, desc=self._title, unit="step", dynamic_ncols=True)
        self._bar.update(numbers["batch"] * numbers["num_steps"] + numbers["step"] - self._bar.n)
        shown = {"loss": f"{numbers['loss']:.4g}"}
        if "psnr" in numbers:
            shown["psnr"] = f"{numbers['psnr']:.2f} dB"
        self._bar.set_postfix(shown)

    def close(self) -> None:
        """Leave the last state on the terminal."""
        if self._bar is not None:
            self._bar.close()


def recipe_flags(command: Any, prior: Prior) -> dict[str, Any]:
    """Arguments that all recipes take, from the flags of a command."""
    return {
        "preset": command.preset,
        "num_steps": command.steps,
        "perceptual": load_perceptual(command.perceptual, prior),
    } | fields(command, "restarts", "tolerance", "codes_per_call", "remat")


def fields(command: Any, *names: str) -> dict[str, Any]:
    """Some attributes of a command as a dict."""
    known = {field.name for field in dataclasses.fields(command)}
    return {name: getattr(command, name) for name in names if name in known}
