"""The sum that composes the features of several codes."""

import jax
import numpy as np
import pytest

from gprior_jax.latents.composition import weighted_sum


@pytest.mark.parametrize("count", [1, 3, 64, 65])
def test_equals_the_sum_in_float64_at_every_number_of_codes(count):
    rng = np.random.default_rng(count)
    features, weights = rng.standard_normal((count, 4, 6, 5)), rng.standard_normal((count, 5))
    expected = (features * weights[:, None, None]).sum(0)
    found = weighted_sum(features.astype(np.float32), weights.astype(np.float32))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.sqrt(count))


def test_is_one_pass_over_the_features():
    # Written as products, XLA copies the features to [C, ..., N].
    lowered = jax.jit(weighted_sum).lower(np.zeros((20, 8, 8, 16), np.float32), np.zeros((20, 16), np.float32))
    assert "dot_general" not in lowered.as_text()


@pytest.mark.parametrize("shared", ["features", "weights", "neither"])
def test_derivatives_of_a_batch_are_those_of_its_rows(shared):
    """Large enough for the library of kernels that XLA:CPU hands sums to, which mixes rows up."""
    rng = np.random.default_rng(0)
    features, weights, moved = (
        rng.standard_normal((2, *shape)).astype(np.float32) for shape in ((20, 16, 16, 128), (20, 128), (20, 128))
    )
    along = rng.standard_normal((2, 20, 16, 16, 128)).astype(np.float32)
    features = features[:1].repeat(2, 0) if shared == "features" else features
    weights = weights[:1].repeat(2, 0) if shared == "weights" else weights
    axes = (None if shared == "features" else 0, None if shared == "weights" else 0, 0, 0)
    given = [x[0] if axis is None else x for x, axis in zip((features, weights, along, moved), axes, strict=True)]

    def tangent(features, weights, along, moved):
        return jax.jvp(weighted_sum, (features, weights), (along, moved))[1]

    expected = np.einsum("tnhwc,tnc->thwc", along, weights) + np.einsum("tnhwc,tnc->thwc", features, moved)
    np.testing.assert_allclose(jax.jit(jax.vmap(tangent, axes))(*given), expected, atol=1e-3)

    def gradient(features, weights, along, moved):
        return jax.vjp(weighted_sum, features, weights)[1](along[0])

    found = jax.jit(jax.vmap(gradient, axes))(*given)
    np.testing.assert_allclose(found[0], along[:, :1] * weights[:, :, None, None], atol=1e-3)
    np.testing.assert_allclose(found[1], np.einsum("thwc,tnhwc->tnc", along[:, 0], features), atol=1e-2)
