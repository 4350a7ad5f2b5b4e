"""Reduction against torch, Pillow and PULSE, and its pseudoinverse."""

import numpy as np
import pytest
import torch
from batteries import normal
from PIL import Image

from gprior_jax.operators import Downsample, downsample_matrix

METHODS = ("area", "bilinear", "bicubic", "lanczos", "pulse")
CASES = [((16, 16), 2), ((16, 8), 4), ((15, 9), 3), ((64, 32), 16)]


@pytest.mark.parametrize(("size", "factor"), CASES)
@pytest.mark.parametrize("method", ["area", "bilinear"])
def test_as_torch(method, size, factor):
    image = normal(1, *size, 3)
    options = {"align_corners": False} if method == "bilinear" else {}
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(image).permute(2, 0, 1)[None], scale_factor=1 / factor, mode=method, **options
    )
    np.testing.assert_allclose(Downsample(factor, method)(image), wanted[0].permute(1, 2, 0), atol=1e-5)


@pytest.mark.parametrize(("size", "factor"), CASES)
@pytest.mark.parametrize(
    ("method", "filtered"), [("bicubic", Image.Resampling.BICUBIC), ("lanczos", Image.Resampling.LANCZOS)]
)
def test_as_pillow(method, filtered, size, factor):
    image = normal(2, *size, 3)
    small = (size[1] // factor, size[0] // factor)
    # Mode "F" keeps floats: Pillow's 8-bit path rounds.
    channels = [np.asarray(Image.fromarray(image[..., c]).resize(small, filtered)) for c in range(3)]
    np.testing.assert_allclose(Downsample(factor, method)(image), np.stack(channels, -1), atol=1e-5)


@pytest.mark.parametrize("factor", [2, 4, 8, 16])
def test_as_pulse(factor, golden, golden_weights):
    images = golden_weights.normal("hr", (2, 3, 128, 128), 0.5, salt=5).transpose(0, 2, 3, 1)
    with np.load(golden / "pulse.npz") as arrays:
        wanted = arrays[f"bicubic_{factor}"].transpose(0, 2, 3, 1)
    found = np.stack([Downsample(factor, "pulse")(image) for image in images])
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_rows_sum_to_one(method):
    matrix = downsample_matrix(16, 4, method)
    assert matrix.shape == (4, 16)
    np.testing.assert_allclose(matrix.sum(1), 1.0, rtol=1e-6)
    assert downsample_matrix(16, 4, method) is matrix
    assert not matrix.flags.writeable


@pytest.mark.parametrize("method", METHODS)
def test_back_projection_is_the_least_norm_solution(method):
    operator, observation = Downsample(4, method), normal(3, 8, 4, 3)
    found = np.asarray(operator.back_project(observation))
    assert found.shape == (32, 16, 3)
    np.testing.assert_allclose(operator(found), observation, atol=2e-5)
    # An independent solver of the whole problem, rows and columns at once, in float64.
    matrix = np.kron(downsample_matrix(32, 4, method), downsample_matrix(16, 4, method)).astype(np.float64)
    wanted = np.linalg.lstsq(matrix, observation.reshape(-1, 3).astype(np.float64), rcond=None)[0]
    np.testing.assert_allclose(found.reshape(-1, 3), wanted, atol=2e-5)


@pytest.mark.parametrize(
    ("factor", "method", "sentence"),
    [
        (3, "area", r"factor 3 does not fit a side of 16 pixels with area: use one of 1, 2, 4, 8, 16\."),
        (0, "bilinear", "factor 0 does not fit a side of 16 pixels"),
        (16, "pulse", r"factor 16 does not fit a side of 16 pixels with pulse: use one of 1, 2, 4, 8\."),
        (2, "nearest", "method 'nearest': use area, bilinear, bicubic, lanczos or pulse"),
    ],
)
def test_errors(factor, method, sentence):
    with pytest.raises(ValueError, match=sentence):
        Downsample(factor, method)(normal(4, 16, 16, 3))
