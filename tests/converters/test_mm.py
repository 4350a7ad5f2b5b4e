"""DCGAN and StyleGAN2 of MMGeneration: the published networks under its keys, with colours exchanged."""

import re

import jax
import numpy as np
from gprior_converters import mm
from torch import nn

from converters.converting import convert_content
from converters.stylegan2_torch import W_DIM, ada_state, to_rosinality, torch_images
from converters.test_dcgan import codes, discriminator, generator, run
from converters.torch_parts import assert_close, nchw, normal
from gprior_jax import zoo
from gprior_jax.generators.synthesis import synthesize

BGR = [2, 1, 0]


def named(net, names):
    """State of a network of pytorch/examples whose convolutions have other names; norms follow theirs."""
    state, found, name = net.state_dict(), {}, ""
    names = iter(names)
    for key, value in state.items():
        part = key.rpartition(".")[2]
        if part == "weight" and value.ndim == 4:
            name = next(names)
            found[f"{name}.conv.weight"] = value
        else:
            is_bias = part == "bias" and key.replace("bias", "running_var") not in state
            found[f"{name}.{'conv' if is_bias else 'bn'}.{part}"] = value
    return found


def test_dcgan(tmp_path):
    """A generator, its discriminator in the same file, with the slope of PyTorch's own LeakyReLU."""
    g, d = generator(sizes=2), discriminator(sizes=2)
    for index, module in enumerate(d.main):
        if isinstance(module, nn.LeakyReLU):
            d.main[index] = nn.LeakyReLU()
    content = {f"generator.{k}": v for k, v in named(g, ["noise2feat", "upsampling.0", "output_layer"]).items()}
    content |= {
        f"discriminator.{k}": v for k, v in named(d, ["downsamples.0", "downsamples.1", "output_layer"]).items()
    }
    conversion, folder = convert_content(tmp_path, {"state_dict": content, "meta": {}})
    assert conversion.layout == "mm_dcgan_generator"
    assert conversion.has_critic
    assert any("in the order BGR" in note for note in conversion.notes)
    prior, z = zoo.load(folder), codes(2, 6)
    wanted = run(g, z[:, :, None, None])[..., BGR]
    np.testing.assert_allclose(synthesize(prior, z), wanted, atol=1e-5)
    assert prior.critic is not None
    images = np.random.default_rng(2).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    critic = prior.critic
    found = jax.vmap(lambda image: critic.module.apply({"params": critic.params}, image))(images)
    logits = run(d, images[..., BGR].transpose(0, 3, 1, 2)).reshape(-1)
    np.testing.assert_allclose(found, logits, rtol=1e-4, atol=1e-5)


def test_gray_dcgan_has_no_order_of_colours(tmp_path):
    g = generator(sizes=2, nc=1)
    conversion, folder = convert_content(tmp_path, named(g, ["noise2feat", "upsampling.0", "output_layer"]))
    assert not any("BGR" in note for note in conversion.notes)
    z = codes(2, 6)
    np.testing.assert_allclose(synthesize(zoo.load(folder), z), run(g, z[:, :, None, None]), atol=1e-5)


def as_mm(state):
    """A network in rosinality's format under the keys of MMGeneration, which keeps no mean of w."""
    names = (
        (r"^style\.(\d+)\.weight$", r"style_mapping.\1.linear.weight_orig"),
        (r"^style\.(\d+)\.bias$", r"style_mapping.\1.bias"),
        (r"^input\.input$", "constant_input.input"),
        (r"\.conv\.weight$", ".conv.weight_orig"),
        (r"\.modulation\.weight$", ".style_modulation.linear.weight_orig"),
        (r"\.modulation\.bias$", ".style_modulation.bias"),
        (r"\.noise\.weight$", ".noise_injector.weight"),
        (r"^noises\.noise_(\d+)$", r"injected_noise_\1"),
    )
    made = {}
    for key, value in state.items():
        for pattern, theirs in names:
            key = re.sub(pattern, theirs, key)
        made[key] = value
    return {key: value for key, value in made.items() if key != "latent_avg"}


def test_stylegan2(tmp_path):
    state = to_rosinality(ada_state(z_dim=W_DIM))
    content = {"state_dict": {f"generator_ema.{key}": value for key, value in as_mm(state).items()}}
    conversion, folder = convert_content(tmp_path, content)
    assert conversion.layout == "mm_stylegan2_generator"
    assert len(conversion.notes) == 2
    z = normal(2, W_DIM)
    assert_close(nchw(synthesize(zoo.load(folder), z.numpy())), torch_images("rosinality", state, z, "skip")[:, BGR])


def test_spectral_norm_is_not_equalised(tmp_path):
    """With a weight_u beside it, weight_orig is no weight before its scale: such a network is not taken for one."""
    shapes = {key: tuple(value.shape) for key, value in as_mm(to_rosinality(ada_state(z_dim=W_DIM))).items()}
    assert mm.is_stylegan2(shapes)
    assert not mm.is_stylegan2(shapes | {"conv1.conv.weight_u": (4,)})
