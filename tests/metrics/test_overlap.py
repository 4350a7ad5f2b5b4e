"""Intersection over union of maps and regions, at the best of all thresholds."""

import jax
import numpy as np
import pytest

from gprior_jax.errors import ArgumentError
from gprior_jax.metrics.overlap import best_overlap


def tried(values, region):
    """Every threshold by itself: the best IoU, its threshold and share."""
    best = (0.0, None, 0.0)
    for threshold in np.unique(values[values > 0])[::-1]:
        inside = values >= threshold
        iou = (inside & region).sum() / (inside | region).sum()
        if iou > best[0]:
            best = (iou, threshold, inside.mean())
    return best


@pytest.mark.parametrize("levels", [3, 1000])
def test_all_thresholds_are_tried(levels):
    rng = np.random.default_rng(0)
    region = rng.uniform(size=(5, 9, 7)) < 0.3
    values = rng.integers(-1, levels, region.shape) * np.where(region, 1.5, 1.0)
    found = jax.jit(jax.vmap(best_overlap))(values.astype(np.float32), region)
    for i in range(5):
        iou, threshold, share = tried(values[i].astype(np.float32), region[i])
        np.testing.assert_allclose([found.iou[i], found.threshold[i], found.share[i]], [iou, threshold, share], 1e-6)
        np.testing.assert_allclose(found.gain[i], (iou - region[i].mean()) / (1 - region[i].mean()), rtol=1e-4)


def test_the_same_value_everywhere_gains_nothing():
    region = np.arange(16).reshape(4, 4) < 4
    found = best_overlap(np.ones((4, 4)), region)
    assert [float(number) for number in (found.iou, found.share, found.gain)] == [0.25, 1.0, 0.0]


def test_a_map_of_nothing_covers_nothing():
    found = best_overlap(np.zeros((4, 4)), np.arange(16).reshape(4, 4) < 4)
    assert (float(found.iou), float(found.share)) == (0.0, 0.0)
    assert float(found.gain) < 0


def test_a_region_of_everything():
    found = best_overlap(np.arange(4.0).reshape(2, 2), np.ones((2, 2)))
    assert [float(number) for number in (found.iou, found.gain)] == [0.75, 0.0]


def test_shapes_are_checked():
    with pytest.raises(ArgumentError, match=r"a map \(4, 4\) and a region \(4, 4, 1\)"):
        best_overlap(np.zeros((4, 4)), np.zeros((4, 4, 1)))
