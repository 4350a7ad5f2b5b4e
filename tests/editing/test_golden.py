"""Semantic diffusion against the trajectory of the published loop (golden/stylegan_64.npz)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from gprior_converters.convert import convert_file

from editing.diffused import composed, encoded
from gprior_jax import editing, recipes, zoo
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.perceptual.vgg import CONVOLUTIONS, VGG16

DEPTH, SALT = 10, 1  # torchvision's features[:23]; the salt of the layouts.
TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)
SIDE = 32  # Of the target that is kept, in its centre.
MEAN = (103.939, 116.779, 123.68)


class Keras(VGG16):
    """VGG-16 that sees pixels as Keras's weights want them."""

    inputs: str = "keras"

    def features(self, image, names, weights=None):
        return super().features((image[..., ::-1] + 1) * 127.5 - np.asarray(MEAN, np.float32), names, weights)


@pytest.fixture(scope="module")
def vgg(golden_weights):
    params, channels = {}, 3
    for index, (name, features) in zip(TORCHVISION, CONVOLUTIONS, strict=False):
        key, std = f"features.{index}", np.sqrt(2 / (9 * channels))
        weight = golden_weights.normal(f"{key}.weight", (features, channels, 3, 3), std, salt=SALT)
        bias = golden_weights.normal(f"{key}.bias", (features,), 0.05, salt=SALT)
        params[name] = {"kernel": jnp.asarray(weight.transpose(2, 3, 1, 0)), "bias": jnp.asarray(bias)}
        channels = features
    return PerceptualNetwork(params, Keras(DEPTH), ("relu4_3",))


@pytest.fixture(scope="module")
def prior(golden, golden_weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden_stylegan")
    state = golden_weights.state_dict(golden / "stylegan_64.generator.layout.json")
    torch.save({key: torch.from_numpy(value.copy()) for key, value in state.items()}, folder / "g.pth")
    convert_file(folder / "g.pth", folder / "model")
    return zoo.load(folder / "model")


@pytest.fixture(scope="module")
def arrays(golden):
    with np.load(golden / "stylegan_64.npz") as found:
        return dict(found)


@pytest.fixture(scope="module")
def start(golden, golden_weights, arrays):
    """The code that the published encoder gives of the composite."""
    numbers = golden_weights.state_dict(golden / "stylegan_64.encoder.layout.json")
    state = {key: torch.from_numpy(np.array(value)) for key, value in numbers.items()}
    target, context = (torch.from_numpy(arrays[name]) for name in ("target", "context"))
    np.testing.assert_allclose(encoded(state, target).reshape(1, 10, 64), arrays["encoded"], atol=1e-6)
    return encoded(state, composed(target, context, SIDE)[1]).numpy().reshape(1, 10, 64)


@pytest.mark.slow
def test_golden(prior, vgg, arrays, start):
    steps = len(arrays["diffusion_losses"])
    recipe = recipes.diffusion(preset="official", num_steps=steps + 1, perceptual=vgg)
    region = np.zeros((64, 64, 1), np.float32)
    region[16:48, 16:48] = 1
    images = (arrays[name].transpose(0, 2, 3, 1) for name in ("target", "context"))
    with jax.default_matmul_precision("highest"):
        result = editing.diffuse(prior, *images, region, key=jax.random.key(0), recipe=recipe, init={"w_plus": start})
    losses, terms = result.history["loss"][0, :steps], {n: v[0, :steps] for n, v in result.history.items()}
    np.testing.assert_allclose(losses, arrays["diffusion_losses"], rtol=1e-3)
    pixel, feature, encoder = arrays["diffusion_loss_terms"].T
    np.testing.assert_allclose(terms["pixel_mse"], pixel, rtol=1e-3)
    np.testing.assert_allclose(5e-5 * terms["perceptual"], feature, rtol=1e-3)
    assert not encoder.any()
    # The step more is only evaluated: its styles are those after the published loop's last update.
    assert result.step[0] == steps
    np.testing.assert_allclose(result.variables["w_plus"], arrays["diffusion_w_plus"], atol=1e-3)
