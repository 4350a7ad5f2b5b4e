"""LPIPS against the same distance stated plainly in torch, on random weights."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batteries import random_params, random_vgg

from gprior_jax import zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.objectives import Perceptual
from gprior_jax.perceptual.lpips import LPIPS, LPIPSNetwork, difference
from gprior_jax.recipes import mganprior
from gprior_jax.zoo.networks import build

# Of torchvision's ``features``, stated again: index: (stride, padding, side and stride of the maximum before it, tap).
LAYERS = {
    "alexnet": {0: (4, 2, None, True), 3: (1, 2, (3, 2), True), 6: (1, 1, (3, 2), True)}
    | dict.fromkeys((8, 10), (1, 1, None, True)),
    "vgg16": {i: (1, 1, (2, 2) if i in (5, 10, 17, 24) else None, i in (2, 7, 14, 21, 28)) for i in
              (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)},
}  # fmt: skip
SIZES = {"alexnet": [(31, 31), (64, 64), (63, 45)], "vgg16": [(16, 16), (37, 19)]}
BOTH = ["alexnet", pytest.param("vgg16", marks=pytest.mark.slow)]


def published(lpips: LPIPS) -> dict[str, torch.Tensor]:
    """Weights under torchvision's keys and those of the lpips package."""
    convolutions, state = lpips.weights["convolutions"], {}
    for index, name in zip(LAYERS[lpips.module.trunk], sorted(convolutions), strict=True):
        kernel = np.asarray(convolutions[name]["kernel"]).transpose(3, 2, 0, 1)
        state[f"features.{index}.weight"] = torch.from_numpy(kernel.copy())
        state[f"features.{index}.bias"] = torch.from_numpy(np.array(convolutions[name]["bias"]))
    for i, tap in enumerate(sorted(lpips.weights["linear"])):
        weight = torch.from_numpy(np.array(lpips.weights["linear"][tap]))
        state[f"lin{i}.model.1.weight"] = weight[None, :, None, None]
    return state


def torch_lpips(state: dict[str, torch.Tensor], trunk: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Equation 1 of arXiv:1801.03924 for images [H, W, 3] in [-1, 1], with the constants of lpips 0.1.4."""
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    x = ((torch.stack([a, b]) - shift) / scale).permute(0, 3, 1, 2)
    total, taps = torch.zeros(()), 0
    for index, (stride, padding, pool, is_tap) in LAYERS[trunk].items():
        x = F.max_pool2d(x, *pool) if pool else x
        weight, bias = (state[f"features.{index}.{kind}"] for kind in ("weight", "bias"))
        x = F.relu(F.conv2d(x, weight, bias, stride, padding))
        if is_tap:
            unit = x / (torch.sqrt(torch.sum(x**2, 1, keepdim=True)) + 1e-10)
            squared = (unit[:1] - unit[1:]) ** 2
            total = total + F.conv2d(squared, state[f"lin{taps}.model.1.weight"]).mean()
            taps += 1
    assert taps == 5
    return total


@functools.cache
def random_lpips(trunk: str) -> LPIPS:
    """Random weights; a third of the linear ones are zero, as many of the published AlexNet's are."""
    module, rng = LPIPSNetwork(trunk), np.random.default_rng(3)
    params = random_params(module, 1)
    linear = {tap: rng.uniform(-0.5, 1, w.shape).clip(0).astype(np.float32) for tap, w in params["linear"].items()}
    return LPIPS(params | {"linear": linear}, module)


def images(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (*shape, 3)).astype(np.float32)


@pytest.mark.parametrize("trunk", BOTH)
def test_distance_is_torchs(trunk):
    lpips, distance = random_lpips(trunk), jax.jit(LPIPS.distance)
    state, prepared = published(lpips), lpips.prepare()
    for shape in SIZES[trunk]:
        a, noise = images(1, *shape), images(2, *shape)
        for b in (noise, (a + 0.1 * noise).clip(-1, 1), np.zeros_like(a)):
            expected = torch_lpips(state, trunk, torch.from_numpy(a), torch.from_numpy(b)).item()
            assert expected > 1e-4
            np.testing.assert_allclose(distance(prepared, a, b), expected, rtol=1e-4)


@pytest.mark.parametrize("trunk", BOTH)
def test_gradient_is_torchs(trunk):
    lpips, (a, b) = random_lpips(trunk), images(4, 2, *SIZES[trunk][0])
    leaf = torch.from_numpy(a.copy()).requires_grad_()
    torch_lpips(published(lpips), trunk, leaf, torch.from_numpy(b)).backward()
    assert leaf.grad is not None
    expected = leaf.grad.numpy()
    found = jax.jit(jax.grad(LPIPS.distance, argnums=1))(lpips.prepare(), a, b)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


def test_gradient_against_finite_differences():
    """Of torch's distance in float64: in float32 they drown in rounding, or step over the kinks of ReLU."""
    lpips, (a, b, direction) = random_lpips("alexnet"), images(5, 3, 31, 33)
    slope = np.vdot(jax.jit(jax.grad(LPIPS.distance, argnums=1))(lpips.prepare(), a, b), direction)
    state = {key: value.double() for key, value in published(lpips).items()}
    x, y, along = (torch.from_numpy(image).double() for image in (a, b, direction))
    step = 1e-6
    after, before = (torch_lpips(state, "alexnet", x + s * along, y).item() for s in (step, -step))
    np.testing.assert_allclose(slope, (after - before) / (2 * step), rtol=1e-3)


def test_compiled_and_batched():
    lpips = random_lpips("alexnet").prepare()
    a, b = images(8, 3, 33, 40), images(9, 3, 33, 40)
    found = jax.jit(jax.vmap(LPIPS.distance, (None, 0, 0)))(lpips, a, b)
    assert found.shape == (3,)
    np.testing.assert_allclose(found, [lpips.distance(x, y) for x, y in zip(a, b, strict=True)], rtol=1e-4)


def test_a_distance():
    lpips = random_lpips("alexnet")
    a, b = images(10, 2, 35, 31)
    assert lpips.distance(a, a) == 0
    np.testing.assert_allclose(lpips.distance(a, b), lpips.distance(b, a), rtol=1e-5)
    # The two sides of a differentiated program may round differently.
    np.testing.assert_allclose(jax.jit(jax.grad(lpips.distance))(a, a), 0, atol=1e-6)


def test_embedding_of_the_target_is_computed_once():
    lpips = random_lpips("alexnet").prepare()
    a, b = images(11, 2, 33, 33)
    target = lpips.embed(b)
    assert [x.shape[-1] for x in target] == [64, 192, 384, 256, 256]
    np.testing.assert_allclose(difference(lpips.embed(a), target), lpips.distance(a, b), rtol=1e-6)


@pytest.mark.parametrize("layers", [("conv1", "conv2", "conv3", "conv4", "conv5"), ("conv3",)])
def test_gradient_where_all_features_are_zero(layers):
    lpips, image = random_lpips("alexnet"), images(12, 33, 33)
    # ReLU leaves nothing above such a bias: vectors of length zero, where the root has no derivative.
    dead = {name: lpips.weights["convolutions"][name] | {"bias": jnp.full(384, -1e6)[:width]}
            for name, width in zip(("conv1", "conv2", "conv3", "conv4", "conv5"), (64, 192, 384, 256, 256), strict=True)
            if name in layers}  # fmt: skip
    lpips = lpips.replace(weights=lpips.weights | {"convolutions": lpips.weights["convolutions"] | dead})
    distance, gradient = jax.jit(jax.value_and_grad(lpips.distance))(image, -image)
    assert np.isfinite(gradient).all()
    assert (distance > 0) == (len(layers) == 1)
    assert gradient.any() == (len(layers) == 1)
    expected = torch_lpips(published(lpips), "alexnet", torch.from_numpy(image), torch.from_numpy(-image))
    np.testing.assert_allclose(distance, expected.item(), rtol=1e-4)


def test_gradient_of_the_weights_is_finite():
    """A third of them are zero, where the root has no derivative either."""
    lpips, (a, b) = random_lpips("alexnet"), images(13, 2, 31, 31)
    gradient = jax.jit(jax.grad(LPIPS.distance))(lpips, a, b)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_prepared_weights_are_used():
    lpips, (a, b) = random_lpips("alexnet").prepare(), images(14, 2, 31, 31)
    # They follow the weights no longer, which shows that they are what runs.
    stale = lpips.replace(weights=jax.tree.map(lambda leaf: 2 * leaf, lpips.weights))
    np.testing.assert_allclose(stale.distance(a, b), lpips.distance(a, b), rtol=1e-6)


@pytest.mark.parametrize(("trunk", "side"), [("vgg16", 16), ("alexnet", 31)])
def test_too_small_images(trunk, side):
    image = images(15, side, side - 1)
    with pytest.raises(ValueError, match=f"at least {side} pixels a side, got {side}x{side - 1}: enlarge"):
        random_lpips(trunk).distance(image, image)


def test_images_of_two_shapes():
    with pytest.raises(ValueError, match=r"one shape, got \(31, 31, 3\) and \(32, 31, 3\)"):
        random_lpips("alexnet").distance(images(1, 31, 31), images(1, 32, 31))


def test_unknown_trunk():
    with pytest.raises(ValueError, match="no trunk 'squeezenet': it has vgg16, alexnet"):
        LPIPSNetwork("squeezenet")
    with pytest.raises(CheckpointError, match="lpips cannot be built from its description: LPIPS has no trunk 'vgg'"):
        build({"arch": "lpips", "trunk": "vgg"})


def test_folder(tmp_path):
    lpips, (a, b) = random_lpips("alexnet"), images(16, 2, 40, 31)
    zoo.save_network(lpips.module, lpips.weights, tmp_path / "lpips")
    assert zoo.read_config(tmp_path / "lpips")["network"] == {"arch": "lpips", "trunk": "alexnet"}
    np.testing.assert_allclose(zoo.load_lpips(tmp_path / "lpips").distance(a, b), lpips.distance(a, b), rtol=1e-6)
    with pytest.raises(CheckpointError, match=r"lpips holds LPIPS, .*load_lpips"):
        zoo.load_perceptual(tmp_path / "lpips")


def test_folder_of_another_network(tmp_path):
    vgg = random_vgg()
    zoo.save_network(vgg.module, vgg.weights, tmp_path / "vgg")
    with pytest.raises(CheckpointError, match=r"vgg holds no LPIPS but vgg16: .*--lpips-linear vgg.pth"):
        zoo.load_lpips(tmp_path / "vgg")


def test_serves_as_the_network_of_a_perceptual_term():
    lpips = random_lpips("alexnet").prepare()
    a, b = images(1, 33, 33), images(2, 33, 33)
    recipe = mganprior(perceptual=lpips, perceptual_weight=2.0)
    term = recipe.terms[1]
    assert isinstance(term, Perceptual)
    assert term.kind == "mse"
    assert float(term.loss(a, term.target(b))) == pytest.approx(float(lpips.distance(a, b)), rel=1e-4)
    assert recipe.summary()["terms"][1]["layers"] == list(lpips.layers)
