"""StyleGAN conversion against golden numbers, and against the published networks stated in torch."""

import jax
import numpy as np
import pytest
import torch
from gprior_converters import stylegan
from torch.nn import functional as F

from converters.converting import assert_refused, changed, convert_content, recognised, shapes_of
from converters.stylegan_torch import (
    CHANNELS,
    DENSE,
    W_DIM,
    Z_DIM,
    generator_state,
    genforce,
    interfacegan,
    port_state,
    port_synthesis,
    torch_mapping,
    torch_synthesis,
)
from converters.torch_parts import assert_close, fused_up, nchw, normal
from gprior_jax import zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.stylegan import StyleGAN
from gprior_jax.generators.synthesis import map_latents, synthesize


def convert_state(tmp_path, state, name="g", **options):
    """Convert tensors and read the prior that they make."""
    conversion, folder = convert_content(tmp_path, state, name, **options)
    return conversion, zoo.load(folder)


def assert_same_network(state, prior):
    """That the tensors make the prior's network, to the last bit."""
    numbers = {key: value.numpy() for key, value in state.items()}
    module, params, _ = stylegan.convert_generator(numbers, "g.pth", {})
    assert module == prior.module
    jax.tree.map(np.testing.assert_array_equal, params, prior.params)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stylegan_64", "stylegan_256_fused"])
def test_golden(tmp_path, golden, golden_weights, name):
    layout = golden_weights.state_dict(golden / f"{name}.generator.layout.json")
    conversion, prior = convert_state(tmp_path, {k: torch.from_numpy(v.copy()) for k, v in layout.items()})
    assert conversion.layout == "stylegan_generator"
    with np.load(golden / f"{name}.npz") as arrays:
        wanted = {key: arrays[key] for key in ("z", "w", "w_plus", "image", "w_plus_random", "image_w_plus_random")}
    psi = layout["truncation.truncation"].reshape(-1)
    cutoff = int((psi < 1).sum())
    found = map_latents(prior, wanted["z"], truncation_psi=float(psi[0]), truncation_cutoff=cutoff)
    assert_close(map_latents(prior, wanted["z"])[:, 0], wanted["w"])
    assert_close(found, wanted["w_plus"])
    images = nchw(synthesize(prior, np.concatenate([found, wanted["w_plus_random"]]), space="w_plus"))
    every = images.shape[-1] // wanted["image"].shape[-1]
    for image, key in zip(np.split(images, 2), ("image", "image_w_plus_random"), strict=True):
        assert_close(image[:, :, ::every, ::every], wanted[key])


def test_generator_gives_the_same_images_in_every_spelling(tmp_path):
    state = generator_state(fused=(4,))
    conversion, prior = convert_state(tmp_path, state)
    assert conversion.module == StyleGAN(CHANNELS, Z_DIM, W_DIM, DENSE)
    outputs = [f"synthesis.output{b}.{part}" for b in (0, 1) for part in ("conv.weight", "bias")]
    assert conversion.left_out == ("synthesis.lod", *outputs)
    # Of the file's tensors, those and the two filters make no weight.
    assert conversion.num_tensors == len(state) - len(conversion.left_out) - 2
    z = normal(2, Z_DIM)
    styles = torch_mapping(state, z)[:, None].repeat(1, 2 * len(CHANNELS), 1)
    assert_close(map_latents(prior, z.numpy()), styles)
    wanted = torch_synthesis(state, styles)
    assert_close(nchw(synthesize(prior, z.numpy())), wanted)
    truncated = np.asarray(map_latents(prior, z.numpy(), truncation_psi=0.7, truncation_cutoff=3))
    mean = state["truncation.w_avg"].numpy()
    assert_close(truncated[:, :3], mean + 0.7 * (styles.numpy()[:, :3] - mean))
    # Below 128 pixels, only the old spellings tell a fused layer; turned, its kernel does without.
    plain = {key: value for key, value in state.items() if key != "synthesis.layer4.weight"}
    plain["synthesis.layer4.conv.weight"] = state["synthesis.layer4.weight"].permute(3, 2, 0, 1).flip(2, 3)
    for other in (plain, interfacegan(state), genforce(plain)):
        assert_same_network(other, prior)


def test_in_domain_networks_have_styles_of_their_own_and_a_final_tanh(tmp_path):
    channels = (5, 3)
    state = generator_state(channels, per_layer=True)
    conversion, prior = convert_state(tmp_path, state)
    assert conversion.module == StyleGAN(channels, Z_DIM, W_DIM, DENSE, w_per_layer=True, final_tanh=True)
    z = normal(2, Z_DIM)
    styles = torch_mapping(state, z).reshape(2, -1, W_DIM)
    assert_close(map_latents(prior, z.numpy()), styles)
    assert_close(nchw(synthesize(prior, z.numpy())), torch.tanh(torch_synthesis(state, styles)))
    (tmp_path / "a.json").write_text('{"final_tanh": false}')
    conversion, _ = convert_state(tmp_path, state, "other", architecture=tmp_path / "a.json")
    assert not conversion.module.final_tanh


def test_pulse(tmp_path):
    state = port_state()
    conversion, prior = convert_state(tmp_path, state)
    assert conversion.module == StyleGAN((3, 2), W_DIM, W_DIM, DENSE, norm_epsilon=1e-5)
    assert conversion.left_out == ()
    assert conversion.notes == (stylegan.NO_MEAN, stylegan.NO_NOISE)
    z, noise = normal(2, W_DIM), [normal(size, size) for size in conversion.module.noise_sizes]
    noise[0] *= 0
    w = torch_mapping(state, z, "", ".weight", ".bias")
    found = synthesize(prior, z.numpy(), noise=tuple(each.numpy() for each in noise))
    assert_close(nchw(found), port_synthesis(state, w, noise))
    assert_close(map_latents(prior, z.numpy())[:, 0], w)
    assert not any(prior.params[f"layer{k}"]["noise"].any() for k in range(len(noise)))
    many = torch_mapping(state, normal(20_000, W_DIM), "", ".weight", ".bias")
    # Means of 10,000 and of 20,000 other codes: five times the deviation of their difference.
    bound = 5.0 * many.std(0).numpy() * (1 / 10_000 + 1 / 20_000) ** 0.5
    assert (np.abs(prior.params["w_avg"] - many.mean(0).numpy()) < bound).all()


@pytest.mark.parametrize("spelling", ["genforce", "port"])
def test_layers_are_fused_from_128_pixels_on(spelling):
    channels = (3, 3, 3, 3, 3, 2)
    state = port_state(channels) if spelling == "port" else genforce(generator_state(channels))
    _, params, _ = stylegan.convert_generator({key: value.numpy() for key, value in state.items()}, "g.pth", {})
    for k, side in ((8, 64), (10, 128)):
        weight = state[f"blocks.{side}x{side}.conv0_up.weight" if spelling == "port" else f"synthesis.layer{k}.weight"]
        x = normal(1, 3, 5, 5)
        enlarged = F.interpolate(x, scale_factor=2, mode="nearest")
        wanted = F.conv2d(enlarged, weight, padding=1) if side < 128 else fused_up(x, weight)
        kernel = torch.from_numpy(params[f"layer{k}"]["kernel"]).permute(3, 2, 0, 1)
        assert_close(F.conv2d(enlarged, kernel, padding=1).numpy(), wanted)


def test_lernapparat(tmp_path):
    bare = port_state()
    parts = {key: "g_mapping." if key.startswith("dense") else "g_synthesis." for key in bare}
    whole = {(parts[key] + key).replace(".noise.", ".top_epi.noise."): value for key, value in bare.items()}
    assert_same_network(whole, convert_state(tmp_path, bare)[1])


@pytest.mark.parametrize("prefixes", [("", ""), ("g_mapping.", "g_synthesis.")])
def test_one_of_two_networks(tmp_path, prefixes):
    state = port_state(mapping=prefixes[0], synthesis=prefixes[1])
    parts = {True: {}, False: {}}
    for key, value in state.items():
        parts["dense" in key][key] = value
    for is_mapping, words in ((True, ("mapping", "synthesis")), (False, ("synthesis", "mapping"))):
        with pytest.raises(CheckpointError, match=rf"has StyleGAN's {words[0]} network but not its {words[1]} network"):
            convert_state(tmp_path, parts[is_mapping], words[0])


SHARP = torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]).expand(4, 1, 3, 3).contiguous()
MISFITS = {
    "missing": ({"synthesis.layer3.epilogue.bias": None}, "missing: synthesis.layer3.epilogue.bias [4])"),
    "no mean": ({"truncation.w_avg": None}, "missing: truncation.w_avg [4])"),
    "misshapen": (
        {"synthesis.layer2.conv.weight": normal(4, 6, 3, 3)},
        "misshapen: synthesis.layer2.conv.weight [4, 6, 3, 3] instead of [4, 5, 3, 3])",
    ),
    "unexpected": ({"mapping.label_weight": normal(3, 6)}, "unexpected: mapping.label_weight [3, 6])"),
    "another resolution": (
        {f"synthesis.layer{k}.epilogue.apply_noise.noise": normal(1, 1, 8 << k // 2, 8 << k // 2) for k in range(6)},
        "misshapen: synthesis.layer0.epilogue.apply_noise.noise [1, 1, 8, 8] instead of [1, 1, 4, 4], ",
    ),
    "a resolution too many": (
        {"synthesis.layer6.epilogue.apply_noise.weight": normal(2)},
        "synthesis.layer7.epilogue.apply_noise.weight, which tells the size of the network, is missing",
    ),
    "no axes": (
        {"mapping.dense0.fc.weight": normal(4)},
        "mapping.dense0.fc.weight, which tells the size of the network, has shape [4]",
    ),
    "growing": ({"synthesis.lod": torch.tensor(2.0)}, "was saved while growing (lod 2, not 0)"),
    "filter": ({"synthesis.layer2.blur.kernel": SHARP}, "the filter synthesis.layer2.blur.kernel [4, 1, 3, 3] is not"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_tensors_that_do_not_fit_are_named(tmp_path, case):
    change, told = MISFITS[case]
    assert_refused(tmp_path, changed(generator_state(), change), told)


@pytest.mark.parametrize("state", [generator_state(), interfacegan(generator_state()), genforce(generator_state())])
def test_recognised_as_nothing_else(state):
    assert recognised(shapes_of(state)) == ["stylegan_generator"]
