"""Colour profiles that are embedded in pictures: their pixels become sRGB, as every picture that is written is."""

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from gprior_jax.images.remarks import remark

_INTENT = ImageCms.Intent.PERCEPTUAL
"""What browsers take. Of profiles that are primaries and curves (all of cameras and screens) it equals the relative
colorimetric one."""

_SAME = 1
"""Grey levels by which a profile may move colours and still be sRGB: its authors round curves in several ways."""

_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}
"""Colour spaces of profiles, and the modes of pictures that they are for."""


def to_srgb(image: Image.Image, name: str = "the picture") -> Image.Image:
    """A picture without alpha as sRGB, 8 bits, by the profile that it came with.

    Pixels are left as they are if there is no profile, or one of sRGB itself. Gray pictures with a profile of colours
    are taken as colours.

    Args:
        image: any mode but palettes and those with alpha; ``info`` may hold ``"icc_profile"``.
        name: of the picture, for what is said.

    Returns:
        Of mode ``"RGB"``.

    Warns:
        GPriorWarning: the profile is damaged, or for other pictures; the pixels are left as they are.
    """
    profile = image.info.get("icc_profile")
    if image.mode == "LAB":
        return _applied(image, _lab_to_srgb())
    if not profile:
        return image.convert("RGB")
    try:
        mode, transform = _transform(bytes(profile))
        if transform is None:
            return image.convert("RGB")
        if mode == "RGB" and image.mode in ("1", "L", "YCbCr", "HSV"):
            image = image.convert("RGB")
        if mode == "L" and image.mode == "1":
            image = image.convert("L")
        if mode != image.mode:
            raise ValueError(f"it is one of {mode} for pixels of {image.mode}")
        return _applied(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError) as error:
        remark(f"{name}: its colour profile cannot be used ({_reason(error)}); its colours are taken as sRGB.")
        return image.convert("RGB")


def is_for(profile: bytes | None, mode: str) -> bool:
    """Whether a profile can be used, for pixels of a mode: ``"RGB"``, ``"L"`` or ``"CMYK"``."""
    try:
        return bool(profile) and _transform(bytes(profile or b""))[0] == mode
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError):
        return False


def from_srgb(pixels: np.ndarray, profile: bytes | None) -> np.ndarray:
    """The way back: sRGB pixels, uint8 ``[H, W, 3]``, in the colours of a profile.

    They are left as they are without a profile, with one of sRGB or of another kind, and with one that cannot be used.
    """
    if profile is None or not is_for(profile, "RGB") or _transform(bytes(profile))[1] is None:
        return pixels
    return np.asarray(_applied(Image.fromarray(pixels), _back(bytes(profile))))


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _applied(image: Image.Image, transform: Any) -> Image.Image:
    result = transform.apply(image)
    result.info.pop("icc_profile", None)
    return result


@functools.lru_cache(maxsize=32)
def _transform(profile: bytes) -> tuple[str, Any]:
    """The mode that a profile is for and what makes sRGB of it; None for that of sRGB itself.

    Raises:
        ImageCms.PyCMSError: it is damaged.
        ValueError: it is for something else than pictures.
    """
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space: str = getattr(opened.profile, "xcolor_space")  # noqa: B009 Pillow's annotation has it as a file.
    if space not in _SPACES:
        raise ValueError(f"its colour space is {space.strip()}")
    mode = _SPACES[space]
    transform = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB", _INTENT)
    if mode == "RGB":
        probe = _probe()
        moved = np.asarray(_applied(probe, transform), int) - np.asarray(probe, int)
        if np.abs(moved).max() <= _SAME:
            return mode, None
    return mode, transform


@functools.lru_cache(maxsize=8)
def _back(profile: bytes) -> Any:
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.buildTransform(ImageCms.createProfile("sRGB"), opened, "RGB", "RGB", _INTENT)


@functools.cache
def _lab_to_srgb() -> Any:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB", _INTENT)


def _probe() -> Image.Image:
    """Colours to try a profile with: all grays, and a grid of 17 levels a channel."""
    levels = np.linspace(0, 255, 17).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    grays = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    return Image.fromarray(np.concatenate([colours, grays])[None])
