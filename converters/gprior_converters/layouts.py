"""The published layouts, and which of them a state dict is of."""

from collections.abc import Callable
from typing import Any, NamedTuple

from gprior_converters import (
    alexnet,
    biggan,
    biggan_deep,
    dcgan,
    efficientnet,
    encoder,
    lpips,
    mm,
    neighbours,
    pggan,
    pytorch_gan,
    stylegan,
    stylegan2,
    stylegan2_discriminator,
    translation,
    unread,
    vgg,
)
from gprior_converters.contents import holds_directions, no_network
from gprior_converters.selecting import without_common_prefix
from gprior_converters.state import State
from gprior_jax.errors import CheckpointError


class UnknownLayoutError(CheckpointError):
    """The tensors are those of no known network."""


class Layout(NamedTuple):
    """One published format.

    Attributes:
        title: for people.
        role: ``"generator"``, ``"discriminator"``, ``"encoder"``, ``"perceptual"`` or ``"translator"``.
        recognises: whether a file's keys and shapes are of this format.
        convert: (tensors, file name, attribute overrides) to (module, weights, keys left out).
        licence_note: what is known about such files.
    """

    title: str
    role: str
    recognises: Callable[[dict[str, tuple[int, ...]]], bool]
    convert: Callable[[State, str, dict[str, Any]], tuple[Any, dict[str, Any], tuple[str, ...]]]
    licence_note: str


LAYOUTS: dict[str, Layout] = {
    "pggan_generator": Layout(
        "PGGAN generator (genforce, HiGAN, mGANprior, InterFaceGAN)",
        "generator",
        pggan.is_generator,
        pggan.convert_generator,
        pggan.LICENCE_NOTE,
    ),
    "pggan_discriminator": Layout(
        "PGGAN discriminator (genforce)",
        "discriminator",
        pggan.is_discriminator,
        pggan.convert_discriminator,
        pggan.LICENCE_NOTE,
    ),
    "stylegan_generator": Layout(
        "StyleGAN generator (genforce, idinvert, HiGAN, mGANprior, InterFaceGAN, lernapparat, PULSE)",
        "generator",
        stylegan.is_generator,
        stylegan.convert_generator,
        stylegan.LICENCE_NOTE,
    ),
    "stylegan2_generator": Layout(
        "StyleGAN2 generator (stylegan2-ada-pytorch, genforce, mGANprior, rosinality, pSp, e4e, ReStyle)",
        "generator",
        stylegan2.is_generator,
        stylegan2.convert_generator,
        stylegan2.LICENCE_NOTE,
    ),
    "stylegan2_discriminator": Layout(
        "StyleGAN2 discriminator (stylegan2-ada-pytorch, rosinality)",
        "discriminator",
        stylegan2_discriminator.is_discriminator,
        stylegan2_discriminator.convert_discriminator,
        stylegan2.LICENCE_NOTE,
    ),
    "biggan_generator": Layout(
        "BigGAN generator (ajbrock/BigGAN-PyTorch)",
        "generator",
        biggan.is_generator,
        biggan.convert_generator,
        biggan.LICENCE_NOTE,
    ),
    "biggan_deep_generator": Layout(
        "BigGAN-deep generator (pytorch-pretrained-biggan)",
        "generator",
        biggan_deep.is_generator,
        biggan_deep.convert_generator,
        biggan_deep.LICENCE_NOTE,
    ),
    "pro_gan_generator": Layout(
        "PGGAN generator (pro_gan_pytorch, package pro-gan-pth)",
        "generator",
        neighbours.is_pro_gan,
        neighbours.convert_pro_gan,
        neighbours.PRO_GAN_LICENCE,
    ),
    "gan_zoo_pggan_generator": Layout(
        "PGGAN generator (pytorch_GAN_zoo)",
        "generator",
        neighbours.is_gan_zoo,
        neighbours.convert_gan_zoo,
        neighbours.GAN_ZOO_LICENCE,
    ),
    "mm_pggan_generator": Layout(
        "PGGAN generator (MMGeneration, MMagic)",
        "generator",
        neighbours.is_mm,
        neighbours.convert_mm,
        neighbours.MM_LICENCE,
    ),
    "mm_stylegan2_generator": Layout(
        "StyleGAN2 generator (MMGeneration, MMagic)",
        "generator",
        mm.is_stylegan2,
        mm.convert_stylegan2,
        neighbours.MM_LICENCE,
    ),
    "mm_dcgan_generator": Layout(
        "DCGAN generator (MMGeneration, MMagic)",
        "generator",
        mm.is_dcgan_generator,
        mm.convert_dcgan_generator,
        neighbours.MM_LICENCE,
    ),
    "mm_dcgan_discriminator": Layout(
        "DCGAN discriminator (MMGeneration, MMagic)",
        "discriminator",
        mm.is_dcgan_discriminator,
        mm.convert_dcgan_discriminator,
        neighbours.MM_LICENCE,
    ),
    "resnet_translator": Layout(
        "ResNet generator (CycleGAN, pix2pix)",
        "translator",
        translation.is_resnet,
        translation.convert_resnet,
        translation.LICENCE_NOTE,
    ),
    "unet_translator": Layout(
        "U-Net generator (pix2pix, CycleGAN)",
        "translator",
        translation.is_unet,
        translation.convert_unet,
        translation.LICENCE_NOTE,
    ),
    # Before DCGAN's, whose kernels are of the same sizes.
    "patch_discriminator": Layout(
        "PatchGAN discriminator (pix2pix, CycleGAN)",
        "discriminator",
        lambda shapes: translation.is_patch_discriminator(shapes) or translation.is_pixel_discriminator(shapes),
        translation.convert_discriminator,
        translation.LICENCE_NOTE,
    ),
    "dcgan_generator": Layout(
        "DCGAN generator (pytorch/examples netG)",
        "generator",
        dcgan.is_generator,
        dcgan.convert_generator,
        dcgan.LICENCE_NOTE,
    ),
    "dcgan_discriminator": Layout(
        "DCGAN discriminator (pytorch/examples netD)",
        "discriminator",
        dcgan.is_discriminator,
        dcgan.convert_discriminator,
        dcgan.LICENCE_NOTE,
    ),
    "pytorch_gan_generator": Layout(
        "DCGAN generator (PyTorch-GAN dcgan, lsgan, dragan, began)",
        "generator",
        pytorch_gan.is_convolutional,
        pytorch_gan.convert_convolutional,
        pytorch_gan.LICENCE_NOTE,
    ),
    "dense_generator": Layout(
        "generator of dense layers (PyTorch-GAN gan, cgan, wgan)",
        "generator",
        pytorch_gan.is_dense,
        pytorch_gan.convert_dense,
        pytorch_gan.LICENCE_NOTE,
    ),
    "residual_encoder": Layout(
        "StyleGAN encoder (idinvert)", "encoder", encoder.is_encoder, encoder.convert, encoder.LICENCE_NOTE
    ),
    "vgg16": Layout("VGG-16 (torchvision)", "perceptual", vgg.is_vgg16, vgg.convert, vgg.LICENCE_NOTE),
    "alexnet": Layout("AlexNet (torchvision)", "perceptual", alexnet.is_alexnet, alexnet.convert, vgg.LICENCE_NOTE),
    "efficientnet_lite0": Layout(
        "EfficientNet-Lite0 (efficientnet_lite_pytorch)",
        "perceptual",
        efficientnet.is_efficientnet_lite0,
        efficientnet.convert,
        efficientnet.LICENCE_NOTE,
    ),
    # Linear weights alone are recognised in order to say what they lack; with a trunk they make the same layout.
    "lpips": Layout("LPIPS v0.1 (lpips package)", "perceptual", lpips.is_linear, lpips.convert, lpips.LICENCE_NOTE),
}
"""Every layout that is recognised from keys and shapes; a new format is a row here."""

WITH_SETTINGS = ("pro_gan_generator", "gan_zoo_pggan_generator", "dcgan_generator")
"""Layouts that take what a program stores beside its tensors, see :data:`gprior_converters.state.SETTINGS`."""

_MAX_PREFIXES = 4


def recognise(state: State, source: str) -> str:
    """Name of the layout of a network's tensors.

    Raises:
        CheckpointError: no layout fits.
    """
    return recognise_below(state, source)[0]


def recognise_below(state: State, source: str) -> tuple[str, State]:
    """:func:`recognise`, and the tensors without words that a training program put before all keys.

    Raises:
        CheckpointError: no layout fits.
    """
    below: State | None = state
    for _ in range(_MAX_PREFIXES):
        if below is None:
            break
        shapes = {key: tuple(value.shape) for key, value in below.items()}
        if name := next((name for name, layout in LAYOUTS.items() if layout.recognises(shapes)), None):
            return name, below
        if told := unread.reason(shapes):
            raise CheckpointError(f"{source} {told}; nothing was written.")
        below = without_common_prefix(below)
    if holds_directions(state):
        raise CheckpointError(f"{source} {no_network(state)}.")
    keys = ", ".join(f"{key} {list(value.shape)}" for key, value in list(state.items())[:4])
    raise UnknownLayoutError(
        f"{source} is of no known layout (its first tensors are {keys}); nothing was written: known are "
        f"{'; '.join(layout.title for layout in LAYOUTS.values())}; describe another network with --architecture."
    )
