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
