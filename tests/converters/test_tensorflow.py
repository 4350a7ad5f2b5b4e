"""TensorFlow files, read and converted, against what the networks compute with the files' own variables."""

import functools

import jax
import numpy as np
import pytest
import torch
from gprior_converters import pggan, reading, stylegan, stylegan2, stylegan2_discriminator, tensorflow
from gprior_converters.convert import convert_file

from converters import nvidia, torch_parts
from converters import tensorflow_networks as tf
from gprior_jax import zoo
from gprior_jax.discriminators import pggan as pggan_critic
from gprior_jax.discriminators import stylegan2 as stylegan2_critic
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.synthesis import synthesize


def parts(synthesis, outputs=tf.W_DIM, own=None):
    """Variables of a style-based generator, by component; and all by the names that the reader gives them."""
    own = {"lod": np.float32(0.0), "dlatent_avg": tf.normal(tf.W_DIM)} if own is None else own
    found = {"mapping": tf.mapping(outputs), "synthesis": synthesis}
    whole = own | {f"{part}/{name}": value for part, values in found.items() for name, value in values.items()}
    return own, found, whole


def write(path, generator, discriminator, components=None, d_settings=None, **settings):
    """A file of three networks; the raw generator's numbers are others."""
    components = {name: nvidia.Network(values) for name, values in (components or {}).items()}
    raw = nvidia.Network({name: value + 1 for name, value in generator.items()}, components)
    critic = nvidia.Network(discriminator, name="D", **(d_settings or {}))
    smooth = nvidia.Network(generator, components, name="Gs", **settings)
    return nvidia.write(path, (raw, critic, smooth), network="tfutil" if not components else "dnnlib.tflib.network")


def image(converter, state):
    """Images of a converted generator, NCHW, with its codes."""
    module, params, left_out = converter(state, "a.pkl", {})
    z = tf.normal(2, module.z_dim)
    made = np.asarray(synthesize(Prior(params, module), z))
    return torch.from_numpy(z), made.transpose(0, 3, 1, 2), left_out


assert_close = functools.partial(torch_parts.assert_close, tolerance=2e-5)
pggan_logits = jax.jit(pggan_critic.logits, static_argnums=0)
stylegan2_logits = jax.jit(stylegan2_critic.logits, static_argnums=0)


@pytest.mark.parametrize(("fused", "group"), [(False, 16), (True, None), (True, 2)])
def test_pggan(tmp_path, fused, group):
    generator, discriminator = tf.pggan_generator(fused), tf.pggan_critic(fused)
    critic = {"build_func_name": "D_paper", "fused_scale": fused} | ({"mbstd_group_size": group} if group else {})
    path = write(tmp_path / "a.pkl", generator, discriminator, d_settings=critic, fused_scale=fused, label_size=0)
    found = reading.read_networks(path)
    assert found.left_out == ("G",)
    assert found.attributes == {"generator": {}, "discriminator": {"group_size": group or 4, "fused": fused}}
    z, made, left_out = image(pggan.convert_generator, found["generator"])
    assert left_out == ("lod",)
    assert_close(made, tf.run_pggan(generator, z))
    module, params, _ = pggan.convert_discriminator(found["discriminator"], "a.pkl", found.attributes["discriminator"])
    images = tf.normal(4, 3, 16, 16)
    logits = pggan_logits(module, params, images.transpose(0, 2, 3, 1))
    assert_close(np.asarray(logits), tf.run_pggan_critic(discriminator, torch.from_numpy(images), group or 4))


def test_pggan_to_a_model_folder(tmp_path):
    # Settings of the published files, as the importer of their Theano originals writes them.
    generator = tf.pggan_generator(False)
    critic = {"fused_scale": False, "mbstd_group_size": 16}
    path = write(tmp_path / "a.pkl", generator, tf.pggan_critic(False), d_settings=critic, fused_scale=False)
    made = convert_file(path, tmp_path / "model")
    assert (made.layout, made.has_critic) == ("pggan_generator", True)
    assert set(made.left_out) == {"G", "lod"}
    prior = zoo.load(tmp_path / "model")
    z = tf.normal(2, tf.Z_DIM)
    assert_close(np.asarray(synthesize(prior, z)).transpose(0, 3, 1, 2), tf.run_pggan(generator, torch.from_numpy(z)))


@pytest.mark.parametrize("fused", [False, True, "auto"])
def test_stylegan(tmp_path, fused):
    own, components, whole = parts(tf.stylegan_synthesis())
    critic = {"build_func_name": "D_basic"}
    path = write(tmp_path / "a.pkl", own, tf.pggan_critic(True), components, critic, fused_scale=fused)
    found = reading.read_networks(path)
    assert found.keys() == {"generator"}
    assert found.left_out == ("G", "synthesis/lod", "D")
    keys = [f"synthesis.layer{k}.weight" in found["generator"] for k in (2, 4)]
    assert keys == [fused is True] * 2
    z, made, _ = image(stylegan.convert_generator, found["generator"])
    assert_close(made, tf.run_stylegan(whole, z, fused is True))
    np.testing.assert_array_equal(found["generator"]["truncation.w_avg"], own["dlatent_avg"])


def test_stylegan_is_fused_from_128_pixels():
    names = [f"synthesis/{side}x{side}/Conv0_up/weight" for side in (64, 128, 256)]
    variables = {name: tf.normal(3, 3, 2, 4) for name in names}
    state, _ = tensorflow.to_state(variables, {}, "stylegan_generator", "a.pkl")
    assert {key: value.shape for key, value in state.items()} == {
        "synthesis.layer8.conv.weight": (4, 2, 3, 3),
        "synthesis.layer10.weight": (3, 3, 2, 4),
        "synthesis.layer12.weight": (3, 3, 2, 4),
    }
    np.testing.assert_array_equal(state["synthesis.layer10.weight"], variables[names[1]])


def test_stylegan_of_in_domain_inversion(tmp_path):
    own, components, _ = parts(tf.stylegan_synthesis(), outputs=tf.W_DIM * 2 * len(tf.CHANNELS))
    components = {name: nvidia.Network(values) for name, values in components.items()}
    networks = [nvidia.Network({"x/weight": tf.normal(2)}, name="E"), *(nvidia.Network(own, components) for _ in "123")]
    networks[2] = nvidia.Network(tf.pggan_critic(True))
    found = reading.read_networks(nvidia.write(tmp_path / "a.pkl", tuple(networks)))
    assert found.left_out == ("E", "G", "synthesis/lod", "D")
    module, _, _ = stylegan.convert_generator(found["generator"], "a.pkl", {})
    assert module.w_per_layer


@pytest.mark.parametrize("top", [0.0, 2.0])
def test_stylegan_level_of_the_whole_network_counts(tmp_path, top):
    own, components, _ = parts(
        tf.stylegan_synthesis(top=False), own={"lod": np.float32(top), "dlatent_avg": tf.normal(tf.W_DIM)}
    )
    found = reading.read_networks(write(tmp_path / "a.pkl", own, tf.pggan_critic(True), components))
    assert found["generator"]["synthesis.lod"] == top
    assert "synthesis/lod" in found.left_out


def test_stylegan2(tmp_path):
    own, components, whole = parts(tf.stylegan2_synthesis())
    discriminator = tf.stylegan2_critic()
    found = reading.read_networks(write(tmp_path / "a.pkl", own, discriminator, components, randomize_noise=False))
    assert found.left_out == ("G", "lod")
    assert found.attributes == {"generator": {}, "discriminator": {"group_size": 4}}
    z, made, _ = image(stylegan2.convert_generator, found["generator"])
    assert_close(made, tf.run_stylegan2(whole, z))
    np.testing.assert_array_equal(found["generator"]["mapping.w_avg"], own["dlatent_avg"])
    module, params, _ = stylegan2_discriminator.convert_discriminator(found["discriminator"], "a.pkl", {})
    images = tf.normal(8, 3, 16, 16)
    logits = stylegan2_logits(module, params, images.transpose(0, 2, 3, 1))
    assert_close(np.asarray(logits), tf.run_stylegan2_critic(discriminator, torch.from_numpy(images), 4))


def test_stylegan2_has_the_keys_of_the_pytorch_version(tmp_path):
    own, components, _ = parts(tf.stylegan2_synthesis())
    found = reading.read_networks(write(tmp_path / "a.pkl", own, tf.stylegan2_critic(), components, conv_clamp=256))
    layers = {"weight", "bias", "noise_strength", "noise_const", "resample_filter", "affine.weight", "affine.bias"}
    rgb = {"weight", "bias", "affine.weight", "affine.bias"}
    expected = {"mapping.w_avg", "synthesis.b4.const"}
    expected |= {f"mapping.fc{i}.{leaf}" for i in range(tf.LAYERS) for leaf in ("weight", "bias")}
    for level, side, _ in tf.sides():
        expected |= {f"synthesis.b{side}.resample_filter"} | {f"synthesis.b{side}.torgb.{leaf}" for leaf in rgb}
        expected |= {f"synthesis.b{side}.conv{i}.{leaf}" for i in range(not level, 2) for leaf in layers}
    assert found["generator"].keys() == expected
    assert found.attributes["generator"] == {"clamp": 256}
    expected = {f"b4.{name}.{leaf}" for name in ("conv", "fc", "out") for leaf in ("weight", "bias")}
    expected |= {"b4.conv.resample_filter"} | {f"b16.fromrgb.{leaf}" for leaf in ("weight", "bias", "resample_filter")}
    for _, side, _ in tf.sides()[1:]:
        expected |= {f"b{side}.resample_filter", f"b{side}.skip.weight", f"b{side}.skip.resample_filter"}
        expected |= {f"b{side}.conv{i}.{leaf}" for i in range(2) for leaf in ("weight", "bias", "resample_filter")}
    assert found["discriminator"].keys() == expected


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"label_size": 10}, "StyleGAN2 generator with label_size = 10; only 0 is known"),
        ({"architecture": "resnet"}, "architecture = resnet; only skip is known"),
        ({"mapping_lrmul": 0.1}, "mapping_lrmul = 0.1; only 0.01 is known"),
        ({"resample_kernel": None}, "resampling filter None is not known"),
        ({"resample_kernel": [1, -1]}, "resampling filter [1, -1] is not known"),
    ],
)
def test_settings_that_are_not_known(tmp_path, settings, told):
    own, components, _ = parts(tf.stylegan2_synthesis())
    path = write(tmp_path / "a.pkl", own, tf.stylegan2_critic(), components, **settings)
    assert told in nvidia.refusal(path, reading.read_networks)
    assert "nothing was written" in nvidia.refusal(path, reading.read_networks)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"4x4/Extra/weight": tf.normal(2)}, "variables that are not known (4x4/Extra/weight); nothing was written"),
        ({f"x{i}": tf.normal(2) for i in range(9)}, "x5 and 3 more)"),
        (
            {"4x4/Conv/weight": tf.normal(2, 2)},
            "4x4/Conv/weight of the PGGAN generator has 2 axes instead of 4",
        ),
        ({"4x4/Dense/weight": tf.normal(5, 15)}, "which makes no 4x4 map"),
        ({"5x5/Conv1/weight": tf.normal(3, 3, 2, 2)}, "5x5/Conv1/weight of the PGGAN generator is of no resolution"),
        ({"ToRGB_lod9/bias": tf.normal(3)}, "ToRGB_lod9/bias of the PGGAN generator is of a level below 4x4"),
        ({"8x8/Conv/bias": tf.normal(5)}, "names a tensor that another variable has named"),
    ],
)
def test_variables_that_are_not_known(tmp_path, change, told):
    path = write(tmp_path / "a.pkl", tf.pggan_generator(False) | change, tf.pggan_critic(False))
    assert told in nvidia.refusal(path, reading.read_networks)


def test_networks_of_no_known_layout(tmp_path):
    path = write(tmp_path / "a.pkl", {"images/weight": tf.normal(2)}, tf.pggan_critic(False))
    assert "a TensorFlow generator of no known layout (its first variables are images/weight)" in nvidia.refusal(
        path, reading.read_networks
    )
    path = write(tmp_path / "a.pkl", tf.pggan_critic(False), tf.pggan_generator(False))
    assert "generator of no known layout" in nvidia.refusal(path, reading.read_networks)
    # StyleGAN2 in configurations A to D has an output for every level of detail.
    own, components, _ = parts(tf.stylegan2_synthesis() | tf.modulated("ToRGB_lod0", 4, 3, 1))
    path = write(tmp_path / "a.pkl", own, tf.stylegan2_critic(), components)
    assert "synthesis/ToRGB_lod0/weight" in nvidia.refusal(path, reading.read_networks)
