"""Random classifiers and linear weights of LPIPS, as torchvision and the lpips package publish them."""

import functools
import zipfile

import numpy as np
import torch

VGG_INDICES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
VGG_WIDTHS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
ALEXNET = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
LINEAR_WIDTHS = {
    "alex": (64, 192, 384, 256, 256),
    "vgg": (64, 128, 256, 512, 512),
    "squeeze": (64, 128, 256, 384, 384, 512, 512),
}


def vgg_state(depth=13, prefix="features."):
    """Random arrays under torchvision's keys."""
    rng, state, before = np.random.default_rng(0), {}, 3
    for index, width in zip(VGG_INDICES[:depth], VGG_WIDTHS[:depth], strict=True):
        weight = rng.standard_normal((width, before, 3, 3), np.float32) * np.sqrt(2 / (9 * before))
        state[f"{prefix}{index}.weight"] = weight.astype(np.float32)
        state[f"{prefix}{index}.bias"] = 0.1 * rng.standard_normal(width, np.float32)
        before = width
    return state


@functools.cache
def alexnet_state() -> dict[str, torch.Tensor]:
    """Random tensors under torchvision's keys."""
    rng, state = np.random.default_rng(0), {}
    for index, (out, into, side) in ALEXNET.items():
        weight = rng.standard_normal((out, into, side, side), np.float32) * np.sqrt(2 / (into * side**2))
        state[f"features.{index}.weight"] = torch.from_numpy(weight.astype(np.float32))
        state[f"features.{index}.bias"] = torch.from_numpy(0.1 * rng.standard_normal(out, np.float32))
    return state


def linear_state(name: str) -> dict[str, torch.Tensor]:
    """Random tensors under the keys of the lpips package."""
    rng = np.random.default_rng(1)
    weights = [torch.from_numpy(rng.uniform(0, 1, (1, w, 1, 1)).astype(np.float32)) for w in LINEAR_WIDTHS[name]]
    return {f"lin{i}.model.1.weight": weight for i, weight in enumerate(weights)}


def save_wheel(path, **states) -> None:
    """The part of the lpips wheel that is read; bytes are members as they are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lpips/__init__.py", "raise SystemExit('nothing of the wheel is run')")
        for name, state in states.items():
            if isinstance(state, bytes):
                archive.writestr(f"lpips/weights/v0.1/{name}.pth", state)
                continue
            with archive.open(f"lpips/weights/v0.1/{name}.pth", "w") as file:
                # The published files have PyTorch's old serialisation.
                torch.save(state, file, _use_new_zipfile_serialization=False)
