"""PGGANs of pro_gan_pytorch, pytorch_GAN_zoo and MMGeneration: their networks as stated in torch, and pro_gan's own."""

import math
import sys
import types

import pytest
import torch
from gprior_converters.convert import convert_file
from gprior_converters.reading import read_networks
from torch.nn import functional as F

from converters.converting import assert_refused, convert_content
from converters.torch_parts import assert_close, fused_up, nchw, normal, pixel_norm, scaled
from gprior_jax import zoo
from gprior_jax.generators.synthesis import synthesize

Z_DIM, CHANNELS = 6, (8, 8, 5)
GAIN = math.sqrt(2)


def inputs_of(number):
    """Input channels of a layer, from the second on."""
    return CHANNELS[(number - 1) // 2]


def codes():
    return normal(3, Z_DIM)


def drawn(folder, z):
    return nchw(synthesize(zoo.load(folder), z.numpy()))


def lrelu(x):
    return F.leaky_relu(x, 0.2)


def up(x):
    return F.interpolate(x, scale_factor=2)


# pro_gan_pytorch


def pro_gan_state(old=False, image_channels=3):
    def prefix(number):
        block = number // 2
        name = ("initial_block" if block == 0 else f"layers.{block - 1}") if old else f"layers.{block}"
        return f"{name}.conv_{number % 2 + 1}"

    state = {f"{prefix(0)}.weight": normal(Z_DIM, CHANNELS[0], 4, 4), f"{prefix(0)}.bias": normal(CHANNELS[0])}
    for number in range(1, 2 * len(CHANNELS)):
        features = CHANNELS[number // 2]
        state[f"{prefix(number)}.weight"] = normal(features, inputs_of(number), 3, 3)
        state[f"{prefix(number)}.bias"] = normal(features)
    for level, features in enumerate(CHANNELS):
        state[f"rgb_converters.{level}.weight"] = normal(image_channels, features, 1, 1)
        state[f"rgb_converters.{level}.bias"] = normal(image_channels)
    return state, prefix


def pro_gan_images(state, prefix, z, scale=True, levels=3):
    """Its forward pass: no pixel norm between the two layers of the first block."""

    def conv(x, name, padding):
        weight = state[f"{name}.weight"]
        return F.conv2d(x, scaled(weight) if scale else weight, state[f"{name}.bias"], padding=padding)

    first = state[f"{prefix(0)}.weight"] * (GAIN / math.sqrt(Z_DIM) if scale else 1.0)
    x = F.conv_transpose2d(pixel_norm(z)[:, :, None, None], first, state[f"{prefix(0)}.bias"])
    x = pixel_norm(lrelu(conv(lrelu(x), prefix(1), 1)))
    for number in range(2, 2 * levels):
        x = pixel_norm(lrelu(conv(up(x) if number % 2 == 0 else x, prefix(number), 1)))
    return conv(x, f"rgb_converters.{levels - 1}", 0)


@pytest.mark.parametrize("old", [False, True])
def test_pro_gan(tmp_path, old):
    state, prefix = pro_gan_state(old)
    conversion, folder = convert_content(tmp_path, state)
    assert (conversion.layout, conversion.left_out, conversion.notes) == ("pro_gan_generator", (), ())
    z = codes()
    assert_close(drawn(folder, z), pro_gan_images(state, prefix, z))


@pytest.mark.parametrize("scale", [True, False])
def test_pro_gan_with_its_arguments(tmp_path, scale):
    state, prefix = pro_gan_state()
    if not scale:
        state = {key: value * 0.2 for key, value in state.items()}
    averaged = {"conf": {"depth": 4, "use_eql": scale}, "state_dict": state}
    raw = {"conf": averaged["conf"], "state_dict": {key: value + 1 for key, value in state.items()}}
    content = {"generator": raw, "discriminator": {"conf": {}, "state_dict": {"a": normal(2)}}}
    content |= {"shadow_generator": averaged, "gen_optim": {}}
    conversion, folder = convert_content(tmp_path, content)
    assert conversion.taken == ("shadow_generator", "discriminator")
    z = codes()
    assert_close(drawn(folder, z), pro_gan_images(state, prefix, z, scale))


def test_pro_gan_that_is_still_growing(tmp_path):
    state, prefix = pro_gan_state()
    torch.save(state, tmp_path / "depth_3_epoch_12.bin")
    conversion = convert_file(tmp_path / "depth_3_epoch_12.bin", tmp_path / "model")
    assert conversion.module.resolution == 8
    assert "is named after 8 px: layers above are not trained yet" in conversion.notes[0]
    assert set(conversion.left_out) == {key for key in state if key.startswith(("layers.2.", "rgb_converters.2."))}
    z = codes()
    assert_close(drawn(tmp_path / "model", z), pro_gan_images(state, prefix, z, levels=2))


def test_pro_gan_by_its_own_program(tmp_path, monkeypatch):
    why = "the package pro-gan-pth (pip install --no-deps pro-gan-pth==3.4) is not installed"
    networks = pytest.importorskip("pro_gan_pytorch.networks", reason=why)
    # Its transposed convolution calls a function of PyTorch that has other arguments today; nothing is to be padded.
    layers = pytest.importorskip("pro_gan_pytorch.custom_layers")
    monkeypatch.setattr(layers.EqualizedConvTranspose2d, "_output_padding", lambda *_: (0, 0))
    torch.manual_seed(0)
    net = networks.Generator(depth=4, latent_size=32)
    conversion, folder = convert_content(tmp_path, {"generator": net.get_save_info()})
    assert conversion.layout == "pro_gan_generator"
    z = normal(2, 32)
    with torch.no_grad():
        assert_close(drawn(folder, z), net(z))


# pytorch_GAN_zoo


class BaseConfig:
    """The program's settings, under the name that files have."""


@pytest.fixture
def config(monkeypatch):
    """Makes settings whose pickle names the program's class."""
    for name in ("models", "models.utils", "models.utils.config"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(BaseConfig, "__module__", "models.utils.config")
    sys.modules["models.utils.config"].BaseConfig = BaseConfig

    def make(**values):
        made = BaseConfig()
        usual = {"alpha": 0, "leakyReluLeak": 0.2, "perChannelNormalization": True, "lossCriterion": "WGANGP"}
        made.__dict__ |= usual | {"attribKeysOrder": None, "equalizedlR": True} | values
        return made

    return make


def gan_zoo_state():
    units = 16 * CHANNELS[0]
    state = {"formatLayer.module.weight": normal(units, Z_DIM), "formatLayer.module.bias": normal(units)}
    for number in range(1, 2 * len(CHANNELS)):
        name = f"scaleLayers.{number // 2 - 1}.{number % 2}" if number > 1 else "groupScale0.0"
        state[f"{name}.module.weight"] = normal(CHANNELS[number // 2], inputs_of(number), 3, 3)
        state[f"{name}.module.bias"] = normal(CHANNELS[number // 2])
    for level, features in enumerate(CHANNELS):
        state[f"toRGBLayers.{level}.module.weight"] = normal(3, features, 1, 1)
        state[f"toRGBLayers.{level}.module.bias"] = normal(3)
    return state


def gan_zoo_images(state, z):
    """Its forward pass: the scale multiplies the bias, too."""

    def factor(weight):
        return GAIN / math.sqrt(weight[0].numel())

    def conv(x, name, padding):
        weight = state[f"{name}.module.weight"]
        return F.conv2d(x, weight, state[f"{name}.module.bias"], padding=padding) * factor(weight)

    weight = state["formatLayer.module.weight"]
    x = F.linear(pixel_norm(z), weight, state["formatLayer.module.bias"]) * factor(weight)
    x = pixel_norm(lrelu(x).view(len(z), -1, 4, 4))
    x = pixel_norm(lrelu(conv(x, "groupScale0.0", 1)))
    for scale in range(len(CHANNELS) - 1):
        x = up(x)
        for layer in range(2):
            x = pixel_norm(lrelu(conv(x, f"scaleLayers.{scale}.{layer}", 1)))
    return conv(x, f"toRGBLayers.{len(CHANNELS) - 1}", 0)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("loss", ["WGANGP", "DCGAN"])
def test_gan_zoo(tmp_path, config, loss, zipped):
    state = gan_zoo_state()
    raw = {key: value + 1 for key, value in state.items()}
    content = {"config": config(lossCriterion=loss), "netG": raw, "netD": {"a": normal(2)}, "avgG": state}
    torch.save(content, tmp_path / "g.pth", _use_new_zipfile_serialization=zipped)
    conversion = convert_file(tmp_path / "g.pth", tmp_path / "model")
    assert conversion.layout == "gan_zoo_pggan_generator"
    assert conversion.taken == ("avgG", "netD")
    assert "config" in conversion.left_out
    z = codes()
    wanted = gan_zoo_images(state, z)
    assert_close(drawn(tmp_path / "model", z), torch.tanh(wanted) if loss == "DCGAN" else wanted)


def test_gan_zoo_with_attributes(tmp_path, config):
    content = {"config": config(categoryVectorDim=2), "netG": gan_zoo_state()}
    conversion, _ = convert_content(tmp_path, content)
    assert conversion.notes == ("the last 2 of the 6 numbers of a code are attributes that the generator was told",)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"alpha": 0.25}, "was saved while growing (alpha 0.25, not 0)"),
        ({"leakyReluLeak": 0.1}, "is of a PGGAN with leakyReluLeak 0.1"),
        ({"equalizedlR": False}, "is of a PGGAN with equalizedlR False"),
    ],
)
def test_gan_zoo_of_other_settings(tmp_path, config, settings, told):
    assert_refused(tmp_path, {"config": config(**settings), "netG": gan_zoo_state()}, told)


def test_settings_hold_nothing_but_plain_values(tmp_path, config):
    values = {"shapes": [1, 2], "nested": {"a": 1}, "loss": "WGANGP"}
    content = {"config": config(**values), "netG": gan_zoo_state()}
    torch.save(content, tmp_path / "g.pth")
    found = read_networks(tmp_path / "g.pth").attributes["generator"]["settings"]
    assert found["loss"] == "WGANGP"
    assert not {"shapes", "nested"} & found.keys()


# MMGeneration


def mm_state(fused=True):
    first = CHANNELS[0]
    state = {"noise2feat.bias": normal(1, first, 1, 1), "noise2feat.linear.weight_orig": normal(16 * first, Z_DIM)}
    for number in range(1, 2 * len(CHANNELS)):
        pair = (CHANNELS[number // 2], inputs_of(number))
        shape = pair[::-1] if fused and number > 1 and number % 2 == 0 else pair
        state[f"conv_blocks.{number - 1}.conv.weight_orig"] = normal(*shape, 3, 3)
        state[f"conv_blocks.{number - 1}.conv.bias"] = normal(pair[0])
    for level, features in enumerate(CHANNELS):
        state[f"torgb_layers.{level}.conv.weight_orig"] = normal(3, features, 1, 1)
        state[f"torgb_layers.{level}.conv.bias"] = normal(3)
    return state


def mm_images(state, z, fused):
    """Its forward pass: the fan-in of a transposed convolution is counted on the wrong axis."""

    # Its 1e-6 stands beside the root, ours (1e-8, as published) in it: the same to 1e-6 where a pixel's features are of
    # unit size. Of few channels all of a pixel may be near 0, where images differ by some 1e-4.
    def norm(x):
        return x / (torch.linalg.norm(x, dim=1, keepdim=True) / math.sqrt(x.shape[1]) + 1e-6)

    def bias(name):
        return state[f"{name}.bias"][:, None, None]

    x = F.linear(norm(z), scaled(state["noise2feat.linear.weight_orig"], GAIN / 4))
    x = norm(lrelu(x.view(len(z), -1, 4, 4) + state["noise2feat.bias"]))
    for number in range(1, 2 * len(CHANNELS)):
        name = f"conv_blocks.{number - 1}.conv"
        weight = scaled(state[f"{name}.weight_orig"])
        if number > 1 and number % 2 == 0:
            x = fused_up(x, weight.transpose(0, 1)) if fused else F.conv2d(up(x), weight, padding=1)
        else:
            x = F.conv2d(x, weight, padding=1)
        x = norm(lrelu(x + bias(name)))
    name = f"torgb_layers.{len(CHANNELS) - 1}.conv"
    return F.conv2d(x, scaled(state[f"{name}.weight_orig"], 1.0)) + bias(name)


@pytest.mark.parametrize("fused", [True, False])
def test_mm(tmp_path, fused):
    state = mm_state(fused)
    content = {"meta": {"epoch": 3}, "state_dict": {f"generator_ema.{key}": value for key, value in state.items()}}
    content["state_dict"] |= {f"generator.{key}": value + 1 for key, value in state.items()}
    conversion, folder = convert_content(tmp_path, content)
    assert conversion.layout == "mm_pggan_generator"
    assert conversion.taken == ("generator_ema",)
    assert "in the order BGR: they are exchanged" in conversion.notes[0]
    z = codes()
    assert_close(drawn(folder, z), mm_images(state, z, fused)[:, [2, 1, 0]])


def test_weights_of_spectral_norm_are_no_equalised_ones(tmp_path):
    assert_refused(tmp_path, mm_state() | {"conv_blocks.0.conv.weight_u": normal(8)}, "is of no known layout")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            ("G.blocks.0.to_noise1.weight", "G.initial_conv.weight", "S.net.0.weight"),
            "is of lucidrains' stylegan2_",
        ),
        (("style_mapping.1.linear.weight_orig", "convs.0.adain1.affine.weight_orig"), "is a StyleGAN of MMGeneration"),
        (("noiseMod00.module.weight", "baseScale0"), "is a StyleGAN of pytorch_GAN_zoo"),
    ],
)
def test_known_networks_that_cannot_be_converted(tmp_path, keys, told):
    assert_refused(tmp_path, dict.fromkeys(keys, torch.ones(2, 2)), told)
