"""BigGAN checkpoints of ajbrock/BigGAN-PyTorch: against its own numbers, and a plain statement of its network."""

import jax
import numpy as np
import pytest
import torch

from converters.biggan_torch import CHANNELS, CHUNK, CLASSES, EMBED, biggan_images, biggan_state
from converters.converting import changed, convert_content
from converters.torch_parts import assert_close, nchw, normal
from gprior_jax import zoo
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.biggan import BigGAN
from gprior_jax.generators.prior import LatentDistribution
from gprior_jax.generators.synthesis import synthesize


@pytest.fixture(autouse=True)
def _highest_precision():
    with jax.default_matmul_precision("highest"):
        yield


def test_golden(tmp_path, golden, golden_weights):
    """The program's own images; its weights take one more power iteration in evaluation, from vectors that are far
    from settled here.
    """
    state = golden_weights.state_dict(golden / "biggan_32.layout.json")
    conversion, folder = convert_content(
        tmp_path, {key: torch.from_numpy(value.copy()) for key, value in state.items()}
    )
    assert conversion.layout == "biggan_generator"
    assert set(conversion.left_out) == {key for key in state if key.endswith(".sv0")}
    prior = zoo.load(folder)
    assert prior.module == BigGAN((16, 16, 16, 16), 8, 4, 5, attention=(2,))
    assert prior.latent == LatentDistribution("normal")
    with np.load(golden / "biggan_32.npz") as arrays:
        assert_close(nchw(synthesize(prior, arrays["z"], label=arrays["label"])), arrays["image"])
        assert_close(nchw(synthesize(prior, arrays["z"], label=arrays["mixture"])), arrays["image_mixture"])


KINDS = {
    "hierarchical": (biggan_state(attention=(0, 1)), {"attention": (1, 2)}),
    "norms of its own": (biggan_state(attention=(1,), inner_norm=True), {"attention": (2,)}),
    "not hierarchical": (biggan_state(hierarchical=False), {"attention": (1,), "hierarchical": False}),
    "not shared": (
        biggan_state(hierarchical=False, shared=False, attention=()),
        {"attention": (), "hierarchical": False, "embed_dim": 0},
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_generator_gives_the_same_images(tmp_path, name):
    state, attributes = KINDS[name]
    conversion, folder = convert_content(tmp_path, state)
    prior = zoo.load(folder)
    assert prior.module == BigGAN(
        **{"channels": CHANNELS, "z_dim": CHUNK * 3, "num_classes": CLASSES, "embed_dim": EMBED} | attributes
    )
    assert set(conversion.left_out) == {key for key in state if key.endswith(".sv0")}
    z, label = normal(3, CHUNK * 3), torch.eye(CLASSES)[[0, 3, 1]]
    assert_close(nchw(synthesize(prior, z.numpy(), label=label.numpy())), biggan_images(state, z, label))


def test_weights_without_spectral_norm(tmp_path):
    state = {key: value * 0.3 for key, value in biggan_state().items() if not key.endswith(("u0", "sv0"))}
    conversion, folder = convert_content(tmp_path, state)
    assert conversion.left_out == ()
    z, label = normal(2, CHUNK * 3), torch.eye(CLASSES)[[0, 3]]
    assert_close(nchw(synthesize(zoo.load(folder), z.numpy(), label=label.numpy())), biggan_images(state, z, label))


def test_standing_statistics_are_sums_over_batches(tmp_path):
    """What ``--accumulate_stats`` leaves in the file; a counter of 0 means running averages."""
    state = biggan_state(inner_norm=True)
    counters = {
        key.replace("stored_mean", "accumulation_counter"): torch.zeros(1) for key in state if ".bn.stored_m" in key
    }
    sums = {key: 32 * value for key, value in state.items() if ".bn.stored_" in key}
    z, label = normal(2, CHUNK * 3), torch.eye(CLASSES)[[0, 3]]
    wanted = biggan_images(state, z, label)
    files = {"running": state | counters, "sums": state | sums | {key: torch.full((1,), 32.0) for key in counters}}
    for name, content in files.items():
        conversion, folder = convert_content(tmp_path, content, name)
        assert conversion.notes == (("statistics are the means of those of 32 batches",) if name == "sums" else ())
        assert_close(nchw(synthesize(zoo.load(folder), z.numpy(), label=label.numpy())), wanted)


def test_more_singular_values_and_the_stored_ones_change_nothing(tmp_path):
    """``num_G_SVs``: only the first vector counts; singular values in the file are for its log."""
    state = biggan_state()
    more = {key.replace("u0", "u1"): normal(*value.shape) for key, value in state.items() if key.endswith(".u0")}
    more |= {key.replace("u1", "sv1"): normal(1) for key in more}
    more |= {key: 9 * value for key, value in state.items() if key.endswith(".sv0")}
    params = [zoo.load(convert_content(tmp_path, s, n)[1]).params for s, n in ((state, "one"), (state | more, "more"))]
    jax.tree.map(np.testing.assert_array_equal, *params)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"blocks.1.0.conv1.bias": None}, r"layout BigGAN generator .*\(missing: blocks.1.0.conv1.bias \[8\]\)"),
        ({"linear.u0": normal(1, 3)}, r"misshapen: linear.u0 \[1, 3\] instead of \[1, 256\]"),
        ({"extra.weight": normal(3)}, r"unexpected: extra.weight \[3\]"),
        ({"blocks.0.0.bn1.gain.weight": None}, r"BigGAN generator without its conditional norms \(bn1.gain\)"),
        ({"blocks.0.0.conv2.weight": None}, r"BigGAN generator without its second convolutions \(conv2\)"),
        ({"blocks.0.0.bn1.bn.running_mean": normal(16)}, r"was trained with --cross_replica, .*: train with --mybn"),
    ],
)
def test_files_that_do_not_fit(tmp_path, change, told):
    with pytest.raises(CheckpointError, match=told):
        convert_content(tmp_path, changed(biggan_state(), change))
    assert not (tmp_path / "g" / "model").exists()
