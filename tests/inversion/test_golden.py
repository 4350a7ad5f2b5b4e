"""Trajectories of the published mGANprior loop (golden/pggan_64.npz): losses, last image, codes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import MultiCode
from gprior_jax.objectives import Perceptual, Pixel
from gprior_jax.perceptual import network
from gprior_jax.perceptual.vgg import CONVOLUTIONS, VGG16
from gprior_jax.recipes.common import OFFICIAL_OPTIMIZER

OPTIMIZERS = {"sgd": OFFICIAL_OPTIMIZER, "adam": Optimizer(optax.adam, 0.01)}
DEPTH = 7  # torchvision's features[:16].
TORCHVISION = (0, 2, 5, 7, 10, 12, 14)


@pytest.fixture(scope="module")
def vgg(golden_weights, golden_pggan) -> network.PerceptualNetwork:
    params, channels = {}, 3
    for index, (name, features) in zip(TORCHVISION, CONVOLUTIONS, strict=False):
        key, std = f"features.{index}", np.sqrt(2 / (9 * channels))
        weight = golden_weights.normal(f"{key}.weight", (features, channels, 3, 3), std)
        bias = golden_weights.normal(f"{key}.bias", (features,), 0.05)
        params[name] = {"kernel": jnp.asarray(weight.transpose(2, 3, 1, 0)), "bias": jnp.asarray(bias)}
        channels = features
    return network.vgg16(VGG16(DEPTH), params, size=int(golden_pggan["inversion"][2]))


@pytest.fixture(scope="module", params=OPTIMIZERS)
def run(request, golden_prior, golden_pggan, vgg) -> tuple[str, Result]:
    layer, codes, _, steps = map(int, golden_pggan["inversion"])
    recipe = Recipe(
        "golden",
        MultiCode(codes, layer, average=True),
        (Pixel(), Perceptual(vgg)),
        SolverConfig(OPTIMIZERS[request.param], steps),
    )
    images = golden_pggan["target"].transpose(0, 2, 3, 1)
    with jax.default_matmul_precision("highest"):
        hint = {"codes": golden_pggan["init_codes"]}
        return request.param, invert(golden_prior, images, recipe, key=jax.random.key(0), init=hint)


@pytest.mark.slow
def test_losses(run, golden_pggan):
    kind, result = run
    expected = golden_pggan[f"{kind}_losses"]
    assert result.history["loss"].shape == (1, 12)
    np.testing.assert_allclose(result.history["loss"][0], expected, rtol=1e-3)


@pytest.mark.slow
def test_last_image_and_variables(run, golden_pggan):
    kind, result = run
    assert result.step[0] == 11
    image = golden_pggan[f"{kind}_image"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(result.images, image, atol=1e-2 * np.ptp(image))
    # The golden variables are those after the last update, which the image and the best iterate do not have.
    for name in ("codes", "alpha"):
        expected = golden_pggan[f"{kind}_{name}"]
        assert np.abs(result.variables[name] - expected).max() < 0.05 * np.ptp(expected)


@pytest.mark.slow
def test_loss_is_the_sum_of_its_terms(run):
    _, result = run
    np.testing.assert_allclose(result.loss, result.terms["pixel_mse"] + result.terms["perceptual"], rtol=1e-6)
