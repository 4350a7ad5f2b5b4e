"""Reduction against torch, Pillow and PULSE, and its pseudoinverse."""

from typing import get_args

import jax
import numpy as np
import pytest
import torch
from batteries import normal
from PIL import Image

from gprior_jax.operators import Downsample, DownsampleFilter, downsample_matrix
from operators.calling import apply, apply_each

FILTERS = get_args(DownsampleFilter)
CASES = [((16, 16), 2), ((15, 9), 3), ((32, 32), 4)]


@pytest.mark.parametrize(("size", "factor"), CASES)
@pytest.mark.parametrize("filter", ["area", "bilinear"])
def test_as_torch(filter, size, factor):
    image = normal(1, *size, 3)
    options = {"align_corners": False} if filter == "bilinear" else {}
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(image).permute(2, 0, 1)[None], scale_factor=1 / factor, mode=filter, **options
    )
    np.testing.assert_allclose(apply(Downsample(factor, filter), image), wanted[0].permute(1, 2, 0), atol=1e-5)


@pytest.mark.parametrize(("size", "factor"), CASES)
@pytest.mark.parametrize(
    ("filter", "pillow"), [("bicubic", Image.Resampling.BICUBIC), ("lanczos", Image.Resampling.LANCZOS)]
)
def test_as_pillow(filter, pillow, size, factor):
    image = normal(2, *size, 3)
    small = (size[1] // factor, size[0] // factor)
    # Mode "F" keeps floats: Pillow's 8-bit path rounds.
    channels = [np.asarray(Image.fromarray(image[..., c]).resize(small, pillow)) for c in range(3)]
    np.testing.assert_allclose(apply(Downsample(factor, filter), image), np.stack(channels, -1), atol=1e-5)


@pytest.mark.parametrize("factor", [2, 4, 8, 16])
def test_as_pulse(factor, golden, golden_weights):
    images = golden_weights.normal("hr", (2, 3, 128, 128), 0.5, salt=5).transpose(0, 2, 3, 1)
    with np.load(golden / "pulse.npz") as arrays:
        wanted = arrays[f"bicubic_{factor}"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(apply_each(Downsample(factor, "pulse"), images), wanted, atol=1e-5)


@pytest.mark.parametrize("filter", FILTERS)
def test_rows_sum_to_one(filter):
    matrix = downsample_matrix(16, 4, filter)
    assert matrix.shape == (4, 16)
    np.testing.assert_allclose(matrix.sum(1), 1.0, rtol=1e-6)
    assert downsample_matrix(16, 4, filter) is matrix
    assert not matrix.flags.writeable


@pytest.mark.parametrize("filter", FILTERS)
def test_back_projection_is_the_least_norm_solution(filter):
    operator, observation = Downsample(4, filter), normal(3, 8, 4, 3)
    found = np.asarray(jax.jit(Downsample.back_project)(operator, observation))
    assert found.shape == (32, 16, 3)
    np.testing.assert_allclose(apply(operator, found), observation, atol=2e-5)
    # An independent solver of the whole problem, rows and columns at once, in float64.
    matrix = np.kron(downsample_matrix(32, 4, filter), downsample_matrix(16, 4, filter)).astype(np.float64)
    wanted = np.linalg.lstsq(matrix, observation.reshape(-1, 3).astype(np.float64), rcond=None)[0]
    np.testing.assert_allclose(found.reshape(-1, 3), wanted, atol=2e-5)


@pytest.mark.parametrize(
    ("factor", "filter", "sentence"),
    [
        (3, "area", r"factor 3 does not fit a side of 16 pixels with area: use one of 1, 2, 4, 8, 16\."),
        (0, "bilinear", "factor 0 does not fit a side of 16 pixels"),
        (16, "pulse", r"factor 16 does not fit a side of 16 pixels with pulse: use one of 1, 2, 4, 8\."),
        (2, "nearest", "filter 'nearest': use area, bilinear, bicubic, lanczos or pulse"),
    ],
)
def test_errors(factor, filter, sentence):
    with pytest.raises(ValueError, match=sentence):
        Downsample(factor, filter)(normal(4, 16, 16, 3))
