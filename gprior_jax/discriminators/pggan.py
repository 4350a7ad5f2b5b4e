"""PGGAN discriminator (Karras et al. 2018, arXiv:1710.10196, appendix A and table 2).

Each level below the image: 1x1 convolution from RGB, 3x3 convolution, 3x3 convolution with 2x2 averaging; at 4x4 the
minibatch standard deviation, a 3x3 convolution and two dense layers. The module's methods take one image; the
minibatch standard deviation, which mixes images, stands between them in :func:`logits`.
"""

from typing import Any

import flax.linen as nn
import jax

from gprior_jax.discriminators.minibatch import minibatch_stddev
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.layers import EqualizedConv, EqualizedDense, Weights, average_down2, leaky_relu
from gprior_jax.nn.pyramid import START_RESOLUTION, Pyramid
from gprior_jax.typing import Array, Params


class PGGANDiscriminator(Pyramid, nn.Module):
    """Critic of images, and perceptual features at every level.

    Attributes:
        channels: feature channels at 4, 8, 16, ... pixels; their number sets the resolution.
        dense_features: width of the first dense layer at 4x4.
        image_channels: channels of the image.
        group_size: images per group of the minibatch standard deviation.
        fused: average before bias and LeakyReLU, as one strided convolution (the official TensorFlow networks and
            those trained here), instead of after (genforce's default).
        conv_path: formulation of the 3x3 convolutions (:mod:`gprior_jax.nn.convolution`).
    """

    channels: tuple[int, ...]
    dense_features: int
    image_channels: int = 3
    group_size: int = 4
    fused: bool = True
    conv_path: ConvPath = "direct"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return (self.resolution, self.resolution, self.image_channels)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Layers whose output :meth:`features` can return, in order."""
        sizes = [START_RESOLUTION << level for level in reversed(range(1, len(self.channels)))]
        return tuple(name for size in sizes for name in (f"conv_{size}", f"down_{size}"))

    def setup(self):
        """Declare the layers (Linen)."""
        for level, features in enumerate(self.channels):
            size = START_RESOLUTION << level
            common: dict[str, Any] = {"conv_path": self.conv_path, "size": size}
            setattr(self, f"from_rgb_{size}", EqualizedConv(self.image_channels, features, kernel_size=1))
            extra = 1 if level == 0 else 0
            setattr(self, f"conv_{size}", EqualizedConv(features + extra, features, **common))
            if level:
                resample = "down" if self.fused else "none"
                down = EqualizedConv(features, self.channels[level - 1], resample=resample, **common)
                setattr(self, f"down_{size}", down)
        flat = START_RESOLUTION**2 * self.channels[0]
        self.dense_4 = EqualizedDense(flat, (self.dense_features,))
        self.logit = EqualizedDense(self.dense_features, (1,), gain=1.0)

    def _from_rgb(self, image: Array, level: int, weights: Weights | None = None) -> Array:
        return leaky_relu(getattr(self, f"from_rgb_{START_RESOLUTION << level}")(image, weights))

    def _down(self, x: Array, level: int, weights: Weights | None = None) -> Array:
        x = leaky_relu(getattr(self, f"down_{START_RESOLUTION << level}")(x, weights))
        return x if self.fused else average_down2(x)

    def prepare(self) -> dict[str, Weights]:
        """Weights of the layers that :meth:`features` runs, to be computed once and passed to it."""
        names = (f"from_rgb_{self.resolution}", *self.layer_names)
        return {name: getattr(self, name).prepare() for name in names}

    def features(
        self, image: Array, names: tuple[str, ...], weights: dict[str, Weights] | None = None
    ) -> tuple[Array, ...]:
        """Features of one image at the named layers.

        Args:
            image: ``[R, R, image_channels]`` in [-1, 1].
            names: any of :attr:`layer_names`.
            weights: what :meth:`prepare` returned; None prepares them here.
        """
        weights = self.prepare() if weights is None else weights
        found = {}
        x = self._from_rgb(image, len(self.channels) - 1, weights[f"from_rgb_{self.resolution}"])
        for level in reversed(range(1, len(self.channels))):
            conv, down = f"conv_{START_RESOLUTION << level}", f"down_{START_RESOLUTION << level}"
            x = found[conv] = leaky_relu(getattr(self, conv)(x, weights[conv]))
            x = found[down] = self._down(x, level, weights[down])
        return tuple(found[name] for name in names)

    def trunk(self, image: Array, level: int | None = None, fade: Array | float = 1.0) -> Array:
        """One image ``[S, S, image_channels]`` to features ``[4, 4, C]``.

        Args:
            image: S = ``4 << level`` pixels, [-1, 1].
            level: the level the network has grown to; None is the full resolution.
            fade: weight of the newest block against its shortcut, 0 to 1.
        """
        level = len(self.channels) - 1 if level is None else level
        x = self._from_rgb(image, level)
        for current in reversed(range(1, level + 1)):
            x = leaky_relu(getattr(self, f"conv_{START_RESOLUTION << current}")(x))
            x = self._down(x, current)
            if current == level:
                x = fade * x + (1 - fade) * self._from_rgb(average_down2(image), level - 1)
        return x

    def head(self, x: Array) -> Array:
        """Logit (a scalar) from ``[4, 4, C + 1]``: the trunk's features and the minibatch standard deviation."""
        x = leaky_relu(self.conv_4(x))
        x = leaky_relu(self.dense_4(x.reshape(-1)))
        return self.logit(x)[0]

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``: lower levels see images only while growing."""
        self.prepare()
        lower = (f"from_rgb_{START_RESOLUTION << level}" for level in range(len(self.channels) - 1))
        for name in (*lower, "conv_4", "dense_4", "logit"):
            getattr(self, name).prepare()


def logits(
    module: PGGANDiscriminator, params: Params, images: Array, level: int | None = None, fade: Array | float = 1.0
) -> Array:
    """Realness of a batch of images.

    Args:
        module: the network.
        params: its weights.
        images: ``[B, S, S, image_channels]`` in [-1, 1], S = ``4 << level``; B a multiple of ``module.group_size`` or
            below it.
        level: the level the network has grown to; None is the full resolution.
        fade: weight of the newest block, 0 to 1.

    Returns:
        Logits ``[B]``, larger for more real.
    """
    variables = {"params": params}
    trunk, head = nn.apply(PGGANDiscriminator.trunk, module), nn.apply(PGGANDiscriminator.head, module)
    features = jax.vmap(lambda image: trunk(variables, image, level, fade))(images)
    return jax.vmap(lambda x: head(variables, x))(minibatch_stddev(features, module.group_size))
