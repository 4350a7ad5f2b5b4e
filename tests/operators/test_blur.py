"""Blur and its kernels against scipy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal
from scipy import ndimage

from gprior_jax.operators import Blur, gaussian_kernel, motion_kernel, stack


@pytest.mark.parametrize("side", [1, 3, 7, 15])
@pytest.mark.parametrize("size", [(16, 16), (13, 21)])
def test_any_kernel_as_scipy(side, size):
    image, kernel = normal(1, *size, 3), normal(2, side, side) / side
    # scipy's "mirror" is numpy's and torch's "reflect".
    wanted = np.stack([ndimage.correlate(image[..., c], kernel, mode="mirror") for c in range(3)], -1)
    # Fourier transforms in float32: errors of a few 1e-7 of the largest values, which are about 10.
    np.testing.assert_allclose(Blur(kernel)(image), wanted, atol=1e-5)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.3])
def test_gaussian_as_scipy(sigma):
    image, kernel = normal(3, 32, 32, 1), gaussian_kernel(sigma)
    reach = kernel.shape[0] // 2
    wanted = ndimage.gaussian_filter(image[..., 0].astype(np.float64), sigma, mode="mirror", radius=reach)
    np.testing.assert_allclose(Blur(kernel)(image)[..., 0], wanted, atol=1e-5)
    assert reach == np.ceil(3 * sigma)


@pytest.mark.parametrize("kernel", [gaussian_kernel(1.5), motion_kernel(6.0, 20.0), motion_kernel(0.5, 0.0)])
def test_kernels_sum_to_one_and_are_symmetric(kernel):
    assert kernel.dtype == jnp.float32
    np.testing.assert_allclose(kernel.sum(), 1.0, rtol=1e-6)
    assert (np.asarray(kernel) >= 0).all()
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-6)
    np.testing.assert_allclose(Blur(kernel)(jnp.full((16, 16, 3), 0.25)), 0.25, atol=1e-6)


def test_motion_along_an_axis_is_a_moving_average():
    kernel = np.asarray(motion_kernel(5.0, 0.0, size=7))
    wanted = np.zeros((7, 7))
    wanted[3, 1:6] = 0.2
    np.testing.assert_allclose(kernel, wanted, atol=1e-6)
    np.testing.assert_allclose(motion_kernel(5.0, 90.0, size=7), wanted.T, atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 30.0, 45.0, 90.0, 160.0])
@pytest.mark.parametrize("length", [3.0, 8.5])
def test_direction_and_length_of_motion(angle, length):
    kernel = np.asarray(motion_kernel(length, angle), np.float64)
    assert (kernel == np.asarray(motion_kernel(length, angle, kernel.shape[0] + 4))[2:-2, 2:-2]).all(), "cut"
    reach = kernel.shape[0] // 2
    y, x = np.mgrid[reach : -reach - 1 : -1, -reach : reach + 1]
    moments = np.array([[(kernel * a * b).sum() for a in (x, y)] for b in (x, y)])
    values, vectors = np.linalg.eigh(moments)
    found = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])) % 180
    # Pixels turn a line by a few degrees at most; a line's variance is length^2 / 12, soft edges add up to 1 / 6.
    assert abs((found - angle + 90) % 180 - 90) < 3
    assert values[1] == pytest.approx(length**2 / 12, abs=0.25)


def test_kernels_trace_with_a_size():
    sigmas = jnp.array([0.8, 1.6])
    kernels = jax.jit(jax.vmap(lambda sigma: gaussian_kernel(sigma, size=9)))(sigmas)
    np.testing.assert_allclose(kernels[1], gaussian_kernel(1.6, size=9), atol=1e-6)
    moved = jax.jit(lambda length, angle: motion_kernel(length, angle, size=9))(4.0, 10.0)
    np.testing.assert_allclose(moved, motion_kernel(4.0, 10.0, size=9), atol=1e-6)
    with pytest.raises(ValueError, match="a kernel needs a size where its parameters are traced"):
        jax.jit(gaussian_kernel)(1.0)


def test_gradient_reaches_the_kernel():
    images = normal(4, 2, 12, 12, 3)
    blurs = stack([Blur(gaussian_kernel(s, size=5)) for s in (0.7, 1.4)])
    gradient = jax.grad(lambda op: (jax.vmap(lambda o, x: o(x))(op, images) ** 2).sum())(blurs)
    ahead, behind = (blurs.kernel + t * normal(5, 2, 5, 5) for t in (1e-2, -1e-2))
    total = [float((jax.vmap(lambda k, x: Blur(k)(x))(k, images) ** 2).sum()) for k in (ahead, behind)]
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
        (lambda: Blur(jnp.ones((2, 2)))(jnp.ones((8, 8, 3))), r"a blur kernel is \[k, k\] with k odd, got shape"),
        (lambda: Blur(jnp.ones((17, 17)))(jnp.ones((8, 8, 3))), "a kernel of 17 pixels is too large for an image of 8"),
    ],
)
def test_errors(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
