"""The weights of an untrained network as variables."""

import dataclasses
from typing import Any

import flax.traverse_util
import jax

from gprior_jax.generators.base import Prior, run_layers
from gprior_jax.latents.base import Variables
from gprior_jax.typing import Array, Key, Params


@dataclasses.dataclass(frozen=True)
class DeepImagePrior:
    """No trained prior at all: the weights of an untrained network of the same architecture are fitted to the image.

    Deep image prior (Ulyanov, Vedaldi and Lempitsky 2018, arXiv:1711.10925): the structure of the network alone, and
    stopping early, hold back noise and fill holes. It is what a pretrained prior has to beat. Variables: ``{"code":
    [z_dim]}``, which stays as it was drawn (:data:`CODE_RATE`), and the weights as ``{"weights/layer/kernel": ...}``.
    """

    def check(self, prior: Prior) -> None:
        """Fits every prior."""

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw a code and weights."""
        code_key, weights_key = jax.random.split(key)
        code = prior.latent.sample(code_key, (prior.z_dim,))
        params = prior.module.init(weights_key, code, method="init_all")["params"]
        return {"code": code} | {_WEIGHTS + name: leaf for name, leaf in _flat(params).items()} | (hint or {})

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The code's image under these weights."""
        own = {name.removeprefix(_WEIGHTS): leaf for name, leaf in variables.items() if name.startswith(_WEIGHTS)}
        params = flax.traverse_util.unflatten_dict(own, sep="/")
        return run_layers(dataclasses.replace(prior, params=params, weights=None), variables["code"])

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """None."""
        return {}

    def project(self, variables: Variables) -> Variables:
        """All weights are admissible."""
        return variables


CODE_RATE = (("code", 0.0),)
"""Rates for :class:`gprior_jax.inversion.optimizer.Optimizer` that leave the code of a deep image prior as drawn."""

_WEIGHTS = "weights/"


def _flat(params: Params) -> Variables:
    flat: Any = flax.traverse_util.flatten_dict(params, sep="/")
    return flat
