"""Projected discriminators against their statement in torch's functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from batteries import random_params
from torch.nn import functional as F

from gprior_jax.perceptual import projected
from gprior_jax.perceptual.efficientnet import EfficientNetLite0

NETWORK = random_params(EfficientNetLite0(), 1)
FROZEN = projected.freeze(NETWORK, jax.random.key(0))
WIDTHS = (32, 64, 128, 256)


def tensor(x) -> torch.Tensor:
    return torch.from_numpy(np.array(x, np.float32))


def maps_of(number: int, sides=(16, 8, 4, 2)) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    return tuple(
        rng.normal(size=(number, side, side, width)).astype(np.float32)
        for side, width in zip(sides, WIDTHS, strict=True)
    )


GROUP = 2


def with_deviations(x: torch.Tensor) -> torch.Tensor:
    """How much every channel differs between images i, i + B / 2, beside the features."""
    groups = x.unflatten(0, (GROUP, -1))
    deviation = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((2, 3))
    return torch.cat([x, deviation.repeat(GROUP, 1)[..., None, None].expand_as(x)], 1)


def torch_logits(heads, maps) -> list[np.ndarray]:
    """The discriminators, kernels divided by singular values that torch finds exactly."""
    found = []
    for level, features in enumerate(maps):
        x, layers = tensor(features).permute(0, 3, 1, 2), heads[f"head{level}"]
        for i in range(len(layers)):
            kernel = tensor(layers[f"layer{i}"]["kernel"])
            if i == len(layers) - 2:
                x = with_deviations(x)
            side, _, outputs = kernel.shape[1:]
            largest = torch.linalg.matrix_norm(kernel.reshape(-1, outputs), 2)
            weight = (kernel / largest).permute(3, 2, 0, 1)
            stride, padding = {4: (2, 1), 3: (1, 1), 1: (1, 0)}[side]
            x = F.conv2d(x, weight, tensor(layers[f"layer{i}"]["bias"]), stride, padding)
            if i == len(layers) - 1:
                break
            x = F.leaky_relu(x, 0.2)
        found.append(x.permute(0, 2, 3, 1).numpy())
    return found


@pytest.fixture(scope="module")
def heads():
    """Discriminators of three classes, with biases, whose singular vectors are known."""
    found = projected.init_heads(64, 3, jax.random.key(1))
    found = jax.tree_util.tree_map_with_path(
        lambda path, leaf: leaf + 0.1 * len(path[1].key) if path[-1].key == "bias" else leaf, found
    )
    return jax.lax.fori_loop(0, 2000, lambda i, heads: projected.iterate(heads), found)


def test_mixed_features_as_torch():
    image = np.random.default_rng(0).uniform(-1, 1, (32, 32, 3)).astype(np.float32)
    found = jax.jit(lambda image: projected.mixed_features(FROZEN, image, 64))(image)
    large = F.interpolate(tensor(image).permute(2, 0, 1)[None], scale_factor=2, mode="bilinear")
    features = jax.jit(
        lambda image: EfficientNetLite0().apply({"params": NETWORK}, image, projected.LAYERS, method="features")
    )(large[0].permute(1, 2, 0).numpy())
    coarse = None
    for level in (3, 2, 1, 0):
        x = tensor(features[level] / (9.0, 9.0, 8.0, 3.5)[level]) @ tensor(FROZEN.across[level])
        if coarse is not None:
            below = (coarse @ tensor(FROZEN.down[level])).permute(2, 0, 1)[None]
            enlarged = F.interpolate(below, scale_factor=2, mode="bilinear")[0].permute(1, 2, 0)
            x = (x + enlarged) / 2**0.5
        assert found[level].shape == (16 >> level, 16 >> level, WIDTHS[level])
        np.testing.assert_allclose(found[level], x.numpy(), atol=1e-4 * float(x.abs().max()))
        coarse = x


def test_logits_as_torch(heads):
    maps = maps_of(4)
    labels = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]
    found = jax.jit(projected.logits, static_argnums=3)(heads, maps, labels, GROUP)
    wanted = torch_logits(heads, maps)
    assert [x.shape for x in found] == [(4, 4, 4), (4, 4, 4), (4, 4, 4), (4, 2, 2)]
    for x, y in zip(found, wanted, strict=True):
        own = np.stack([image[..., index] for image, index in zip(y, (0, 1, 2, 1), strict=True)])
        np.testing.assert_allclose(x, own, atol=1e-4)


def test_power_iteration_finds_the_largest_singular_value(heads):
    for head in heads.values():
        for layer in head.values():
            kernel = np.asarray(projected._normalized(layer))
            largest = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
            assert largest == pytest.approx(1.0, abs=1e-3)


def test_one_iteration_brings_it_nearer():
    layer = {"kernel": jnp.diag(jnp.array([2.0, 1.0]))[None, None], "singular": jnp.array([0.6, 0.8])}
    found = projected.iterate({"head0": {"layer0": layer}})["head0"]["layer0"]["singular"]
    np.testing.assert_allclose(found, np.array([2.4, 0.8]) / np.hypot(2.4, 0.8), rtol=1e-5)


@pytest.mark.parametrize(("resolution", "layers"), [(16, [4, 3, 2, 2]), (64, [4, 3, 2, 2]), (256, [6, 5, 4, 3])])
def test_discriminators_halve_down_to_patches(resolution, layers):
    heads = jax.eval_shape(lambda: projected.init_heads(resolution, 0, jax.random.key(0)))
    assert [len(heads[f"head{i}"]) for i in range(4)] == layers
    size = projected.side(resolution)
    maps = [jax.ShapeDtypeStruct((4, size // (4 << i), size // (4 << i), WIDTHS[i]), jnp.float32) for i in range(4)]
    found = jax.eval_shape(lambda heads, maps: projected.logits(heads, maps, None, 4), heads, tuple(maps))
    sides = [min(4, size // (4 << i)) for i in range(4)]
    assert [x.shape for x in found] == [(4, side, side) for side in sides]


def test_mixing_is_drawn_by_its_key():
    again, other = projected.freeze(NETWORK, jax.random.key(0)), projected.freeze(NETWORK, jax.random.key(1))
    matrices = [*FROZEN.across, *FROZEN.down]
    for x, y, z in zip(matrices, [*again.across, *again.down], [*other.across, *other.down], strict=True):
        np.testing.assert_array_equal(x, y)
        assert (x != z).all()
        assert float(jnp.std(x)) == pytest.approx(x.shape[0] ** -0.5, rel=0.1)
