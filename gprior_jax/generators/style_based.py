"""What StyleGAN and StyleGAN2 share: a mapping network, the mean of w, and a style for every layer."""

from typing import Any

import jax.numpy as jnp

from gprior_jax.nn.pyramid import Pyramid
from gprior_jax.typing import Array


class StyleBased(Pyramid):
    """Mixed into a module with the submodule ``mapping`` and the parameter ``w_avg``."""

    z_dim: int
    w_dim: int
    num_classes: int
    mapping: Any
    w_avg: Array

    @property
    def num_styles(self) -> int:
        """Style vectors that the synthesis network takes: 14 at 256 pixels, 18 at 1024."""
        return 2 * len(self.channels)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one latent code."""
        return (self.z_dim,)

    def map(self, z: Array, label: Array | None = None, weights: dict[str, Any] | None = None) -> Array:
        """Styles of one code, without truncation.

        Args:
            z: ``[z_dim]``.
            label: ``[num_classes]``, for conditional networks.
            weights: what ``prepare`` returned; None prepares them here.

        Returns:
            ``[num_styles, w_dim]``; all rows are equal unless the mapping network gives a w for every layer.
        """
        w = self.mapping(z, label, None if weights is None else weights["mapping"])
        return jnp.broadcast_to(w.reshape(-1, self.w_dim), (self.num_styles, self.w_dim))

    def mean_styles(self, label: Array | None = None) -> Array:
        """The mean of w over codes and classes, ``[num_styles, w_dim]``: what truncation goes towards.

        That of a class is not stored.
        """
        return jnp.broadcast_to(self.w_avg, (self.num_styles, self.w_dim))

    def stored_noise(self) -> tuple[Array, ...]:
        """The maps of noise ``[S, S]`` among the weights, one for every entry of ``noise_sizes``."""
        module: Any = self
        # The output of StyleGAN, the last layer, takes none.
        return tuple(
            getattr(module, name).noise for name, _ in zip(module.layer_names, module.noise_sizes, strict=False)
        )

    def init_all(self, z: Array) -> None:
        """Touch every parameter, for ``init``."""
        module: Any = self
        module.prepare()
        self.mean_styles()
