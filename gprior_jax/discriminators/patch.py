"""PatchGAN: a discriminator that judges every patch of a picture by itself (Isola et al. 2017, arXiv:1611.07004).

Source: junyanz/pytorch-CycleGAN-and-pix2pix, ``models/networks.py``, ``NLayerDiscriminator`` and
``PixelDiscriminator``. With three layers a logit sees 70 x 70 pixels; with none one pixel. pix2pix shows it the picture
before and after translation, one behind the other; CycleGAN that after alone.
"""

import flax.linen as nn

from gprior_jax.errors import ArgumentError
from gprior_jax.nn.layers import leaky_relu
from gprior_jax.nn.normed import Norm, NormedConv, Window
from gprior_jax.nn.whole import Settings, Whole, stages_of
from gprior_jax.typing import Array

_GROWTH = 3
"""Times that the width doubles at most."""


class PatchGAN(nn.Module):
    """Logits of the patches of a picture.

    Attributes:
        width: channels of the first layer (``ndf``).
        layers: convolutions that halve (``n_layers``); 0 judges pixels.
        in_channels: of what is judged.
        norm: ``"batch"`` as pix2pix has it, or ``"instance"``, CycleGAN.
        affine: instance norm has a scale and a bias.

    >>> PatchGAN().field, PatchGAN(layers=0).field
    (70, 1)
    """

    width: int = 64
    layers: int = 3
    in_channels: int = 6
    norm: Norm = "batch"
    affine: bool = False

    def __post_init__(self):
        if self.layers < 0:
            raise ArgumentError(f"layers {self.layers}: use 0, which judges pixels, or more.")
        super().__post_init__()

    @property
    def windows(self) -> tuple[Window, ...]:
        """Where its convolutions look, in order."""
        if not self.layers:
            return (Window(1),) * 3
        return (Window(4, 2, 1),) * self.layers + (Window(4, 1, 1),) * 2

    @property
    def field(self) -> int:
        """Side of what a logit sees, pixels."""
        side = 1
        for window in reversed(self.windows):
            side = (side - 1) * window.stride + window.size
        return side

    @property
    def smallest(self) -> int:
        """Side of the smallest picture: the last norm sees a map of more than one pixel, and there is a logit."""
        return 4 << self.layers if self.layers else 2

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the smallest picture."""
        return (self.smallest, self.smallest, self.in_channels)

    def setup(self):
        """Declare the layers (Linen)."""
        inner = [self.width << min(i, _GROWTH) for i in range(len(self.windows) - 1)]
        widths = (self.in_channels, *inner, 1)
        last = len(self.windows) - 1
        made = []
        for i, window in enumerate(self.windows):
            norm = self.norm if 0 < i < last else None
            # The bias of the last convolution over pixels goes by the norm, that of the last over patches does not.
            bare = self.norm == "batch" and i > 0 and (i < last or not self.layers)
            made.append(NormedConv(widths[i], widths[i + 1], window, norm, self.affine, use_bias=not bare))
        self.stages = made

    def __call__(self, image: Array, axis_name: str | None = None) -> Array:
        """Logits ``[h, w]`` of the patches of one picture ``[H, W, C]`` in [-1, 1].

        Args:
            image: what is judged.
            axis_name: of the ``jax.vmap`` over a batch whose statistics batch norm takes; None takes the picture's own,
                which is the same for one picture.
        """
        layers = {f"stages_{i}": layer for i, layer in enumerate(self.stages)}
        weights = {name: layer.prepare() for name, layer in layers.items()}
        ops = Whole(stages_of(layers), weights, Settings(axis_name=axis_name))
        for name in layers:
            image = ops.stage(name, image)
            image = image if name == f"stages_{len(layers) - 1}" else leaky_relu(image)
        return image[..., 0]

    def init_all(self, image: Array) -> None:
        """Touch every parameter, for ``init``."""
        for layer in self.stages:
            layer.prepare()
