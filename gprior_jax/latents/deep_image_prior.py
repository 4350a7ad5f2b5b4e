"""The weights of an untrained network as variables."""

import dataclasses
from typing import Any

import flax.traverse_util
import jax

from gprior_jax.generators.base import Prior, check_label, run_layers
from gprior_jax.latents.parametrization import Variables
from gprior_jax.typing import Array, Key, Params


@dataclasses.dataclass(frozen=True)
class DeepImagePrior:
    """No trained prior at all: the weights of an untrained network of the same architecture are fitted to the image.

    Deep image prior (Ulyanov, Vedaldi and Lempitsky 2018, arXiv:1711.10925): the structure of the network alone, and
    stopping early, hold back noise and fill holes. It is what a pretrained prior has to beat. Variables: ``{"code":
    [z_dim]}``, which stays as it was drawn (:data:`CODE_RATE`), and the weights as ``{"weights/layer/kernel": ...}``.
    """

    def check(self, prior: Prior) -> None:
        """Raise ``ValueError`` for a conditional prior: no class is named."""
        check_label(prior, None)

    def init(self, prior: Prior, key: Key, hint: Variables | None = None) -> Variables:
        """Draw a code and weights."""
        code_key, weights_key = jax.random.split(key)
        code = prior.latent.sample(code_key, (prior.z_dim,))
        params = prior.module.init(weights_key, code, method="init_all")["params"]
        return {"code": code} | as_variables(params) | (hint or {})

    def render(self, prior: Prior, variables: Variables) -> Array:
        """The code's image under these weights."""
        return run_layers(dataclasses.replace(prior, params=as_params(variables), weights=None), variables["code"])

    def penalty(self, prior: Prior, variables: Variables) -> dict[str, Array]:
        """None."""
        return {}

    def project(self, variables: Variables) -> Variables:
        """All weights are admissible."""
        return variables


CODE_RATE = (("code", 0.0),)
"""Rates for :class:`gprior_jax.inversion.optimizer.Optimizer` that leave the code of a deep image prior as drawn."""

WEIGHTS = "weights/"
"""Prefix of the names of weights among the variables: ``weights/layer/kernel``."""


def as_variables(params: Params) -> Variables:
    """Nested weights as variables.

    >>> as_variables({"layer0": {"bias": 1}})
    {'weights/layer0/bias': 1}
    """
    flat: Any = flax.traverse_util.flatten_dict(params, sep="/")
    return {WEIGHTS + name: leaf for name, leaf in flat.items()}


def as_params(variables: Variables) -> Params:
    """The weights among variables, nested: the other way round."""
    own = {name.removeprefix(WEIGHTS): leaf for name, leaf in variables.items() if name.startswith(WEIGHTS)}
    return flax.traverse_util.unflatten_dict(own, sep="/")
