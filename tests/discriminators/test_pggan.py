"""PGGAN discriminator against a statement of it in torch."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from batteries import normal, random_params

from gprior_jax.discriminators.pggan import PGGANDiscriminator, logits, minibatch_stddev
from gprior_jax.nn.layers import average_down2

CLOSE = {"rtol": 1e-3, "atol": 1e-4}
CHANNELS = (8, 6, 4)
LOGITS = jax.jit(logits, static_argnums=0)


def module_and_params(fused: bool = True, group_size: int = 2):
    module = PGGANDiscriminator(CHANNELS, dense_features=7, group_size=group_size, fused=fused)
    return module, random_params(module, 5)


def conv(params, name: str, x: torch.Tensor) -> torch.Tensor:
    """Equalised convolution before its activation, NCHW."""
    kernel = np.asarray(params[name]["kernel"])
    scale = math.sqrt(2 / math.prod(kernel.shape[:-1]))
    weight = torch.from_numpy(kernel.transpose(3, 2, 0, 1) * np.float32(scale))
    return F.conv2d(x, weight, torch.from_numpy(np.array(params[name]["bias"])), padding=kernel.shape[0] // 2)


def dense(params, name: str, x: torch.Tensor, gain: float) -> torch.Tensor:
    kernel = torch.from_numpy(np.array(params[name]["kernel"]))
    return x @ kernel * (gain / math.sqrt(kernel.shape[0])) + torch.from_numpy(np.array(params[name]["bias"]))


def act(x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, 0.2)


def torch_features(params, images: np.ndarray, fused: bool) -> dict[str, torch.Tensor]:
    x, found = act(conv(params, "from_rgb_16", torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))), {}
    for size in (16, 8):
        x = found[f"conv_{size}"] = act(conv(params, f"conv_{size}", x))
        x = conv(params, f"down_{size}", x)
        x = found[f"down_{size}"] = act(F.avg_pool2d(x, 2)) if fused else F.avg_pool2d(act(x), 2)
    return found


def torch_stddev(x: torch.Tensor, group: int) -> torch.Tensor:
    """The official layer: groups of every M-th image."""
    y = x.reshape(group, -1, *x.shape[1:])
    y = ((y - y.mean(0, keepdim=True)) ** 2).mean(0)
    y = (y + 1e-8).sqrt().mean((1, 2, 3), keepdim=True)
    return torch.cat([x, y.repeat(group, 1, *x.shape[2:])], dim=1)


@pytest.mark.parametrize("fused", [True, False])
def test_logits_are_the_statements(fused):
    module, params = module_and_params(fused)
    images = normal(1, 4, 16, 16, 3) * 0.5
    x = act(conv(params, "conv_4", torch_stddev(torch_features(params, images, fused)["down_8"], 2)))
    x = x.permute(0, 2, 3, 1).reshape(4, -1)
    x = act(dense(params, "dense_4", x, math.sqrt(2)))
    expected = dense(params, "logit", x, 1.0)[:, 0]
    actual = LOGITS(module, params, images)
    np.testing.assert_allclose(actual, expected.numpy(), **CLOSE)


@pytest.mark.parametrize("fused", [True, False])
def test_features_are_the_statements(fused):
    module, params = module_and_params(fused)
    image = normal(1, 16, 16, 3) * 0.5
    assert module.layer_names == ("conv_16", "down_16", "conv_8", "down_8")
    names = ("down_8", "conv_16", "down_16")
    expected = torch_features(params, image[None], fused)

    @jax.jit
    def features(params, image):
        prepared = module.apply({"params": params}, method="prepare")
        return [module.apply({"params": params}, image, names, w, method="features") for w in (None, prepared)]

    for found in features(params, image):
        for name, actual in zip(names, found, strict=True):
            np.testing.assert_allclose(actual, expected[name][0].permute(1, 2, 0).numpy(), **CLOSE)


@pytest.mark.parametrize(("batch", "group"), [(4, 2), (4, 4), (6, 3), (3, 4), (2, 1)])
def test_minibatch_stddev_is_the_official_one(batch, group):
    x = normal(2, batch, 4, 4, 5)
    expected = torch_stddev(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), min(group, batch))
    actual = minibatch_stddev(jnp.asarray(x), group)
    np.testing.assert_allclose(actual, expected.permute(0, 2, 3, 1).numpy(), rtol=1e-4, atol=1e-5)


def test_groups_must_divide_the_batch():
    with pytest.raises(ValueError, match="6 images for groups of 4: use a multiple of 4"):
        minibatch_stddev(jnp.zeros((6, 4, 4, 2)), 4)


def test_groups_do_not_meet():
    module, params = module_and_params(group_size=2)
    images = normal(3, 4, 16, 16, 3)
    before = np.asarray(LOGITS(module, params, images))
    images[1] += 1.0  # Its group is images 1 and 3.
    after = np.asarray(LOGITS(module, params, images))
    np.testing.assert_allclose(after[[0, 2]], before[[0, 2]], rtol=1e-5, atol=1e-5)
    assert (np.abs(after - before)[[1, 3]] > 1e-4).all()


def test_fade_mixes_with_the_reduced_image():
    module, params = module_and_params()
    image = normal(4, 8, 8, 3)

    @jax.jit
    def run(params, image):
        def trunk(image, level, fade=1.0):
            return module.apply({"params": params}, image, level, fade, method="trunk")

        return trunk(average_down2(image), 0), trunk(image, 1), trunk(image, 1, 0.3)

    shortcut, whole, mixed = run(params, image)
    np.testing.assert_allclose(mixed, 0.3 * whole + 0.7 * shortcut, rtol=1e-4, atol=1e-5)
