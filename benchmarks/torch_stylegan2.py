"""StyleGAN2's published forward pass, stated plainly in PyTorch: the rival of ``benchmarks/stylegan2.py``.

A kernel for every image, scaled and demodulated, applied to the whole batch as one grouped convolution; the enlarging
convolution as a grouped transposed one followed by a depthwise filter. Written from the paper (arXiv:1912.04958,
section 2.2); it runs on the weights of our generator.
"""

from typing import Any

import torch
from torch.nn import functional


def tensors(params: Any) -> Any:
    """Our weights as tensors; kernels become OIHW."""
    if isinstance(params, dict):
        return {name: tensors(value) for name, value in params.items()}
    value = torch.from_numpy(params.copy())
    return value.permute(3, 2, 0, 1).contiguous() if value.ndim == 4 else value


def synthesize(params: Any, styles: torch.Tensor) -> torch.Tensor:
    """Images ``[B, 3, R, R]`` of styles ``[B, num_styles, w_dim]``."""
    x = params["const"].permute(2, 0, 1).expand(len(styles), -1, -1, -1)
    image = None
    for layer in range(styles.shape[1] - 1):
        x = _styled(x, params[f"layer{layer}"], styles[:, layer], up=layer % 2 == 1)
        if layer % 2 == 0:
            own = _to_rgb(x, params[f"output{layer // 2}"], styles[:, layer + 1])
            image = own if image is None else _enlarged(image) + own
    assert image is not None
    return image


def _affine(params: Any, w: torch.Tensor) -> torch.Tensor:
    return functional.linear(w, params["kernel"].t() / w.shape[1] ** 0.5, params["bias"])


def _styled(x: torch.Tensor, params: Any, w: torch.Tensor, up: bool) -> torch.Tensor:
    batch, inputs, height, width = x.shape
    weight = params["kernel"][None] * _affine(params["affine"], w)[:, None, :, None, None]
    weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    outputs = weight.shape[1]
    x = x.reshape(1, batch * inputs, height, width)
    if up:
        weight = weight.transpose(1, 2).reshape(batch * inputs, outputs, 3, 3)
        x = functional.conv_transpose2d(x, weight, stride=2, groups=batch)
        x = _filtered(x.reshape(batch, outputs, *x.shape[2:]), (1, 1, 1, 1))
    else:
        x = functional.conv2d(x, weight.reshape(batch * outputs, inputs, 3, 3), padding=1, groups=batch)
        x = x.reshape(batch, outputs, height, width)
    x = x + params["noise_strength"] * params["noise"] + params["bias"][:, None, None]
    return functional.leaky_relu(x, 0.2) * 2**0.5


def _to_rgb(x: torch.Tensor, params: Any, w: torch.Tensor) -> torch.Tensor:
    batch, inputs, height, width = x.shape
    style = _affine(params["affine"], w) / inputs**0.5
    weight = (params["kernel"].t()[None] * style[:, None]).reshape(batch * 3, inputs, 1, 1)
    out = functional.conv2d(x.reshape(1, batch * inputs, height, width), weight, groups=batch)
    return out.reshape(batch, 3, height, width) + params["bias"][:, None, None]


def _filtered(x: torch.Tensor, pads: tuple[int, int, int, int]) -> torch.Tensor:
    """[1, 3, 3, 1] along each axis with the gain of an enlargement, as a depthwise convolution."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, -1, -1)
    return functional.conv2d(functional.pad(x, pads), kernel, groups=x.shape[1])


def _enlarged(image: torch.Tensor) -> torch.Tensor:
    batch, channels, height, width = image.shape
    stuffed = image.new_zeros(batch, channels, 2 * height, 2 * width)
    stuffed[..., ::2, ::2] = image
    return _filtered(stuffed, (2, 1, 2, 1))
