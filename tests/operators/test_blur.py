"""Blur and its kernels against scipy."""

import functools
import math

import jax
import numpy as np
import pytest
from batteries import normal
from scipy import ndimage

from gprior_jax.operators import Blur, gaussian_kernel, motion_kernel, stack
from operators.calling import apply

SIDES, SIGMAS = (1, 3, 7, 15), (0.5, 1.0, 2.3)


@functools.cache
def gaussians():
    """Kernels of :data:`SIGMAS`, of their own sizes."""
    return dict(zip(SIGMAS, jax.jit(lambda: [gaussian_kernel(sigma) for sigma in SIGMAS])(), strict=True))


@functools.cache
def motions(length):
    """From an angle to the kernel of its own size, and in one larger by 4; compiled once."""
    side = 2 * math.ceil(0.5 * length + 0.5) + 1
    return jax.jit(lambda angle: (motion_kernel(length, angle), motion_kernel(length, angle, side + 4)))


@pytest.mark.parametrize("size", [(16, 16), (13, 21)])
def test_any_kernel_as_scipy(size):
    image, kernels = normal(1, *size, 3), [normal(2, side, side) / side for side in SIDES]
    found = jax.jit(lambda kernels, image: [Blur(kernel)(image) for kernel in kernels])(kernels, image)
    for kernel, actual in zip(kernels, found, strict=True):
        # scipy's "mirror" is numpy's and torch's "reflect".
        wanted = np.stack([ndimage.correlate(image[..., c], kernel, mode="mirror") for c in range(3)], -1)
        # Fourier transforms in float32: errors of a few 1e-7 of the largest values, which are about 10.
        np.testing.assert_allclose(actual, wanted, atol=1e-5)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_gaussian_as_scipy(sigma):
    image, kernel = normal(3, 32, 32, 1), gaussians()[sigma]
    reach = kernel.shape[0] // 2
    wanted = ndimage.gaussian_filter(image[..., 0].astype(np.float64), sigma, mode="mirror", radius=reach)
    np.testing.assert_allclose(apply(Blur(kernel), image)[..., 0], wanted, atol=1e-5)
    assert reach == np.ceil(3 * sigma)


KERNELS = {"gaussian": lambda: gaussian_kernel(1.5), "motion": lambda: motion_kernel(6.0, 20.0)}
KERNELS |= {"hardly any motion": lambda: motion_kernel(0.5, 0.0)}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_sum_to_one_and_are_symmetric(name):
    kernel = np.asarray(jax.jit(KERNELS[name])())
    assert kernel.dtype == np.float32
    np.testing.assert_allclose(kernel.sum(), 1.0, rtol=1e-6)
    assert (kernel >= 0).all()
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-6)
    np.testing.assert_allclose(apply(Blur(kernel), np.full((16, 16, 3), 0.25, np.float32)), 0.25, atol=1e-6)


def test_motion_along_an_axis_is_a_moving_average():
    motion = jax.jit(lambda angle: motion_kernel(5.0, angle, size=7))
    kernel = np.asarray(motion(0.0))
    wanted = np.zeros((7, 7))
    wanted[3, 1:6] = 0.2
    np.testing.assert_allclose(kernel, wanted, atol=1e-6)
    np.testing.assert_allclose(motion(90.0), wanted.T, atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 30.0, 45.0, 90.0, 160.0])
@pytest.mark.parametrize("length", [3.0, 8.5])
def test_direction_and_length_of_motion(angle, length):
    kernel, larger = (np.asarray(each, np.float64) for each in motions(length)(angle))
    assert larger.shape[0] == kernel.shape[0] + 4
    assert (kernel == larger[2:-2, 2:-2]).all(), "cut"
    reach = kernel.shape[0] // 2
    y, x = np.mgrid[reach : -reach - 1 : -1, -reach : reach + 1]
    moments = np.array([[(kernel * a * b).sum() for a in (x, y)] for b in (x, y)])
    values, vectors = np.linalg.eigh(moments)
    found = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])) % 180
    # Pixels turn a line by a few degrees at most; a line's variance is length^2 / 12, soft edges add up to 1 / 6.
    assert abs((found - angle + 90) % 180 - 90) < 3
    assert values[1] == pytest.approx(length**2 / 12, abs=0.25)


def test_kernels_trace_with_a_size():
    sigmas = np.array([0.8, 1.6], np.float32)
    kernels = jax.jit(jax.vmap(lambda sigma: gaussian_kernel(sigma, size=9)))(sigmas)
    moved = jax.jit(lambda length, angle: motion_kernel(length, angle, size=9))(4.0, 10.0)
    for found, eager in ((kernels[1], gaussian_kernel(1.6, size=9)), (moved, motion_kernel(4.0, 10.0, size=9))):
        np.testing.assert_allclose(found, eager, atol=1e-6)
    with pytest.raises(ValueError, match="a kernel needs a size where its parameters are traced"):
        jax.jit(gaussian_kernel)(1.0)


def test_gradient_reaches_the_kernel():
    images = normal(4, 2, 12, 12, 3)
    blurs = stack([Blur(gaussian_kernel(s, size=5)) for s in (0.7, 1.4)])

    @jax.jit
    def squares(blurs):
        return (jax.vmap(lambda blur, image: blur(image))(blurs, images) ** 2).sum()

    gradient = jax.jit(jax.grad(squares))(blurs)
    total = [float(squares(Blur(blurs.kernel + t * normal(5, 2, 5, 5)))) for t in (1e-2, -1e-2)]
    # Quadratic in the kernel, so the central difference is exact but for float32 sums of about 1e3.
    assert np.vdot(gradient.kernel, normal(5, 2, 5, 5)) == pytest.approx((total[0] - total[1]) / 2e-2, rel=1e-2)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: gaussian_kernel(float("nan")), "sigma must be a positive number of pixels, got nan."),
        (lambda: gaussian_kernel(0.0), "sigma must be a positive number of pixels, got 0.0."),
        (lambda: gaussian_kernel(1.0, size=4), "a kernel has an odd side, got size 4."),
        (lambda: motion_kernel(-1.0, 0.0), "length must be a positive number of pixels, got -1.0."),
        (lambda: motion_kernel(3.0, float("inf")), "angle must be a number of degrees, got inf."),
        (lambda: Blur(np.ones((2, 2)))(np.ones((8, 8, 3))), r"a blur kernel is \[k, k\] with k odd, got shape"),
        (lambda: Blur(np.ones((17, 17)))(np.ones((8, 8, 3))), "a kernel of 17 pixels is too large for an image of 8"),
    ],
)
def test_errors(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
