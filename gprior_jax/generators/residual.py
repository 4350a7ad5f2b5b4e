"""What BigGAN and BigGAN-deep share: a dense layer to 4x4, residual blocks, attention, and an output.

Every layer but the output takes a style, a part of the code and the embedding of the class behind it, so that both are
generators with styles: W+ is what the layers are told, and where all of them are told the same, W is. So a network can
be cut at any layer, and codes and classes can be edited, composed and optimised layer by layer.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gprior_jax.nn.attention import SelfAttention
from gprior_jax.nn.conditional_norm import ConditionalNorm
from gprior_jax.nn.convolution import ConvPath
from gprior_jax.nn.layers import Conv, Weights
from gprior_jax.nn.pyramid import START_RESOLUTION
from gprior_jax.nn.residual import StyledBlock
from gprior_jax.typing import Array


class Residual:
    """Mixed into a Linen module with these attributes."""

    channels: tuple[int, ...]
    z_dim: int
    num_classes: int
    embed_dim: int
    attention: tuple[int, ...]
    image_channels: int
    conv_path: ConvPath

    def enlarging(self) -> tuple[bool, ...]:
        """Whether a block enlarges, for every one."""
        raise NotImplementedError

    @property
    def chunk_dim(self) -> int:
        """Numbers of the code in a style, before those of the class."""
        return self.z_dim

    @property
    def own_part(self) -> tuple[slice, slice]:
        """What of its style the first layer takes, and what the blocks take of theirs."""
        return slice(None), slice(None)

    @property
    def norm_settings(self) -> dict[str, Any]:
        """Settings of all norms, see :class:`gprior_jax.nn.conditional_norm.ConditionalNorm`."""
        raise NotImplementedError

    @property
    def block_kind(self) -> type[StyledBlock]:
        """The kind of the blocks."""
        raise NotImplementedError

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one latent code."""
        return (self.z_dim,)

    @property
    def num_styles(self) -> int:
        """Styles that the layers take, all but the output."""
        return len(self.channels)

    @property
    def class_dim(self) -> int:
        """Numbers of the class in a style."""
        return self.embed_dim or self.num_classes

    @property
    def w_dim(self) -> int:
        """Length of a style."""
        return self.chunk_dim + self.class_dim

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers in order; ``output`` is the last."""
        return (*(f"layer{k}" for k in range(len(self.channels))), "output")

    def _side(self, layer: int) -> int:
        """Side of what layers ``[0, layer)`` give, pixels."""
        return START_RESOLUTION << sum(self.enlarging()[: layer - 1])

    @property
    def resolution(self) -> int:
        """Side of the image, pixels."""
        return self._side(len(self.channels))

    def feature_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of what layers ``[0, layer)`` give for one code: ``[z_dim]`` for 0, else ``[H, W, C]``."""
        if layer == 0:
            return (self.z_dim,)
        if layer == len(self.layer_names):
            return (self.resolution, self.resolution, self.image_channels)
        side = self._side(layer)
        return (side, side, self.channels[layer - 1])

    def setup(self):
        """Declare the layers (Linen)."""
        first, block = (len(range(self.w_dim)[part]) for part in self.own_part)
        self.mapping = Embedding(self.num_classes, self.embed_dim)
        self.layer0 = Dense(first, (START_RESOLUTION, START_RESOLUTION, self.channels[0]))
        for layer, up in enumerate(self.enlarging(), start=1):
            shape = (self.channels[layer - 1], self.channels[layer], block, self._side(layer), up)
            own = self.block_kind(*shape, conv_path=self.conv_path, **self.norm_settings)
            # Linen names a submodule after its attribute: these are the names in the checkpoints.
            setattr(self, f"layer{layer}", own)
        for layer in self.attention:
            setattr(self, f"attention{layer}", SelfAttention(self.channels[layer]))
        self.output_norm = ConditionalNorm(self.channels[-1], 0, **self.norm_settings)
        self.output = Conv(self.channels[-1], self.image_channels, conv_path=self.conv_path, size=self.resolution)

    def prepare(self) -> dict[str, Any]:
        """Weights of every part, to be computed once and passed to the other methods."""
        names = (*self.layer_names, *(f"attention{layer}" for layer in self.attention), "output_norm")
        return {name: getattr(self, name).prepare() for name in names}

    def latent_maps(self) -> tuple[Array, ...]:
        """What each style is multiplied with, ``[w_dim, O]`` for each: the first layer's, the gains' and biases'."""
        found = [self.layer0.kernel.reshape(-1, self.layer0.kernel[0].size)]
        blocks = (getattr(self, f"layer{layer}") for layer in range(1, self.num_styles))
        found += [jnp.concatenate(block.style_kernels(), axis=1) for block in blocks]
        parts = (self.own_part[min(1, layer)] for layer in range(self.num_styles))
        return tuple(
            jnp.zeros((self.w_dim, own.shape[1]), own.dtype).at[part].set(own)
            for part, own in zip(parts, found, strict=True)
        )

    def chunks(self, z: Array) -> Array:
        """The part of every style that is of the code, ``[num_styles, chunk_dim]``."""
        return jnp.broadcast_to(z, (self.num_styles, self.z_dim))

    def map(self, z: Array, label: Array | None = None, weights: dict[str, Any] | None = None) -> Array:
        """Styles of one code.

        Args:
            z: ``[z_dim]``.
            label: ``[num_classes]``, one-hot or a mixture.
            weights: what ``prepare`` returned; nothing here is prepared.

        Returns:
            ``[num_styles, w_dim]``, of each the code's part first and the class's embedding behind it.
        """
        assert label is not None
        embedding = jnp.broadcast_to(self.mapping(label), (self.num_styles, self.class_dim))
        return jnp.concatenate([self.chunks(z), embedding], axis=-1)

    def mean_styles(self, label: Array | None = None) -> Array:
        """The mean of w over the latent distribution, of a class or over all.

        Args:
            label: ``[..., num_classes]``; None is the mean over the classes.

        Returns:
            ``[..., num_styles, w_dim]``.
        """
        label = jnp.full(self.num_classes, 1.0 / self.num_classes) if label is None else label
        own = self.mapping(label)[..., None, :]
        rows = jnp.broadcast_to(own, (*own.shape[:-2], self.num_styles, self.class_dim))
        return jnp.concatenate([jnp.zeros((*rows.shape[:-1], self.chunk_dim), rows.dtype), rows], axis=-1)

    def __call__(
        self,
        x: Any,
        start: int = 0,
        stop: int | None = None,
        weights: dict[str, Any] | None = None,
        styles: Array | None = None,
        axis_name: str | None = None,
    ) -> Array:
        """Run layers ``[start, stop)``.

        Args:
            x: features ``[H, W, C]`` of layer ``start``; not looked at for ``start=0``.
            start: first layer to run.
            stop: layer to stop before; None runs to the image.
            weights: what :meth:`prepare` returned; None prepares them here.
            styles: ``[num_styles, w_dim]``.
            axis_name: of the ``jax.vmap`` over a batch whose own statistics norms are to take, see
                :func:`gprior_jax.generators.standing.with_standing_statistics`; None takes the stored ones.

        Returns:
            Features ``[H, W, C]``, or the image ``[R, R, image_channels]`` in [-1, 1] when the last layer has run.
        """
        assert styles is not None
        weights = self.prepare() if weights is None else weights
        first, block = self.own_part
        for layer, name in list(enumerate(self.layer_names))[start:stop]:
            module: Any = getattr(self, name)
            if name == "output":
                x = jax.nn.relu(self.output_norm(x, None, weights["output_norm"], axis_name))
                x = jnp.tanh(module(x, weights[name]))
            elif layer == 0:
                x = module(styles[0][first], weights[name])
            else:
                x = module(x, styles[layer][block], weights[name], axis_name)
            if layer in self.attention:
                x = getattr(self, f"attention{layer}")(x, weights[f"attention{layer}"])
        return x

    def init_all(self, z: Array) -> None:
        """Touch every parameter, for ``init``."""
        self.prepare()
        self.mean_styles()


class Embedding(nn.Module):
    """Vectors of classes.

    Attributes:
        num_classes: how many.
        embed_dim: length of a vector; 0 takes the label itself.
    """

    num_classes: int
    embed_dim: int

    def setup(self):
        """Declare the parameters (Linen)."""
        if self.embed_dim:
            start = nn.initializers.lecun_normal()
            self.embedding = self.param("embedding", start, (self.num_classes, self.embed_dim))

    def __call__(self, label: Array) -> Array:
        """``[..., num_classes]``, one-hot or mixtures, to ``[..., embed_dim]``."""
        return jnp.dot(label, self.embedding) if self.embed_dim else label


class Dense(nn.Module):
    """Dense layer from a vector to a map, with a bias for every number of it.

    Attributes:
        in_features: length of the vector.
        out_shape: ``(H, W, C)``.
    """

    in_features: int
    out_shape: tuple[int, ...]

    def setup(self):
        """Declare the parameters (Linen)."""
        start = nn.initializers.lecun_normal(in_axis=0, out_axis=(1, 2, 3))
        self.kernel = self.param("kernel", start, (self.in_features, *self.out_shape))
        self.bias = self.param("bias", nn.initializers.zeros, self.out_shape)

    def prepare(self) -> Weights:
        """The weights, for :meth:`__call__`."""
        return Weights(self.kernel, self.bias)

    def __call__(self, x: Array, weights: Weights | None = None) -> Array:
        """``[in_features]`` to ``out_shape``."""
        kernel, bias = weights or self.prepare()
        return jnp.dot(x, kernel.reshape(self.in_features, -1)).reshape(self.out_shape) + bias
