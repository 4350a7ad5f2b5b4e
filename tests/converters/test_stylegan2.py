"""StyleGAN2 conversion against golden numbers, across formats, and against the published networks stated in torch."""

import argparse

import jax
import numpy as np
import pytest
import torch
from gprior_converters import stylegan2
from gprior_converters.convert import convert_file
from gprior_converters.stylegan import NO_MEAN, NO_NOISE
from gprior_converters.stylegan2_discriminator import convert_discriminator

from converters import nvidia
from converters.converting import assert_refused, changed, convert_content, recognised, shapes_of
from converters.stylegan2_torch import (
    CHANNELS,
    DENSE,
    FILTER,
    FORMATS,
    W_DIM,
    Z_DIM,
    ada_state,
    discriminator_state,
    rosinality_discriminator,
    rosinality_mapping,
    to_genforce,
    to_rosinality,
    torch_images,
)
from converters.torch_parts import assert_close, nchw, normal
from gprior_jax import zoo
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator, logits
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.synthesis import map_latents, synthesize


def assert_same_network(state, prior):
    """That the tensors make the prior's network, to the last bit but for what is added to a bias."""
    numbers = {key: value.numpy() for key, value in state.items()}
    module, params, left_out = stylegan2.convert_generator(numbers, "g.pt", {})
    assert module == prior.module
    assert left_out == ()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=3e-7), params, prior.params)


@pytest.mark.parametrize(
    ("name", "architecture"),
    [("rosinality", "skip"), ("mganprior", "skip"), ("mganprior", "residual"), ("mganprior", "plain")],
)
def test_generator_gives_the_same_images(tmp_path, name, architecture):
    channels, z_dim = ((4, 4, 3), W_DIM) if architecture == "skip" else ((4, 3), Z_DIM)
    ada = ada_state(channels, architecture, z_dim)
    state = FORMATS[name](ada)
    conversion, folder = convert_content(tmp_path, state)
    prior = zoo.load(folder)
    assert conversion.layout == "stylegan2_generator"
    assert prior.module == StyleGAN2(channels, z_dim, W_DIM, DENSE, architecture=architecture)
    assert conversion.left_out == ()
    z = normal(2, z_dim)
    wanted = torch_images(name, state, z, architecture)
    assert_close(nchw(synthesize(prior, z.numpy())), wanted)
    assert_same_network(ada, prior)


def test_one_network_in_every_format(tmp_path):
    ada, z = ada_state(z_dim=W_DIM), normal(2, W_DIM).numpy()
    states = {"ada": ada} | {name: make(ada) for name, make in FORMATS.items()}
    images = {}
    for name, state in states.items():
        conversion, folder = convert_content(tmp_path, state, name)
        filters = sum(key.endswith(("filter", "kernel")) for key in state)
        assert conversion.num_tensors == len(state) - filters
        images[name] = np.asarray(synthesize(zoo.load(folder), z, truncation_psi=0.5))
        np.testing.assert_allclose(images[name], images["ada"], rtol=0, atol=1e-5 * np.abs(images["ada"]).max())


@pytest.mark.parametrize("channels", [1, 4])
def test_images_of_one_and_of_four_channels(channels):
    outputs = (".torgb.weight", ".torgb.bias")
    ada = {k: torch.cat([v, v])[:channels] if k.endswith(outputs) else v for k, v in ada_state(z_dim=W_DIM).items()}
    for make in (dict, *FORMATS.values()):
        state = {key: value.numpy() for key, value in make(ada).items()}
        module, params, _ = stylegan2.convert_generator(state, "g.pt", {})
        assert module.image_channels == channels
        wanted = ada["synthesis.b16.torgb.weight"][:, :, 0, 0].T
        np.testing.assert_allclose(params["output2"]["kernel"], wanted, rtol=1e-6)


@pytest.mark.parametrize("architecture", ["residual", "plain"])
def test_architectures_without_skips_across_formats(architecture):
    ada = ada_state(architecture=architecture)
    numbers = {key: value.numpy() for key, value in ada.items()}
    module, wanted, _ = stylegan2.convert_generator(numbers, "g.pt", {"clamp": 256.0})
    assert module == StyleGAN2(CHANNELS, Z_DIM, W_DIM, DENSE, architecture=architecture, clamp=256.0)
    for hwio in (True, False):
        state = {key: value.numpy() for key, value in to_genforce(ada, hwio).items()}
        _, found, _ = stylegan2.convert_generator(state, "g.pt", {})
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=3e-7), found, wanted)


def test_filters_need_not_be_in_the_file():
    state = {key: value.numpy() for key, value in ada_state().items() if not key.endswith("filter")}
    assert stylegan2.convert_generator(state, "g.pt", {})[2] == ()


def test_clamp_by_an_architecture_file(tmp_path):
    (tmp_path / "a.json").write_text('{"clamp": 256}')
    conversion, folder = convert_content(tmp_path, ada_state(), architecture=tmp_path / "a.json")
    assert conversion.module.clamp == zoo.load(folder).module.clamp == 256
    (tmp_path / "a.json").write_text('{"conv_clamp": 256}')
    with pytest.raises(CheckpointError, match=r"architecture file does not fit StyleGAN2 generator .*conv_clamp"):
        convert_content(tmp_path, ada_state(), "other", architecture=tmp_path / "a.json")


@pytest.mark.parametrize("name", ["stylegan2_64", "stylegan2_cond_32"])
def test_golden(tmp_path, golden, golden_weights, name):
    """That the file's tensors come through a folder, and their styles; for images see ``tests/generators``."""
    layout = golden_weights.state_dict(golden / f"{name}.generator.layout.json")
    conversion, folder = convert_content(tmp_path, {key: torch.from_numpy(v.copy()) for key, v in layout.items()})
    prior = zoo.load(folder)
    module, params, left_out = stylegan2.convert_generator(layout, "g.pth", {})
    assert conversion.left_out == left_out == ()
    assert prior.module == module
    jax.tree.map(np.testing.assert_array_equal, prior.params, params)
    with np.load(golden / f"{name}.npz") as arrays:
        wanted = {key: arrays[key] for key in arrays.files if key in ("z", "c", "w", "w_plus_truncated")}
    label = wanted.get("c")
    assert prior.num_classes == (0 if label is None else 3)
    assert_close(map_latents(prior, wanted["z"], label=label)[:, 0], wanted["w"])
    truncated = map_latents(prior, wanted["z"], label=label, truncation_psi=0.6, truncation_cutoff=4)
    assert_close(truncated, wanted["w_plus_truncated"])


@pytest.mark.parametrize("name", ["stylegan2_64", "stylegan2_cond_32"])
def test_golden_discriminator(tmp_path, golden, golden_weights, name):
    """That the file's tensors come through a folder; for logits see ``tests/discriminators``."""
    layout = golden_weights.state_dict(golden / f"{name}.discriminator.layout.json")
    conversion, folder = convert_content(tmp_path, {key: torch.from_numpy(v.copy()) for key, v in layout.items()})
    assert conversion.layout == "stylegan2_discriminator"
    module, params = zoo.load_network(folder)
    wanted, tensors, _ = convert_discriminator(layout, "d.pth", {})
    assert module == wanted
    jax.tree.map(np.testing.assert_array_equal, params, tensors)


def test_discriminator_gives_the_same_logits(tmp_path):
    state = discriminator_state()
    conversion, folder = convert_content(tmp_path, state)
    assert conversion.layout == "stylegan2_discriminator"
    assert conversion.module == StyleGAN2Discriminator(CHANNELS)
    assert conversion.num_tensors == len(state) - 4
    module, params = zoo.load_network(folder)
    images = normal(4, 3, 16, 16)
    found = jax.jit(logits, static_argnums=0)(module, params, images.permute(0, 2, 3, 1).numpy())
    assert_close(found, rosinality_discriminator(state, images))


def test_training_checkpoint_of_rosinality(tmp_path):
    ada = ada_state(z_dim=W_DIM)
    state = to_rosinality(ada)
    mean = state.pop("latent_avg")
    optimizer = {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.002, "params": [0]}]}
    content = {"g": to_rosinality(ada_state()), "d": discriminator_state(), "g_ema": state, "g_optim": optimizer}
    content |= {"args": argparse.Namespace(size=16, path="data"), "ada_aug_p": 0.1, "latent_avg": mean}
    conversion, folder = convert_content(tmp_path, content)
    assert conversion.has_critic
    assert conversion.left_out == ("g", "g_optim", "args", "ada_aug_p")
    prior = zoo.load(folder)
    assert_same_network(ada, prior)
    np.testing.assert_array_equal(prior.critic.params["logit"]["kernel"], content["d"]["final_linear.1.weight"].T)


@pytest.mark.parametrize("rows", [1, 6])
def test_generators_of_encoders(tmp_path, rows):
    ada = ada_state(z_dim=W_DIM)
    state = {f"decoder.{key}": value for key, value in to_rosinality(ada).items()}
    mean = state.pop("decoder.latent_avg").repeat(rows, 1)
    state |= {"encoder.input_layer.0.weight": normal(4, 3, 3, 3), "encoder.body.0.bias": normal(4)}
    content = {"state_dict": state, "latent_avg": mean, "opts": {"stylegan_size": 16, "device": "cuda:0"}}
    conversion, folder = convert_content(tmp_path, content)
    assert conversion.left_out == ("encoder",)
    assert_same_network(ada, zoo.load(folder))
    with pytest.raises(CheckpointError, match="the rows of latent_avg differ, but a generator has one mean of w"):
        convert_content(tmp_path, content | {"latent_avg": normal(2, W_DIM)}, "other")


def test_what_rosinality_may_not_have_stored_is_estimated_and_told(tmp_path):
    state = to_rosinality(ada_state(z_dim=W_DIM))
    state = {key: value for key, value in state.items() if key != "latent_avg" and not key.startswith("noises.")}
    conversion, folder = convert_content(tmp_path, {"g_ema": state})
    assert conversion.left_out == ()
    assert conversion.notes == (NO_MEAN, NO_NOISE)
    assert zoo.read_config(folder)["provenance"]["notes"] == list(conversion.notes)
    prior = zoo.load(folder)
    w = rosinality_mapping(state, normal(20_000, W_DIM))
    bound = 5.0 * w.std(0).numpy() * (1 / 10_000 + 1 / 20_000) ** 0.5
    assert (np.abs(prior.params["w_avg"] - w.mean(0).numpy()) < bound).all()
    # Another conversion stores the same mean.
    again, _ = convert_content(tmp_path, {"g_ema": state}, "again")
    np.testing.assert_array_equal(zoo.load(again.folder).params["w_avg"], prior.params["w_avg"])
    assert not any(prior.params[f"layer{k}"]["noise"].any() for k in range(5))


def test_raw_and_averaged_weights_by_name(tmp_path):
    raw, averaged = ada_state(), ada_state()
    content = {"g": to_rosinality(raw), "g_ema": to_rosinality(averaged)}
    for weights, ada, taken, other in (("averaged", averaged, "g_ema", "g"), ("raw", raw, "g", "g_ema")):
        conversion, folder = convert_content(tmp_path, content, weights, weights=weights)
        assert conversion.taken == (taken,)
        assert conversion.left_out == (other,)
        assert_same_network(ada, zoo.load(folder))
    with pytest.raises(CheckpointError, match=r"averaged weights only \(g_ema\), no raw ones"):
        convert_content(tmp_path, {"g_ema": content["g_ema"]}, "only", weights="raw")


def test_discriminator_of_another_resolution(tmp_path):
    torch.save(discriminator_state(CHANNELS[:2]), tmp_path / "d.pt")
    with pytest.raises(CheckpointError, match="sees 8-pixel images, the generator makes 16-pixel ones"):
        convert_content(tmp_path, ada_state(), discriminator=tmp_path / "d.pt")


SHARP = torch.zeros(4, 4).index_put((torch.tensor(1), torch.tensor(1)), torch.tensor(1.0))
MAPPING = [f"mapping.fc{i}.{part}" for i in range(DENSE) for part in ("weight", "bias")]
MISFITS = {
    "missing": (ada_state, {"synthesis.b8.conv0.affine.bias": None}, "missing: synthesis.b8.conv0.affine.bias [4])"),
    "misshapen": (
        ada_state,
        {"synthesis.b16.conv1.noise_const": normal(32, 32)},
        "misshapen: synthesis.b16.conv1.noise_const [32, 32] instead of [16, 16])",
    ),
    "unexpected": (ada_state, {"synthesis.b4.conv0.bias": normal(4)}, "unexpected: synthesis.b4.conv0.bias [4])"),
    "a resolution without its end": (
        ada_state,
        {"synthesis.b32.conv0.weight": normal(3, 3, 3, 3)},
        "synthesis.b32.conv1.weight, which tells the size of the network, is missing",
    ),
    "a resolution taken out": (
        ada_state,
        {f"synthesis.b8.{name}.weight": None for name in ("conv0", "conv1")},
        "synthesis.b8.conv1.weight, which tells the size of the network, is missing",
    ),
    "no mapping network": (ada_state, dict.fromkeys(MAPPING), "but not its mapping network"),
    "filter": (ada_state, {"synthesis.b8.resample_filter": SHARP}, "the filter synthesis.b8.resample_filter [4, 4] is"),
    "sum of a filter": (
        lambda: to_rosinality(ada_state(z_dim=W_DIM)),
        {"to_rgbs.0.upsample.kernel": FILTER},
        "the filter to_rgbs.0.upsample.kernel [4, 4] is not [1, 3, 3, 1] along both axes with the sum 4",
    ),
    "rosinality, noise of another resolution": (
        lambda: to_rosinality(ada_state(z_dim=W_DIM)),
        {"noises.noise_0": normal(1, 1, 8, 8)},
        "misshapen: noises.noise_0 [1, 1, 8, 8] instead of [1, 1, 4, 4])",
    ),
    "rosinality, missing": (
        lambda: to_rosinality(ada_state(z_dim=W_DIM)),
        {"convs.1.noise.weight": None},
        "missing: convs.1.noise.weight [1])",
    ),
    "mganprior, missing": (
        lambda: to_genforce(ada_state()),
        {f"synthesis.layer{k}.weight": None for k in range(5)},
        "synthesis.layer0.weight, which tells the size of the network, is missing",
    ),
    "mganprior, misshapen": (
        lambda: to_genforce(ada_state()),
        {"synthesis.layer1.weight": normal(4, 4, 3, 3)},
        "misshapen: synthesis.layer1.weight [4, 4, 3, 3] instead of [3, 3, 4, 4])",
    ),
    "discriminator, missing": (discriminator_state, {"convs.1.skip.1.weight": None}, "missing: convs.1.skip.1.weight"),
    "discriminator, cut": (
        discriminator_state,
        {"final_linear.0.weight": normal(4, 16)},
        "misshapen: final_linear.0.weight [4, 16] instead of [4, 64])",
    ),
    "discriminator, filter": (
        discriminator_state,
        {"convs.1.skip.0.kernel": SHARP},
        "the filter convs.1.skip.0.kernel",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_tensors_that_do_not_fit_are_named(tmp_path, case):
    make, change, told = MISFITS[case]
    assert_refused(tmp_path, changed(make(), change), told)


@pytest.mark.parametrize("name", ["ada", *FORMATS, "discriminator"])
def test_recognised_as_nothing_else(name):
    state = discriminator_state() if name == "discriminator" else FORMATS.get(name, dict)(ada_state())
    wanted = "stylegan2_discriminator" if name == "discriminator" else "stylegan2_generator"
    assert recognised(shapes_of(state)) == [wanted]


def test_a_whole_pickle_of_stylegan2_ada(tmp_path):
    states = {"G_ema": ada_state(), "D": discriminator_state()}
    numbers = {name: {key: value.numpy() for key, value in state.items()} for name, state in states.items()}
    kwargs = {"G_ema": {"synthesis_kwargs": {"conv_clamp": 256}}, "D": {"conv_clamp": 256}}
    content = {name: nvidia.tree(state, **kwargs[name]) for name, state in numbers.items()}
    conversion = convert_file(nvidia.write(tmp_path / "a.pkl", content), tmp_path / "model")
    prior = zoo.load(tmp_path / "model")
    assert conversion.has_critic
    assert prior.critic is not None
    assert prior.module.clamp == prior.critic.module.clamp == 256
    _, folder = convert_content(tmp_path, states["G_ema"], "bare")
    bare = zoo.load(folder)
    assert bare.module == prior.module.clone(clamp=None)
    jax.tree.map(np.testing.assert_array_equal, prior.params, bare.params)
