"""BigGAN-deep checkpoints of pytorch-pretrained-biggan: against its own numbers, and a plain statement of it."""

import dataclasses
import importlib
import importlib.util
import json
import sys
import types

import jax
import numpy as np
import pytest
import torch

from converters.biggan_torch import CLASSES, LAYERS, deep_images, deep_state, settled
from converters.converting import changed, convert_content
from converters.torch_parts import assert_close, nchw, normal
from gprior_jax import zoo
from gprior_jax.errors import ArgumentError, CheckpointError
from gprior_jax.generators.biggan_deep import BigGANDeep
from gprior_jax.generators.prior import LatentDistribution
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.generators.truncation import with_truncation

STATE = deep_state()
MODULE = BigGANDeep((64, 32, 16, 8, 4), (False, True, False, True), 3, CLASSES, 3, attention=(2,))
CONFIG = {
    **{"output_dim": 16, "z_dim": 3, "class_embed_dim": 3, "channel_width": 4, "num_classes": CLASSES},
    **{"layers": LAYERS, "attention_layer_position": 2, "eps": 1e-4, "n_stats": 51},
}


@pytest.fixture(autouse=True)
def _highest_precision():
    with jax.default_matmul_precision("highest"):
        yield


def test_golden(tmp_path, golden, golden_weights):
    """The program's own images, at truncations on and between its sets of statistics. The vectors of one layer have
    opposite signs, so that its weights change theirs: from other vectors than those stored this would be lost.
    """
    state = settled(golden_weights.state_dict(golden / "biggan_deep_16.layout.json"))
    state["generator.layers.1.conv_2.weight_u"] *= -1
    conversion, folder = convert_content(
        tmp_path, {key: torch.from_numpy(value.copy()) for key, value in state.items()}
    )
    assert (conversion.layout, conversion.left_out) == ("biggan_deep_generator", ())
    prior = zoo.load(folder)
    with np.load(golden / "biggan_deep_16.npz") as arrays:
        z, label = arrays["z"], arrays["label"]
        for truncation, image in zip(arrays["truncation"], arrays["image"], strict=True):
            module = with_truncation(prior, float(truncation)).module
            # The weights of each in one program, which does not look at the statistics again.
            weights = module.apply({"params": prior.params}, method="prepare")
            found = synthesize(dataclasses.replace(prior, weights=weights), z, label=label)
            assert_close(nchw(found), image)
        assert_close(nchw(synthesize(prior, z, label=arrays["mixture"])), arrays["image_mixture"])


def test_generator_gives_the_same_images(tmp_path):
    conversion, folder = convert_content(tmp_path, STATE)
    prior = zoo.load(folder)
    assert prior.module == MODULE
    assert prior.latent == LatentDistribution("truncated_normal", -2.0, 2.0)
    assert conversion.taken == ("generator",)
    z, label = normal(3, 3), torch.eye(CLASSES)[[0, 3, 1]]
    for truncation in (1.0, 0.37):
        found = synthesize(with_truncation(prior, truncation), z.numpy(), label=label.numpy())
        assert_close(nchw(found), deep_images(STATE, z, label, truncation))


def with_config(tmp_path, change, state=STATE):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | change))
    return convert_content(tmp_path, state, architecture=tmp_path / "config.json")


def test_config_json_tells_what_no_tensor_does(tmp_path):
    """Which blocks enlarge and what is added to variances; and attention before the first block, in whose place it is
    in the file.
    """
    layers = [(not up, before, after) for up, before, after in LAYERS]
    state = deep_state(8, position=0, sets=3)
    own = {"layers": layers, "eps": 0.5, "channel_width": 8, "n_stats": 3, "attention_layer_position": 0}
    _, folder = with_config(tmp_path, own, state)
    prior = zoo.load(folder)
    assert (prior.module.enlarges, prior.module.attention) == ((True, False, True, False), (0,))
    z, label = normal(2, 3), torch.eye(CLASSES)[[2, 1]]
    wanted = deep_images(state, z, label, 1.0, layers, epsilon=0.5)
    assert_close(nchw(synthesize(prior, z.numpy(), label=label.numpy())), wanted)


def test_config_json_of_the_network_changes_nothing(tmp_path):
    assert with_config(tmp_path, {})[0].module == MODULE


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"channel_width": 8}, r"channels \(64, 32, 16, 8, 4\), config.json says \(128, 64, 32, 16, 8\)"),
        ({"z_dim": 128}, r"has z_dim 3, config.json says 128; nothing was written: give the config.json of this"),
        ({"n_stats": 3}, r"has num_sets 51, config.json says 3"),
        ({"attention_layer_position": 8}, r"has attention \(2,\), config.json says \(8,\)"),
        ({"layers": [[False, 16]]}, r"config.json does not describe a BigGAN-deep \(not enough values"),
    ],
)
def test_config_json_of_another_network(tmp_path, change, told):
    with pytest.raises(CheckpointError, match=told):
        with_config(tmp_path, change)


def test_a_truncation_by_an_architecture_file(tmp_path):
    (tmp_path / "a.json").write_text('{"truncation": 0.4}')
    conversion, folder = convert_content(tmp_path, STATE, architecture=tmp_path / "a.json")
    assert conversion.module.truncation == zoo.load(folder).module.truncation == 0.4
    assert zoo.load(folder).latent == LatentDistribution("truncated_normal", -0.8, 0.8)
    (tmp_path / "a.json").write_text('{"truncation": 1.5}')
    with pytest.raises(ArgumentError, match=r"truncation 1.5: use a number above 0 and up to 1"):
        convert_content(tmp_path, STATE, "other", architecture=tmp_path / "a.json")


def test_files_of_data_parallel(tmp_path):
    wrapped = {f"module.{key}": value for key, value in STATE.items()}
    params = [zoo.load(convert_content(tmp_path, s, n)[1]).params for s, n in ((STATE, "plain"), (wrapped, "wrapped"))]
    jax.tree.map(np.testing.assert_array_equal, *params)


VECTOR = "generator.layers.0.conv_0.weight_v"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        # The program would go on with random numbers here, and in half of all cases turn the sign of the weights.
        ({VECTOR: None}, r"\(missing: layers.0.conv_0.weight_v \[64\]\); nothing was written"),
        ({"generator.gen_z.weight_u": None}, r"missing: gen_z.weight_u \[1024\]"),
        ({"generator.bn.running_vars": normal(50, 4)}, r"misshapen: bn.running_vars \[50, 4\] instead of \[51, 4\]"),
        ({"embeddings.weight": None}, r"looks like BigGAN-deep without the embeddings of classes"),
        ({"generator.layers.1.conv_3.weight_orig": None}, r"looks like BigGAN-deep without some of its layers"),
    ],
)
def test_files_that_do_not_fit(tmp_path, change, told):
    with pytest.raises(CheckpointError, match=told):
        convert_content(tmp_path, changed(STATE, change))
    assert not (tmp_path / "g" / "model").exists()


def test_the_program_itself(monkeypatch):
    """What we are compared with above is what the package computes (``pip install --no-deps`` of it suffices)."""
    if importlib.util.find_spec("pytorch_pretrained_biggan") is None:
        pytest.skip("the package is not installed (pip install --no-deps pytorch-pretrained-biggan==0.1.1)")
    for name in ("boto3", "botocore", "botocore.exceptions"):  # What it fetches files with; nothing is fetched here.
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(sys.modules["botocore.exceptions"], "ClientError", OSError, raising=False)
    program = importlib.import_module("pytorch_pretrained_biggan")
    network = program.BigGAN(program.BigGANConfig.from_dict(CONFIG)).eval()
    network.load_state_dict(STATE)
    z = torch.from_numpy(program.truncated_noise_sample(3, 3, 0.3, seed=1))
    assert z.abs().max() <= 0.6
    label = torch.eye(CLASSES)[[0, 3, 1]]
    with torch.no_grad():
        wanted = network(z, label, 0.3)
    np.testing.assert_allclose(deep_images(STATE, z, label, 0.3), wanted, rtol=0, atol=1e-5)
