"""Transposed convolutions against torch's."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batteries import normal

from gprior_jax.nn.transposed import conv_transpose

CLOSE = {"rtol": 1e-4, "atol": 2e-5}

# Kernel, stride, padding, output padding, input side: by phases, by stuffing zeros, and of one pixel.
TRANSPOSED = [
    case
    for case in itertools.product((2, 3, 4, 5), (1, 2, 3), (0, 1), (0, 1), (3,))
    if case[3] < case[1] and case[2] < case[0]
]
TRANSPOSED += [(4, 1, 0, 0, 1), (4, 2, 1, 0, 1), (3, 2, 0, 1, 1), (1, 2, 0, 0, 2), (7, 2, 3, 1, 4), (6, 2, 2, 0, 5)]
BY_PHASES = [c for c in TRANSPOSED if c[0] >= c[1] > 1 and c[0] - 2 * c[2] + c[3] == c[1]]


def torch_transposed(x, kernel, stride, padding, output_padding, cotangent=None):
    """Output HWC and, for a cotangent, the gradients of x and the kernel (HWIO)."""
    image = torch.from_numpy(x.transpose(2, 0, 1)[None].copy()).requires_grad_()
    weight = torch.from_numpy(kernel.transpose(2, 3, 0, 1).copy()).requires_grad_()
    out = F.conv_transpose2d(image, weight, stride=stride, padding=padding, output_padding=output_padding)
    value = out.detach()[0].permute(1, 2, 0).numpy()
    if cotangent is None:
        return value
    out.backward(torch.from_numpy(cotangent.transpose(2, 0, 1)[None].copy()))
    assert image.grad is not None
    assert weight.grad is not None
    return value, image.grad[0].permute(1, 2, 0).numpy(), weight.grad.permute(2, 3, 0, 1).numpy()


def primitives(function, *args):
    return [e.primitive.name for e in jax.make_jaxpr(function)(*args).eqns]


def test_cases_cover_the_phases():
    assert {(2, 2, 0, 0, 3), (4, 2, 1, 0, 3), (3, 2, 1, 1, 3), (3, 3, 0, 0, 3), (5, 3, 1, 0, 3)} <= set(BY_PHASES)
    assert len(TRANSPOSED) > 2 * len(BY_PHASES)


@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_conv_transpose_is_torchs(case):
    kernel_size, stride, padding, output_padding, side = case
    x, kernel = normal(1, side, side, 3), normal(2, kernel_size, kernel_size, 3, 2)
    actual = conv_transpose(jnp.asarray(x), jnp.asarray(kernel), stride, padding, output_padding)
    np.testing.assert_allclose(actual, torch_transposed(x, kernel, stride, padding, output_padding), **CLOSE)


@pytest.mark.parametrize(("kernel_size", "padding", "output_padding", "shape"), [(4, 1, 0, (4, 5)), (3, 1, 1, (3, 2))])
def test_gradient_by_phases_is_torchs(kernel_size, padding, output_padding, shape):
    x, kernel = normal(1, *shape, 3), normal(2, kernel_size, kernel_size, 3, 2)
    cotangent = normal(3, 2 * shape[0], 2 * shape[1], 2)
    expected = torch_transposed(x, kernel, 2, padding, output_padding, cotangent)
    out, pullback = jax.vjp(lambda x, k: conv_transpose(x, k, 2, padding, output_padding), x, kernel)
    for actual, reference in zip((out, *pullback(jnp.asarray(cotangent))), expected, strict=True):
        np.testing.assert_allclose(actual, reference, **CLOSE)


def test_phases_stuff_no_zeros():
    x, kernel = jnp.ones((4, 4, 5)), jnp.ones((4, 4, 5, 6))

    def both_gradients(x, kernel):
        return jax.grad(lambda x, kernel: jnp.sum(jnp.sin(conv_transpose(x, kernel, 2, 1))), (0, 1))(x, kernel)

    text = jax.jit(both_gradients).lower(x, kernel).as_text()
    assert text.count("stablehlo.convolution(") == 6  # Four phases, and one for either gradient.
    assert "lhs_dilate = [2, 2]" not in text
    stuffed = jax.jit(lambda x, k: conv_transpose(x, k, 2, 0)).lower(x, kernel).as_text()
    assert "lhs_dilate = [2, 2]" in stuffed


WIDE = [case for case in BY_PHASES if case[-1] <= 4]
"""With kernels of so many channels products for every tap are faster."""


@pytest.mark.parametrize("case", WIDE, ids=str)
def test_products_for_every_tap_are_torchs(case):
    kernel_size, stride, padding, output_padding, side = case
    x, kernel = normal(1, side, side + 1, 128), normal(2, kernel_size, kernel_size, 128, 130) / 16
    cotangent = normal(3, stride * side, stride * (side + 1), 130)
    expected = torch_transposed(x, kernel, stride, padding, output_padding, cotangent)
    names = primitives(lambda x, k: conv_transpose(x, k, stride, padding, output_padding), x, kernel)
    assert names.count("conv_transpose_forward") == 1
    out, pullback = jax.vjp(lambda x, k: conv_transpose(x, k, stride, padding, output_padding), x, kernel)
    for actual, reference in zip((out, *pullback(jnp.asarray(cotangent))), expected, strict=True):
        np.testing.assert_allclose(actual, reference, rtol=1e-4, atol=2e-5 * np.abs(reference).max())


def test_batches_of_many_pixels_go_by_phases():
    """Which is decided for the whole batch; the results of single images are the same."""
    x, kernel = jnp.asarray(normal(1, 20, 4, 4, 128)), jnp.asarray(normal(2, 4, 4, 128, 128)) / 16

    def loss(x, kernel):
        return jnp.sum(jnp.sin(jax.vmap(lambda x: conv_transpose(x, kernel, 2, 1))(x)))

    together = jax.value_and_grad(loss, (0, 1))(x, kernel)
    parts = [jax.value_and_grad(loss, (0, 1))(x[i : i + 10], kernel) for i in (0, 10)]
    value, (of_x, of_kernel) = together
    assert float(value) == pytest.approx(sum(float(part[0]) for part in parts), rel=1e-4, abs=1e-2)
    np.testing.assert_allclose(of_x, jnp.concatenate([part[1][0] for part in parts]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(of_kernel, sum(part[1][1] for part in parts), rtol=1e-3, atol=1e-3)


def test_phases_that_begin_a_pixel_later():
    """A transposed convolution of three phases, the last of which leaves out the first pixel."""
    x, kernel = normal(0, 6, 6, 8), normal(1, 3, 3, 8, 12)
    stuffed = np.zeros((20, 20, 8))
    stuffed[1:18:3, 1:18:3] = x  # Two zeros between pixels; of three taps with padding 1, one is before the first.
    windows = np.lib.stride_tricks.sliding_window_view(stuffed, (3, 3), axis=(0, 1))
    wanted = np.einsum("hwiab,abio->hwo", windows, kernel[::-1, ::-1])
    found = conv_transpose(jnp.asarray(x), jnp.asarray(kernel), 3, 1, 2)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
