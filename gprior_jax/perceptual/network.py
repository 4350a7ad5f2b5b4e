"""Perceptual networks behind one interface: an image ``[H, W, C]`` in [-1, 1] to a tuple of feature maps.

Two sources of features are at hand: VGG-16 with ImageNet weights, as in the papers, and the discriminator that was
trained with the prior, which needs nothing to be downloaded (its features have been used so since Larsen et al. 2016,
arXiv:1512.09300, section 3.2).
"""

import dataclasses
from typing import Any

import flax.struct
import jax

from gprior_jax.discriminators.critic import Critic
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.lpips import TRUNKS
from gprior_jax.perceptual.vgg import VGG16, imagenet_normalize
from gprior_jax.summary import fingerprint, summarise
from gprior_jax.typing import Array, Params

MGANPRIOR_LAYERS = ("relu3_3",)
"""torchvision ``features[0:16]`` (mGANprior ``inversion/losses.py``, ``vgg_layer`` 16)."""

MGANPRIOR_SIZE = 256
"""Images are resized to this side, after normalisation, nearest neighbour (ibid., ``image_size``)."""

VGG_SCALE = 1e-3
"""Factor on the mean absolute difference of VGG features (ibid.)."""


@flax.struct.dataclass
class PerceptualNetwork:
    """A network whose features are compared.

    Attributes:
        weights: weights as stored, nested dicts.
        prepared: weights prepared for use, see :meth:`prepare`; None until then.
        module: the Linen module (static); it offers ``features``, ``prepare`` and ``layer_names``.
        layers: layers whose features are compared (static).
        size: side that images are resized to, pixels; None leaves them (static).
        normalize: apply :func:`imagenet_normalize` first (static).
        scale: factor on the distance, so that a weight of 1 is a sensible one beside the pixel term (static).
    """

    weights: Params
    module: Any = flax.struct.field(pytree_node=False)
    layers: tuple[str, ...] = flax.struct.field(pytree_node=False)
    size: int | None = flax.struct.field(pytree_node=False, default=None)
    normalize: bool = flax.struct.field(pytree_node=False, default=False)
    scale: float = flax.struct.field(pytree_node=False, default=1.0)
    prepared: Any = None

    def __post_init__(self):
        if not self.layers:
            raise ArgumentError(f"no layer is compared: name some of {', '.join(self.module.layer_names)}.")
        if unknown := [name for name in self.layers if name not in self.module.layer_names]:
            raise ArgumentError(
                f"the perceptual network has no layer {', '.join(unknown)}: it has "
                f"{', '.join(self.module.layer_names)}."
            )

    def prepare(self) -> "PerceptualNetwork":
        """The network with its weights prepared once, so that a loop does not repeat it."""
        return self if self.prepared is not None else dataclasses.replace(self, prepared=_prepare(self))

    def summary(self) -> dict[str, Any]:
        """The network as JSON: what decides its features."""
        settings = {"layers": list(self.layers), "size": self.size, "normalize": self.normalize, "scale": self.scale}
        return {"module": summarise(self.module), "weights": fingerprint(self.weights)} | settings

    def features(self, image: Array) -> tuple[Array, ...]:
        """Features of one image ``[H, W, C]`` in [-1, 1] at :attr:`layers`."""
        if self.normalize:
            image = imagenet_normalize(image)
        if self.size is not None:
            image = im.resize(image, (self.size, self.size), "nearest")
        return self.module.apply({"params": self.weights}, image, self.layers, self.prepared, method="features")


@jax.jit
def _prepare(network: PerceptualNetwork) -> Any:
    return network.module.apply({"params": network.weights}, method="prepare")


def vgg16(
    module: VGG16, params: Params, layers: tuple[str, ...] = MGANPRIOR_LAYERS, size: int | None = MGANPRIOR_SIZE
) -> PerceptualNetwork:
    """VGG-16 as mGANprior uses it: ImageNet normalisation, nearest resize to 256, relu3_3.

    Args:
        module: the trunk.
        params: torchvision's weights, converted.
        layers: any of ``module.layer_names``.
        size: side that images are resized to; None leaves them.

    Raises:
        ValueError: a layer that the trunk does not have.
    """
    return PerceptualNetwork(params, module, layers, size, normalize=True, scale=VGG_SCALE)


def alexnet(
    module: AlexNet, params: Params, layers: tuple[str, ...] | None = None, size: int | None = MGANPRIOR_SIZE
) -> PerceptualNetwork:
    """AlexNet's features, of images treated as :func:`vgg16` treats them: their mean over the layers.

    Args:
        module: the trunk.
        params: torchvision's weights, converted.
        layers: any of ``module.layer_names``; None takes the five that LPIPS compares.
        size: side that images are resized to; None leaves them.

    Raises:
        ValueError: a layer that the trunk does not have.
    """
    names = tuple(TRUNKS["alexnet"].taps) if layers is None else layers
    return PerceptualNetwork(params, module, names, size, normalize=True, scale=1.0 / max(len(names), 1))


def discriminator(critic: Critic, layers: tuple[str, ...] | None = None) -> PerceptualNetwork:
    """Features of a discriminator.

    Args:
        critic: the network; its images are those of the prior that it was trained with.
        layers: any of ``critic.module.layer_names``; None takes them all.

    Raises:
        ValueError: a layer that the discriminator does not have.
    """
    names = critic.module.layer_names if layers is None else layers
    # The mean over layers at weight 1: of the factors tried, the best PSNR of portraits (benchmarks/RESULTS.md).
    scale = 1.0 / max(len(names), 1)
    return PerceptualNetwork(critic.params, critic.module, names, size=critic.module.input_shape[0], scale=scale)


def default(prior: Prior) -> PerceptualNetwork:
    """The perceptual network that comes with a prior: its discriminator.

    Raises:
        ValueError: the prior has none; the message says what to give instead.
    """
    if prior.critic is None:
        raise ArgumentError(
            f"{prior} comes without a discriminator, so it has no default perceptual network: pass one as perceptual "
            "(VGG-16: convert torchvision's vgg16-397923af.pth), or none to compare pixels only."
        )
    return discriminator(prior.critic)
