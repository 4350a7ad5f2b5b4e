"""PGGAN conversion against the published networks, stated independently in torch with the files' own keys."""

import jax
import numpy as np
import pytest
import torch
from gprior_converters import pggan
from gprior_converters.convert import convert_file
from torch.nn import functional as F

from converters.converting import assert_refused, changed
from converters.torch_parts import GAIN, assert_close, fused_up, nchw, normal, pixel_norm, scaled
from gprior_jax import zoo
from gprior_jax.discriminators.pggan import logits
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.synthesis import synthesize

CHANNELS, Z_DIM = (6, 6, 4), 5


def generator_state(channels=CHANNELS, z_dim=Z_DIM, lod=True):
    """Random tensors in the layout of mGANprior's files: OIHW, ``conv.weight`` and ``wscale.bias``."""
    state = {"lod": torch.zeros(())} if lod else {}
    before = z_dim
    for block, width in enumerate(channels):
        size = 4 if block == 0 else 3
        for k, inputs, side in ((2 * block, before, size), (2 * block + 1, width, 3)):
            state[f"layer{k}.conv.weight"] = normal(width, inputs, side, side)
            state[f"layer{k}.wscale.bias"] = 0.3 * normal(width)
        state[f"output{block}.conv.weight"] = normal(3, width, 1, 1)
        state[f"output{block}.wscale.bias"] = 0.3 * normal(3)
        before = width
    return state


def torch_generator(state, z):
    """The published forward pass at full resolution."""
    x = z[:, :, None, None]
    count = sum(key.startswith("output") and key.endswith("weight") for key in state)

    def apply(x, name, padding, gain=GAIN, bias=None):
        return F.conv2d(x, scaled(state[f"{name}.conv.weight"], gain), padding=padding) + bias

    for k in range(2 * count):
        bias = state[f"layer{k}.wscale.bias"].reshape(1, -1, 1, 1)
        x = pixel_norm(x)
        if f"layer{k}.weight" in state:  # fused_scale: HWIO
            x = fused_up(x, scaled(state[f"layer{k}.weight"].permute(3, 2, 0, 1))) + bias
        else:
            if k % 2 == 0 and k:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = apply(x, f"layer{k}", 3 if k == 0 else 1, bias=bias)
        x = F.leaky_relu(x, 0.2)
    return apply(
        pixel_norm(x), f"output{count - 1}", 0, 1.0, state[f"output{count - 1}.wscale.bias"].reshape(1, -1, 1, 1)
    )


def new_spelling(state):
    """The same tensors under the keys of genforce/genforce."""
    renamed = {key.replace(".conv.", ".").replace(".wscale.", "."): value for key, value in state.items()}
    return {key: value for key, value in renamed.items() if key != "lod"}


def assert_same_images(folder, state):
    z = normal(3, state["layer0.conv.weight"].shape[1])
    assert_close(nchw(synthesize(zoo.load(folder), z.numpy())), torch_generator(state, z))


@pytest.mark.parametrize("lod", [True, False])
def test_generator_gives_the_same_images(tmp_path, lod):
    state = generator_state(lod=lod)
    torch.save(state, tmp_path / "g.pth")
    conversion = convert_file(tmp_path / "g.pth", tmp_path / "model")
    assert conversion.layout == "pggan_generator"
    assert conversion.module == PGGAN(CHANNELS, z_dim=Z_DIM)
    assert conversion.num_tensors == len(state) - lod
    assert conversion.left_out == (("lod",) if lod else ())
    assert not conversion.has_critic
    assert_same_images(tmp_path / "model", state)


def test_new_spelling_gives_the_same_images(tmp_path):
    state = generator_state()
    torch.save({"generator": generator_state(), "generator_smooth": new_spelling(state)}, tmp_path / "g.pth")
    assert convert_file(tmp_path / "g.pth", tmp_path / "model").left_out == ("generator",)
    assert_same_images(tmp_path / "model", state)


def test_fused_layers_give_the_same_images(tmp_path):
    state = generator_state()
    for k in (2, 4):
        state[f"layer{k}.weight"] = state.pop(f"layer{k}.conv.weight").permute(2, 3, 1, 0).contiguous()
    torch.save(state, tmp_path / "g.pth")
    convert_file(tmp_path / "g.pth", tmp_path / "model")
    assert_same_images(tmp_path / "model", state)


def test_fused_layers_in_the_new_spelling():
    fused = generator_state()
    for k in (2, 4):
        fused[f"layer{k}.weight"] = fused.pop(f"layer{k}.conv.weight").permute(2, 3, 1, 0).contiguous()
    new = new_spelling(fused)
    for k in (2, 4):  # HWIO to IOHW
        new[f"layer{k}.weight"] = new[f"layer{k}.weight"].permute(2, 3, 0, 1)
    (_, wanted, _), (_, found, _) = (
        pggan.convert_generator({key: value.numpy() for key, value in state.items()}, "g.pth", {})
        for state in (fused, new)
    )
    # Only a layer that changes the width tells that its kernel is transposed, and then all are.
    for name in ("layer2", "layer4"):
        np.testing.assert_array_equal(found[name]["kernel"], wanted[name]["kernel"])


def test_final_tanh_by_an_architecture_file(tmp_path):
    state = generator_state()
    torch.save(state, tmp_path / "g.pth")
    (tmp_path / "a.json").write_text('{"final_tanh": true}')
    convert_file(tmp_path / "g.pth", tmp_path / "model", architecture=tmp_path / "a.json")
    z = normal(2, Z_DIM)
    wanted = torch.tanh(torch_generator(state, z)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(synthesize(zoo.load(tmp_path / "model"), z.numpy()), wanted, atol=1e-4)
    (tmp_path / "a.json").write_text('{"last_tanh": true}')
    with pytest.raises(CheckpointError, match=r"architecture file does not fit PGGAN generator .*last_tanh"):
        convert_file(tmp_path / "g.pth", tmp_path / "other", architecture=tmp_path / "a.json")
    assert not (tmp_path / "other").exists()


CHANGES = {
    "missing": ({"layer3.wscale.bias": None}, "missing: layer3.wscale.bias [6]"),
    "misshapen": (
        {"layer4.conv.weight": normal(4, 5, 3, 3)},
        "misshapen: layer4.conv.weight [4, 5, 3, 3] instead of [4, 6, 3, 3]",
    ),
    "unexpected": ({"w_avg": normal(7)}, "unexpected: w_avg [7]"),
    "output": ({"output1.conv.weight": None}, "has no weights for output1 of a PGGAN generator"),
    "layer": ({"layer6.conv.weight": normal(4, 4, 3, 3)}, "has no weights for output3 of a PGGAN generator"),
    "growing": ({"lod": torch.tensor(1.5)}, "was saved while growing (lod 1.5, not 0)"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_tensors_that_do_not_fit_are_named(tmp_path, case):
    change, told = CHANGES[case]
    assert_refused(tmp_path, changed(generator_state(), change), told)


def discriminator_state(channels=CHANNELS, dense=7):
    """Random tensors in genforce's layout; blocks are counted from the full resolution."""
    state, widths = {}, channels[::-1]
    for block, width in enumerate(widths):
        last = block == len(widths) - 1
        state[f"input{block}.weight"], state[f"input{block}.bias"] = normal(width, 3, 1, 1), 0.3 * normal(width)
        state[f"layer{2 * block}.weight"] = normal(width, width + last, 3, 3)
        state[f"layer{2 * block}.bias"] = 0.3 * normal(width)
        if not last:
            state[f"layer{2 * block + 1}.weight"] = normal(widths[block + 1], width, 3, 3)
            state[f"layer{2 * block + 1}.bias"] = 0.3 * normal(widths[block + 1])
    k = 2 * len(widths) - 1
    state[f"layer{k}.weight"], state[f"layer{k}.bias"] = normal(dense, 16 * widths[-1]), 0.3 * normal(dense)
    state[f"layer{k + 1}.weight"], state[f"layer{k + 1}.bias"] = normal(1, dense), 0.3 * normal(1)
    return state


def torch_discriminator(state, images):
    """The published forward pass; all images are one group of the minibatch standard deviation."""

    def conv(x, name, padding):
        weight, bias = scaled(state[f"{name}.weight"]), state[f"{name}.bias"]
        return F.leaky_relu(F.conv2d(x, weight, bias, padding=padding), 0.2)

    blocks = sum(key.startswith("input") and key.endswith("weight") for key in state)
    x = conv(images, "input0", 0)
    for block in range(blocks - 1):
        x = F.avg_pool2d(conv(conv(x, f"layer{2 * block}", 1), f"layer{2 * block + 1}", 1), 2)
    deviation = torch.sqrt(x.var(0, correction=0) + 1e-8).mean()
    x = torch.cat([x, deviation.expand(len(x), 1, 4, 4)], 1)
    k = 2 * blocks - 2
    x = conv(x, f"layer{k}", 1).flatten(1)
    x = F.leaky_relu(F.linear(x, scaled(state[f"layer{k + 1}.weight"]), state[f"layer{k + 1}.bias"]), 0.2)
    return F.linear(x, scaled(state[f"layer{k + 2}.weight"], 1.0), state[f"layer{k + 2}.bias"])[:, 0]


def test_discriminator_gives_the_same_logits(tmp_path):
    state = discriminator_state()
    torch.save(state, tmp_path / "d.pth")
    conversion = convert_file(tmp_path / "d.pth", tmp_path / "net")
    assert conversion.layout == "pggan_discriminator"
    assert conversion.num_tensors == len(state)
    module, params = zoo.load_network(tmp_path / "net")
    images = normal(4, 3, 16, 16)
    found = jax.jit(logits, static_argnums=0)(module, params, images.permute(0, 2, 3, 1).numpy())
    assert_close(found, torch_discriminator(state, images))


def test_discriminator_is_stored_beside_its_generator(tmp_path):
    content = {"generator": new_spelling(generator_state()), "discriminator": discriminator_state(), "epoch": 3}
    torch.save(content, tmp_path / "both.pth")
    conversion = convert_file(tmp_path / "both.pth", tmp_path / "model")
    assert conversion.has_critic
    assert conversion.left_out == ("epoch",)
    assert conversion.num_tensors == len(content["generator"]) + len(content["discriminator"])
    prior = zoo.load(tmp_path / "model")
    np.testing.assert_array_equal(
        prior.critic.params["logit"]["kernel"], content["discriminator"]["layer6.weight"].T.numpy()
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"layer1.bias": None}, r"missing: layer1.bias \[6\]"),
        ({"layer0.weight": normal(4, 4, 1, 1)}, r"misshapen: layer0.weight"),
        ({"layer5.weight": None}, r"layer5.weight are missing"),
        ({"input1.weight": None}, r"inputs or layer5.weight are missing"),
        ({"embed.weight": normal(2)}, r"unexpected: embed.weight \[2\]"),
    ],
)
def test_discriminators_that_do_not_fit_are_named(tmp_path, change, told):
    torch.save(changed(discriminator_state(), change), tmp_path / "d.pth")
    with pytest.raises(CheckpointError, match=told):
        convert_file(tmp_path / "d.pth", tmp_path / "net")
    assert not (tmp_path / "net").exists()
