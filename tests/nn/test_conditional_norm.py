"""Norms with a style against torch, and how sets of statistics are blended."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batteries import normal

from gprior_jax.nn.conditional_norm import ConditionalNorm, blend_of


def params_of(module):
    width = (module.style_dim, 5) if module.style_dim else (5,)
    names = ("gain_kernel", "bias_kernel") if module.style_dim else ("gain_scale", "bias")
    made = {name: normal(i, *width) for i, name in enumerate(names)}
    return made | {"stored_mean": normal(8, 1, 5), "stored_var": np.abs(normal(9, 1, 5)) + 0.5}


def wanted(x, mean, var, gain, bias, epsilon):
    """Of a batch of one, with torch."""
    tensors = [torch.from_numpy(np.ascontiguousarray(v)) for v in (x.transpose(2, 0, 1)[None], mean, var, gain, bias)]
    return F.batch_norm(*tensors, eps=epsilon)[0].permute(1, 2, 0).numpy()


def test_gain_and_bias_of_a_style():
    module = ConditionalNorm(5, 3, epsilon=0.1)
    params, x, style = params_of(module), normal(8, 4, 4, 5), normal(9, 3)
    gain, bias = 1 + style @ params["gain_kernel"], style @ params["bias_kernel"]
    found = module.apply({"params": params}, x, style)
    expected = wanted(x, params["stored_mean"][0], params["stored_var"][0], gain, bias, 0.1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    weights = module.apply({"params": params}, method="prepare")
    np.testing.assert_allclose(module.apply({"params": params}, x, style, weights), found, rtol=1e-6)


def test_gain_and_bias_of_its_own():
    module, x = ConditionalNorm(5, 0), normal(8, 4, 4, 5)
    params = params_of(module)
    expected = wanted(
        x, *(params[n][0] for n in ("stored_mean", "stored_var")), params["gain_scale"], params["bias"], 1e-5
    )
    np.testing.assert_allclose(module.apply({"params": params}, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("truncation", "first", "share"),
    [
        *[(1.0, 50, 1.0), (0.5, 25, 1.0), (0.02, 1, 1.0)],
        # Between sets 25 and 26, three quarters of the way: set 25 has three quarters, where 26 is nearer.
        *[(0.515, 25, 0.75), (0.505, 25, 0.25), (0.01, 0, 0.5)],
        # On sets 7, 14 and 28, but for the last digit of a quotient: all is of the next one, of which none was meant.
        *[(0.14, 7, 0.0), (0.28, 14, 0.0), (0.56, 28, 0.0)],
        # On sets 29 and 47, likewise: all is of the one before.
        *[(0.58, 28, 1.0), (0.94, 46, 1.0)],
    ],
)
def test_shares_of_neighbouring_sets(truncation, first, share):
    found = blend_of(truncation, 51)
    assert found[0] == first
    assert found[1] == pytest.approx(share, abs=1e-9)
    sets = np.arange(51.0, dtype=np.float32)
    module = ConditionalNorm(1, 0, epsilon=0.0, num_sets=51, truncation=truncation)
    params = {"stored_mean": sets[:, None], "stored_var": np.ones((51, 1), np.float32)}
    params |= {"gain_scale": np.ones(1, np.float32), "bias": np.zeros(1, np.float32)}
    mean = -float(module.apply({"params": params}, np.zeros((1, 1, 1), np.float32))[0, 0, 0])
    assert mean == pytest.approx(first * share + (first + 1) * (1 - share) if share < 1 else first, rel=1e-6)


def test_truncations_whose_quotient_is_not_their_set():
    """All multiples of the step that read another set, as the division in float64 has it: no others."""
    off = [round(0.02 * i, 2) for i in range(1, 51) if math.modf(round(0.02 * i, 2) / 0.02)[0]]
    assert off == [0.14, 0.28, 0.56, 0.58, 0.94]
    assert all(blend_of(t, 51)[1] not in (0.0, 1.0) for t in off)
