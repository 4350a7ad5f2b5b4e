"""Perceptual networks behind one interface: an image ``[H, W, C]`` in [-1, 1] to a tuple of feature maps.

Sources of features are classifiers with ImageNet weights (VGG-16, as in the papers; AlexNet; EfficientNet-Lite0, the
smallest), and the discriminator that was trained with the prior, which needs nothing to be downloaded (its features
have been used so since Larsen et al. 2016, arXiv:1512.09300, section 3.2).
"""

import dataclasses
from functools import partial
from typing import Any

import flax.struct
import jax.numpy as jnp

from gprior_jax.compiling import jit
from gprior_jax.discriminators.critic import Critic
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.efficientnet import SIZE, EfficientNetLite0
from gprior_jax.perceptual.lpips import TRUNKS
from gprior_jax.perceptual.vgg import VGG16, imagenet_normalize
from gprior_jax.summary import fingerprint, summarise
from gprior_jax.typing import Array, Params

MGANPRIOR_LAYERS = ("relu3_3",)
"""torchvision ``features[0:16]`` (mGANprior ``inversion/losses.py``, ``vgg_layer`` 16)."""

MGANPRIOR_SIZE = 256
"""Images are resized to this side, after normalisation, nearest neighbour (ibid., ``image_size``)."""

IN_DOMAIN_LAYERS = ("relu4_3",)
"""Keras's ``block4_conv3`` (idinvert_pytorch ``models/perceptual_model.py``)."""

VGG_SCALE = 1e-3
"""Factor on the mean absolute difference of VGG features (ibid.)."""

EFFICIENTNET_LAYERS = ("block1", "block3", "block5", "block11")
"""The last blocks before the image is halved again."""

EFFICIENTNET_SCALE = 0.02
"""Factor on their mean distance. Of five tried, on six portraits, the best SSIM; it costs 0.1 dB of PSNR
(``benchmarks/RESULTS.md``)."""


DISCRIMINATOR_SCALE = 0.25
"""Factor on the mean distance of a discriminator's features: of those tried, the best PSNR of portraits, inverted with
the bundled priors (``benchmarks/RESULTS.md``)."""


@flax.struct.dataclass
class PerceptualNetwork:
    """A network whose features are compared.

    Attributes:
        weights: weights as stored, nested dicts.
        prepared: weights prepared for use, see :meth:`prepare`; None until then.
        module: the Linen module (static); it offers ``features``, ``prepare`` and ``layer_names``.
        layers: layers whose features are compared (static).
        size: side that images are resized to, pixels; None leaves them (static).
        normalize: apply the module's own ``normalize``, or :func:`imagenet_normalize`, first (static).
        scale: factor on the distance, so that a weight of 1 is a sensible one beside the pixel term (static).
        resize: how images are resized (static).
        whole: layers that describe an image as a whole, see :meth:`vector`; None takes :attr:`layers` (static).
    """

    weights: Params
    module: Any = flax.struct.field(pytree_node=False)
    layers: tuple[str, ...] = flax.struct.field(pytree_node=False)
    size: int | None = flax.struct.field(pytree_node=False, default=None)
    normalize: bool = flax.struct.field(pytree_node=False, default=False)
    scale: float = flax.struct.field(pytree_node=False, default=1.0)
    resize: im.ResizeMethod = flax.struct.field(pytree_node=False, default="nearest")
    whole: tuple[str, ...] | None = flax.struct.field(pytree_node=False, default=None)
    prepared: Any = None

    def __post_init__(self):
        if not self.layers:
            raise ArgumentError(f"no layer is compared: name some of {', '.join(self.module.layer_names)}.")
        named = (*self.layers, *(self.whole or ()))
        if unknown := [name for name in named if name not in self.module.layer_names]:
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
        if self.resize != "nearest":
            settings["resize"] = self.resize
        return {"module": summarise(self.module), "weights": fingerprint(self.weights)} | settings

    def features(self, image: Array) -> tuple[Array, ...]:
        """Features of one image ``[H, W, C]`` in [-1, 1] at :attr:`layers`; see :func:`suited` for its channels."""
        return self._at(self.layers, image)

    def vector(self, image: Array) -> Array:
        """One image ``[H, W, C]`` in [-1, 1] as a whole, ``[D]``: its :func:`pooled` features at :attr:`whole`.

        The Fréchet and the kernel distance of sets of images compare these.
        """
        return pooled(self._at(self.whole or self.layers, image))

    def features_and_vector(self, image: Array) -> tuple[tuple[Array, ...], Array]:
        """:meth:`features` and :meth:`vector` of one image, for the price of the deeper of them."""
        whole = self.whole or self.layers
        names = tuple(dict.fromkeys(self.layers + whole))
        found = dict(zip(names, self._at(names, image), strict=True))
        return tuple(found[name] for name in self.layers), pooled(tuple(found[name] for name in whole))

    def _at(self, layers: tuple[str, ...], image: Array) -> tuple[Array, ...]:
        im.check_pixels(image, "the image")
        image = suited(image, self.module.input_shape[-1])
        if self.normalize:
            own = getattr(self.module, "normalize", imagenet_normalize)
            image = own(image)
        if self.size is not None:
            image = im.resize(image, (self.size, self.size), self.resize)
        return self.module.apply({"params": self.weights}, image, layers, self.prepared, method="features")


def suited(image: Array, channels: int) -> Array:
    """An image ``[H, W, C]`` for a network that looks at so many channels.

    To those that look at colours gray is shown as colour, and RGBA laid over white
    (:func:`gprior_jax.images.arrays.as_rgb`).

    Raises:
        ValueError: the network looks at something else.
    """
    if image.shape[-1] == channels:
        return image
    if channels != 3:
        raise ArgumentError(
            f"the perceptual network looks at images of {channels} channels, these have {image.shape[-1]}: give one "
            "that was trained on such images."
        )
    return im.as_rgb(image)


def pooled(features: tuple[Array, ...]) -> Array:
    """Spatial means of the layers of one image, concatenated: ``[D]``, D the sum of their channels.

    >>> pooled((jnp.ones((4, 4, 2)), jnp.zeros((2, 2, 3)))).tolist()
    [1.0, 1.0, 0.0, 0.0, 0.0]
    """
    return jnp.concatenate([jnp.mean(x, axis=(0, 1)) for x in features])


@partial(jit, use="once", kept=True)
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


def keras_vgg16(module: VGG16, params: Params, layers: tuple[str, ...] = IN_DOMAIN_LAYERS) -> PerceptualNetwork:
    """VGG-16 with Keras's weights as in-domain inversion uses it: relu4_3 of images at their own size, unscaled.

    Args:
        module: the trunk, whose ``inputs`` are ``"keras"``.
        params: Keras's weights, converted from idinvert's ``vgg16.pth``.
        layers: any of ``module.layer_names``.

    Raises:
        ValueError: a layer that the trunk does not have.
    """
    return PerceptualNetwork(params, module, layers, normalize=True)


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


def efficientnet(
    module: EfficientNetLite0, params: Params, layers: tuple[str, ...] | None = None, size: int | None = SIZE
) -> PerceptualNetwork:
    """EfficientNet-Lite0: images resized to 224 (bicubic, as in its training), their mean distance over the layers.

    As a whole an image is what its classifier sees, the 1280 means of the last convolution.

    Args:
        module: the network.
        params: weights, converted.
        layers: any of ``module.layer_names``; None takes :data:`EFFICIENTNET_LAYERS`.
        size: side that images are resized to; None leaves them.

    Raises:
        ValueError: a layer that the network does not have.
    """
    names = EFFICIENTNET_LAYERS if layers is None else layers
    scale = EFFICIENTNET_SCALE / max(len(names), 1)
    return PerceptualNetwork(params, module, names, size, scale=scale, resize="bicubic", whole=("head",))


def discriminator(critic: Critic, layers: tuple[str, ...] | None = None) -> PerceptualNetwork:
    """Features of a discriminator.

    Args:
        critic: the network; its images are those of the prior that it was trained with.
        layers: any of ``critic.module.layer_names``; None takes them all.

    Raises:
        ValueError: a layer that the discriminator does not have.
    """
    names = critic.module.layer_names if layers is None else layers
    scale = DISCRIMINATOR_SCALE / max(len(names), 1)
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
