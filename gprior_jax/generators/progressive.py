"""What PGGAN and StyleGAN share, which grow level by level: two layers for each level, and a last one for the image."""

from gprior_jax.nn.pyramid import START_RESOLUTION, Pyramid


class Progressive(Pyramid):
    """Mixed into a generator with feature channels for every level."""

    z_dim: int
    image_channels: int

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers in order; ``output`` is the last."""
        return (*(f"layer{k}" for k in range(2 * len(self.channels))), "output")

    def feature_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of what layers ``[0, layer)`` give for one code: ``[z_dim]`` for 0, else ``[H, W, C]``."""
        if layer == 0:
            return (self.z_dim,)
        if layer == len(self.layer_names):
            return (self.resolution, self.resolution, self.image_channels)
        level = (layer - 1) // 2
        size = START_RESOLUTION << level
        return (size, size, self.channels[level])
