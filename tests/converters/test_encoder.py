"""Conversion of idinvert's encoder, and in-domain inversion with it, against golden numbers."""

import jax
import numpy as np
import pytest

from converters.converting import convert_content
from gprior_jax import recipes, zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.inversion.driver import invert
from gprior_jax.perceptual.network import keras_vgg16
from gprior_jax.perceptual.vgg import CONVOLUTIONS, VGG16

torch = pytest.importorskip("torch")
from gprior_converters.convert import convert_file  # noqa: E402
from gprior_converters.vgg import TORCHVISION_INDICES  # noqa: E402


@pytest.fixture(scope="module")
def published(tmp_path_factory, golden, golden_weights):
    """Generator and encoder in one model folder, as ``gprior convert G --encoder E`` makes it."""
    folder = tmp_path_factory.mktemp("idinvert")
    for part in ("generator", "encoder"):
        state = golden_weights.state_dict(golden / f"stylegan_64.{part}.layout.json")
        torch.save({key: torch.from_numpy(value.copy()) for key, value in state.items()}, folder / f"{part}.pth")
    made = convert_file(folder / "generator.pth", folder / "model", encoder=folder / "encoder.pth")
    assert made.has_encoder
    return folder


@pytest.fixture(scope="module")
def vgg(golden_weights):
    """Keras's VGG-16 of the golden numbers."""
    params, before = {}, 3
    for index, (name, features) in zip(TORCHVISION_INDICES, CONVOLUTIONS, strict=True):
        shape, spread = (features, before, 3, 3), np.sqrt(2 / (9 * before))
        kernel = golden_weights.normal(f"features.{index}.weight", shape, spread, 0.0, 1)
        bias = golden_weights.normal(f"features.{index}.bias", (features,), 0.05, 0.0, 1)
        params[name], before = {"kernel": kernel.transpose(2, 3, 1, 0), "bias": bias}, features
    return params


@pytest.mark.slow
def test_codes_and_in_domain_inversion_are_the_published_programs(published, golden, vgg):
    prior = zoo.load(published / "model")
    with np.load(golden / "stylegan_64.npz") as arrays:
        wanted = {key: arrays[key] for key in arrays.files if key.startswith(("target", "encoded", "in_domain"))}
    target = wanted["target"].transpose(0, 2, 3, 1)
    encoded = prior.encoder.encode(target[0])["w_plus"]
    np.testing.assert_allclose(encoded, wanted["encoded"][0], atol=1e-4 * np.abs(wanted["encoded"]).max())
    recipe = recipes.in_domain(preset="official", perceptual=keras_vgg16(VGG16(inputs="keras"), vgg), num_steps=10)
    result = invert(prior, target, recipe, key=jax.random.key(0))
    np.testing.assert_allclose(result.history["loss"][0], wanted["in_domain_losses"], rtol=1e-3)
    # Theirs are weighted.
    weights = {"pixel_mse": 1.0, "perceptual": 5e-5, "encoder": 2.0}
    for column, (name, weight) in enumerate(weights.items()):
        error = weight * result.history[name][0] - wanted["in_domain_loss_terms"][:, column]
        # Adam amplifies the last bits of gradients near zero: after ten steps a term is off by a thousandth of itself.
        np.testing.assert_array_less(np.abs(error), 1e-3 * wanted["in_domain_losses"])


def test_stands_alone_as_a_network(tmp_path, published):
    made = convert_file(published / "encoder.pth", tmp_path / "alone")
    assert made.layout == "residual_encoder"
    assert made.module.code_shape == (10, 64)
    module, _ = zoo.load_network(tmp_path / "alone")
    assert module.resolution == 64


def test_refuses_an_encoder_of_another_generator(tmp_path, published, golden_weights, golden):
    state = golden_weights.state_dict(golden / "pggan_64.layout.json")
    torch.save({key: torch.from_numpy(value.copy()) for key, value in state.items()}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"gives codes \[10, 64\], the generator makes .*nothing was written"):
        convert_file(tmp_path / "other.pth", tmp_path / "model", encoder=published / "encoder.pth")
    assert not (tmp_path / "model").exists()
    with pytest.raises(CheckpointError, match="no encoder"):
        convert_file(published / "generator.pth", tmp_path / "model", encoder=tmp_path / "other.pth")


def test_a_file_that_lacks_a_tensor_is_named(tmp_path, golden, golden_weights):
    state = golden_weights.state_dict(golden / "stylegan_64.encoder.layout.json")
    del state["block2.bn1.bn.bias"]
    with pytest.raises(CheckpointError, match=r"missing: block2\.bn1\.bn\.bias \[32\]"):
        convert_content(tmp_path, {key: torch.from_numpy(value.copy()) for key, value in state.items()})


def test_vgg_of_keras_is_told_by_its_keys(tmp_path):
    state, before = {}, 3
    for index, (_, features) in list(zip(TORCHVISION_INDICES, CONVOLUTIONS, strict=True))[:2]:
        state |= {
            f"layer{index}.weight": torch.ones(features, before, 3, 3),
            f"layer{index}.bias": torch.zeros(features),
        }
        before = features
    conversion, folder = convert_content(tmp_path, state)
    assert conversion.module == VGG16(2, "keras")
    network = zoo.load_perceptual(folder, layers=("relu1_1",))
    assert network.size is None
    # Black in RGB is minus the mean in BGR; all kernels are ones, so that a pixel inside adds nine times its sum up.
    found = network.features(np.ones((4, 4, 3), np.float32))[0]
    np.testing.assert_allclose(found[1, 1, 0], 9 * (3 * 255 - 103.939 - 116.779 - 123.68), rtol=1e-6)
