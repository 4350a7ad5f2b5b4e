"""Generators of two matrices each, which have exactly what a test asks about; their images are stated in numpy."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from batteries import normal

from gprior_jax.generators.prior import Prior
from gprior_jax.nn.layers import nearest_up2

Z_DIM, W_DIM, CLASSES, CHANNELS = 4, 3, 3, 2


class Toy(nn.Module):
    """Layer 0 makes features ``[2, 2, CHANNELS]``, layer 1 enlarges them to the image ``[4, 4, 3]``."""

    z_dim: int = Z_DIM

    @property
    def input_shape(self):
        return (self.z_dim,)

    @property
    def layer_names(self):
        return ("dense", "image")

    def feature_shape(self, layer):
        return ((self.z_dim,), (2, 2, CHANNELS), (4, 4, 3))[layer]

    def prepare(self):
        return {"dense": self.dense, "image": self.image}

    def matrices(self, inputs):
        self.dense = self.param("dense", nn.initializers.normal(), (inputs, 4 * CHANNELS))
        self.image = self.param("image", nn.initializers.normal(), (CHANNELS, 3))

    def layers(self, x, start, stop, weights, added):
        """Layers of a vector or features, with a number for every channel added to what each gives."""
        weights = self.prepare() if weights is None else weights
        for layer in range(start, 2 if stop is None else stop):
            x = jnp.tanh(x @ weights["dense"]).reshape(2, 2, CHANNELS) if layer == 0 else nearest_up2(x)
            x = x @ weights["image"] if layer else x
            x = x + added[layer]
        return x


class Classes(Toy):
    """Classes without styles: both layers are shifted by the class, and by noise where they take some."""

    num_classes: int = CLASSES
    noisy: bool = False

    @property
    def noise_sizes(self):
        return (2, 4) if self.noisy else ()

    def setup(self):
        self.matrices(self.z_dim)
        self.shift = self.param("shift", nn.initializers.normal(), (2, self.num_classes))
        self.maps = tuple(self.param(f"noise{s}", nn.initializers.normal(), (s, s)) for s in self.noise_sizes)

    def stored_noise(self):
        return self.maps

    def __call__(self, x, start=0, stop=None, weights=None, label=None, noise="const"):
        if self.num_classes:
            assert label is not None
            assert label.shape == (self.num_classes,)
        added = [self.shift[layer] @ label if self.num_classes else 0.0 for layer in range(2)]
        if self.noisy and not (isinstance(noise, str) and noise == "none"):
            maps = self.maps if isinstance(noise, str) else noise
            added = [own + each[..., None] for own, each in zip(added, maps, strict=True)]
        return self.layers(x, start, stop, weights, added)

    def init_all(self, z):
        self(z, label=jnp.zeros(self.num_classes))


class Styles(Toy):
    """A style for either layer, but neither noise nor a mean of w; classes where there are any, for the mapping."""

    w_dim: int = W_DIM
    num_classes: int = 0

    @property
    def num_styles(self):
        return 2

    def setup(self):
        self.matrices(self.w_dim)
        self.mapping = self.param("mapping", nn.initializers.normal(), (self.z_dim + self.num_classes, self.w_dim))

    def prepare(self):
        return super().prepare() | {"mapping": self.mapping}

    def map(self, z, label=None, weights=None):
        inputs = jnp.concatenate([z, label]) if self.num_classes else z
        w = inputs @ (self.mapping if weights is None else weights["mapping"])
        return jnp.broadcast_to(w, (2, self.w_dim))

    def __call__(self, x, start=0, stop=None, weights=None, styles=None):
        # The last number of a style shifts its layer, so that the later layer depends on its own.
        return self.layers(styles[0] if start == 0 else x, start, stop, weights, styles[:, -1])

    def init_all(self, z):
        label = jnp.zeros(self.num_classes) if self.num_classes else None
        self(None, styles=self.map(z, label))


class MeanStyles(Styles):
    """The same, which knows the mean of w."""

    def setup(self):
        super().setup()
        self.w_avg = self.param("w_avg", nn.initializers.normal(), (self.w_dim,))

    def mean_styles(self, label=None):
        return jnp.broadcast_to(self.w_avg, (2, self.w_dim))


def toy_prior(module: Toy, name: str = "toy") -> Prior:
    """A prior of fixed random weights."""
    shapes = {"dense": (W_DIM if isinstance(module, Styles) else Z_DIM, 4 * CHANNELS), "image": (CHANNELS, 3)}
    if isinstance(module, Classes):
        shapes |= {"shift": (2, module.num_classes)} | {f"noise{s}": (s, s) for s in module.noise_sizes}
    if isinstance(module, Styles):
        shapes |= {"mapping": (Z_DIM + module.num_classes, W_DIM)}
    if isinstance(module, MeanStyles):
        shapes |= {"w_avg": (W_DIM,)}
    params = {key: jnp.asarray(normal(i, *shape)) for i, (key, shape) in enumerate(shapes.items(), start=40)}
    return Prior(params, module, name=name)


def class_images(prior: Prior, z: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features and images of :class:`Classes` without noise, for codes ``[B, z_dim]`` and rows ``[B, num_classes]``."""
    params = {key: np.asarray(value) for key, value in prior.params.items()}
    first, second = (params["shift"] @ labels.T)[..., None, None, None]
    f = np.tanh(z @ params["dense"]).reshape(-1, 2, 2, CHANNELS) + first
    return f, f.repeat(2, axis=1).repeat(2, axis=2) @ params["image"] + second
