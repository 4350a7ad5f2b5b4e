"""A generator of a user's own: classes and noise, but no styles. Everything that the package asks of one is here."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax import zoo


class OwnGenerator(nn.Module):
    """Code and class to an image ``[16, 16, 3]``, in three layers; each is shifted by the class and by noise."""

    z_dim: int = 8
    width: int = 6
    num_classes: int = 3

    @property
    def input_shape(self):
        return (self.z_dim,)

    @property
    def layer_names(self):
        return ("dense", "up", "image")

    @property
    def noise_sizes(self):
        return (4, 8, 16)

    def feature_shape(self, layer):
        return ((self.z_dim,), (4, 4, self.width), (8, 8, self.width), (16, 16, 3))[layer]

    def setup(self):
        self.dense = nn.Dense(16 * self.width)
        self.up = nn.Conv(self.width, (3, 3))
        self.image = nn.Conv(3, (3, 3))
        self.shifts = [nn.Dense(shape[-1], use_bias=False) for shape in map(self.feature_shape, (1, 2, 3))]
        self.maps = [self.param(f"noise{s}", nn.initializers.normal(), (s, s)) for s in self.noise_sizes]

    def prepare(self):
        return ()  # Nothing that a loop would repeat.

    def stored_noise(self):
        return tuple(self.maps)

    def __call__(self, x, start=0, stop=None, weights=None, label=None, noise="const"):
        maps = self.maps if isinstance(noise, str) else noise
        for layer in range(start, 3 if stop is None else stop):
            if layer == 0:
                x = self.dense(x).reshape(4, 4, self.width)
            else:
                x = x.repeat(2, axis=0).repeat(2, axis=1)
                x = self.up(x) if layer == 1 else self.image(x)
            x = x + self.shifts[layer](label)
            if noise != "none":
                x = x + 0.1 * maps[layer][..., None]
            x = jnp.tanh(x) if layer == 2 else jax.nn.silu(x)
        return x

    def init_all(self, z):
        self(z, label=jnp.zeros(self.num_classes))


zoo.register("own_generator", OwnGenerator)
