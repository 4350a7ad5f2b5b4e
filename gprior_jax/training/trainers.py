"""Which module trains which configuration, and what the training loop asks of it."""

from types import ModuleType
from typing import Any, Protocol

from gprior_jax.generators.prior import Prior
from gprior_jax.training import dcgan, pggan, stylegan2
from gprior_jax.training.config import PGGANConfig, StyleGAN2Config
from gprior_jax.training.dcgan_config import DCGANConfig, MLPConfig
from gprior_jax.training.gan_config import GANConfig
from gprior_jax.typing import Array, Key, Params


class Trainer(Protocol):
    """What the training loop asks of a module.

    A state has ``images_seen``, ``generator``, ``discriminator`` and ``average``, which is what a run is for.
    """

    TERMS: tuple[str, ...]
    OF_RESOLUTION: frozenset[str]
    """Layers of the discriminator that networks of another resolution have in other shapes, under the same name."""

    def build(self, config: Any) -> tuple[Any, Any]:
        """Generator and discriminator."""
        ...

    def init(self, config: Any, key: Key) -> Any:
        """A fresh state."""
        ...

    def most_together(self, config: Any) -> int:
        """Steps that :meth:`train_steps` has room for."""
        ...

    def together(self, config: Any, seen: int) -> int:
        """Steps that it may be asked for at once after ``seen`` images."""
        ...

    def train_steps(
        self, config: Any, state: Any, seen: int, number: int, real: Array, labels: Array | None, key: Key
    ) -> tuple[Any, dict[str, Array]]:
        """The state after some steps, of whose images ``[N, B, ...]`` the first count, and named scalars.

        Those of every step are ``[N]``.
        """
        ...

    def sample(self, config: Any, state: Any, z: Array, labels: Array | None) -> Array:
        """Images of the averaged generator."""
        ...

    def grown(self, fresh: Params, trained: Params) -> Params:
        """Layers of the generator that a smaller trained one lacks, where they are not to start as drawn."""
        ...

    def averaged_prior(self, config: Any, state: Any) -> Prior:
        """The averaged generator with its discriminator."""
        ...


_MODULES: dict[type[GANConfig], ModuleType] = {
    PGGANConfig: pggan,
    StyleGAN2Config: stylegan2,
    DCGANConfig: dcgan,
    MLPConfig: dcgan,
}


def trainer_of(config: GANConfig) -> Trainer:
    """The module that trains a configuration."""
    module: Any = _MODULES[type(config)]
    return module
