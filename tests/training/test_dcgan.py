"""Training of the first GANs: the published step, written down in torch; runs, classes, devices."""

import csv
import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gprior_jax import zoo
from gprior_jax.errors import ArgumentError, GPriorError
from gprior_jax.generators.synthesis import sample_z, synthesize
from gprior_jax.training import dcgan, loop
from gprior_jax.training.dcgan_config import DCGANConfig, MLPConfig
from gprior_jax.training.lanes import ONE, Lanes

KEY = jax.random.key(5)
TINY = DCGANConfig(resolution=16, z_dim=6, width=4, batch_size=8, images=48, seed=3, ema_half_life=50.0)
DENSE = MLPConfig(
    resolution=8,
    z_dim=6,
    batch_size=8,
    images=32,
    generator_features=(12, 10),
    discriminator_features=(6, 5),
    pieces=3,
    seed=2,
)
REAL = np.random.default_rng(0).uniform(-1, 1, (3, 8, 16, 16, 3)).astype(np.float32)
LABELS = np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 0, 0, 2, 1]]


def net_g(params, layers):
    """The published generator with the weights of a state."""
    modules = []
    for index, layer in enumerate(layers):
        own = params[f"layer{index}"]
        kernel = torch.tensor(np.array(own["kernel"]).transpose(2, 3, 0, 1))
        conv = nn.ConvTranspose2d(*kernel.shape[:2], 4, layer.stride, layer.padding, bias=False)
        conv.weight.data = kernel
        modules.append(conv)
        if "batch_norm" in layer.then:
            modules += [norm_of(own), nn.ReLU()]
    return nn.Sequential(*modules, nn.Tanh())


def net_d(params, layers):
    """The published discriminator, to logits."""
    modules = []
    for index, layer in enumerate(layers):
        own = params[f"layer{index}"]
        kernel = torch.tensor(np.array(own["kernel"]).transpose(3, 2, 0, 1))
        conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], 4, layer.stride, layer.padding, bias=False)
        conv.weight.data = kernel
        modules.append(conv)
        if "batch_norm" in layer.then:
            modules.append(norm_of(own))
        if layer.then:
            modules.append(nn.LeakyReLU(0.2))
    return nn.Sequential(*modules)


def norm_of(own):
    norm = nn.BatchNorm2d(len(own["norm0_scale"]))
    norm.weight.data, norm.bias.data = (torch.tensor(np.array(own[f"norm0_{name}"])) for name in ("scale", "bias"))
    return norm


def weights(net):
    """Kernels HWIO, scales, shifts and running statistics of a torch network, in the order of its layers."""
    found = {}
    index = -1
    for module in net:
        if isinstance(module, nn.ConvTranspose2d | nn.Conv2d):
            index += 1
            axes = (2, 3, 0, 1) if isinstance(module, nn.ConvTranspose2d) else (2, 3, 1, 0)
            found[f"layer{index}"] = {"kernel": module.weight.detach().numpy().transpose(axes)}
        elif isinstance(module, nn.BatchNorm2d):
            named = {"scale": module.weight, "bias": module.bias}
            named |= {"mean": module.running_mean, "var": module.running_var}
            found[f"layer{index}"] |= {f"norm0_{name}": value.detach().numpy() for name, value in named.items()}
    return found


def codes(config, seen, number=0):
    """The codes of a step."""
    key = jax.random.fold_in(jax.random.fold_in(KEY, seen), number)
    return np.array(config.distribution.sample(key, (config.batch_size, config.z_dim)))


def torch_steps(config, state, real):
    """The published training, batch after batch; the networks after it."""
    modules = dcgan.build(config)
    g, d = net_g(state.generator, modules[0].layers), net_d(state.discriminator, modules[1].layers)
    g_adam, d_adam = (torch.optim.Adam(net.parameters(), config.learning_rate, (0.5, 0.999)) for net in (g, d))
    bce = F.binary_cross_entropy_with_logits
    for index, batch in enumerate(real):
        d_adam.zero_grad()
        of_real = d(torch.tensor(batch).permute(0, 3, 1, 2)).reshape(-1)
        bce(of_real, torch.full_like(of_real, 1.0 - config.label_smoothing)).backward()
        z = torch.tensor(codes(config, index * config.batch_size))[:, :, None, None]
        fake = g(z)
        of_fake = d(fake.detach()).reshape(-1)
        bce(of_fake, torch.zeros_like(of_fake)).backward()
        d_adam.step()
        g_adam.zero_grad()
        # The program's third pass through its discriminator moves the running statistics once more; here it does not.
        norms = [module for module in d if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 0.0
        of_fake = d(fake).reshape(-1)
        for norm in norms:
            norm.momentum = 0.1
        bce(of_fake, torch.ones_like(of_fake)).backward()
        g_adam.step()
    return g, d


def test_steps_are_those_of_the_published_program():
    config = dataclasses.replace(TINY, label_smoothing=0.1)
    state = dcgan.init(config, jax.random.key(1))
    wanted = torch_steps(config, state, REAL)
    for index, batch in enumerate(REAL):
        state, terms = dcgan.step(dcgan.Plan(config, True), ONE, state, jnp.asarray(batch)[None], None, KEY)
        assert terms.keys() == set(dcgan.TERMS)
        assert int(state.images_seen) == 8 * (index + 1)
    for found, net in zip((state.generator, state.discriminator), wanted, strict=True):
        expected = weights(net)
        assert jax.tree.structure(found) == jax.tree.structure(expected)
        # Adam's first steps are of the size of its rate, 2e-4, in every weight, whatever its gradient.
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5), found, expected)


def assert_trees_close(found, wanted, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), found, wanted)


@pytest.mark.slow
def test_devices_share_a_batch_and_its_statistics():
    """Classes, two updates of the generator, uniform codes: on four devices as on one."""
    config = dataclasses.replace(TINY, num_classes=3, generator_steps=2, latent="uniform")
    found = []
    for lanes in (ONE, Lanes(4)):
        state = lanes.place(dcgan.init(config, jax.random.key(1)))
        plan, given = dcgan.Plan(config, True), (jnp.asarray(REAL[:1]), jnp.asarray(LABELS)[None], KEY)
        state, terms = dcgan.step(plan, lanes, state, *lanes.place(given))
        found.append(jax.device_get((state, terms)))
    # Adam turns what float32 leaves of a gradient of zero into a step of its rate; statistics have none.
    assert_trees_close(found[1][0].average, found[0][0].average, atol=4.1e-4, rtol=1e-4)
    for name in ("layer0", "layer1"):
        assert_trees_close(
            {key: value for key, value in found[1][0].generator[name].items() if "mean" in key or "var" in key},
            {key: value for key, value in found[0][0].generator[name].items() if "mean" in key or "var" in key},
            rtol=1e-4,
            atol=1e-7,
        )
    assert_trees_close(found[1][1], found[0][1], rtol=2e-3, atol=1e-4)


def test_the_generator_waits_for_the_discriminator(monkeypatch):
    config = dataclasses.replace(TINY, discriminator_steps=3)
    plans = []
    monkeypatch.setattr(dcgan, "step", lambda plan, lanes, state, *arrays: plans.append(plan) or (state, {}))
    for seen in range(0, 48, 8):
        dcgan.train_steps(config, None, seen, 1, None, None, None)
    assert [plan.generate for plan in plans] == [False, False, True] * 2


def test_starting_weights_are_the_published_ones():
    state = dcgan.init(DCGANConfig(resolution=16, width=16), jax.random.key(0))
    for params in (state.generator, state.discriminator):
        for layer in params.values():
            assert float(layer["kernel"].std()) == pytest.approx(0.02, rel=0.15)
            assert "bias" not in layer
    scale = np.concatenate([state.generator[f"layer{i}"]["norm0_scale"] for i in (0, 1)])
    assert scale.mean() == pytest.approx(1.0, abs=0.01)
    assert scale.std() == pytest.approx(0.02, rel=0.3)
    dense = dcgan.init(DENSE, jax.random.key(0))
    assert float(jnp.abs(dense.generator["layer1"]["kernel"]).max()) == pytest.approx(0.05, rel=0.1)
    assert float(jnp.abs(dense.discriminator["layer0"]["kernel"]).max()) == pytest.approx(0.005, rel=0.1)


def test_networks_of_a_configuration():
    generator, discriminator = dcgan.build(DCGANConfig(resolution=32, width=8, num_classes=5, image_channels=1))
    assert [layer.features for layer in generator.layers] == [32, 16, 8, 1]
    assert [layer.features for layer in discriminator.layers] == [8, 16, 32, 5]
    assert (generator.z_dim, generator.num_classes, generator.resolution) == (100, 5, 32)
    generator, discriminator = dcgan.build(MLPConfig(resolution=8, image_channels=1))
    assert generator.shapes == [(100,), (1200,), (1200,), (8, 8, 1)]
    assert discriminator.shapes == [(8, 8, 1), (240,), (240,), (1,)]
    assert [layer.pieces for layer in discriminator.layers] == [5, 5, 1]


OPTIONS = {"snapshot_images": 16, "log_images": 8, "provenance": {"data": "tiny"}}


@pytest.mark.slow
def test_a_resumed_run_of_dense_networks_equals_an_uninterrupted_one(image_zip, tmp_path):
    whole = loop.train(DENSE, image_zip, tmp_path / "whole", **OPTIONS)
    loop.train(DENSE, image_zip, tmp_path / "run", max_images=16, **OPTIONS)
    resumed = loop.train(DENSE, image_zip, tmp_path / "run", **OPTIONS)
    jax.tree.map(np.testing.assert_array_equal, resumed.params, whole.params)
    assert (tmp_path / "run" / "log.csv").read_bytes() == (tmp_path / "whole" / "log.csv").read_bytes()
    assert resumed.latent.kind == "uniform"
    assert resumed.latent.high == pytest.approx(3**0.5)
    with open(tmp_path / "run" / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["images"]) for row in rows] == [8, 16, 24, 32]
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())
    assert all(0 <= float(row["real_right"]) <= 1 for row in rows)


@pytest.mark.slow
def test_a_conditional_run_cut_short_or_not(labelled_zip, tmp_path):
    config = dataclasses.replace(TINY, num_classes=3, resolution=8, discriminator_steps=2, images=32)
    prior = loop.train(config, labelled_zip, tmp_path / "run", **OPTIONS)
    loop.train(config, labelled_zip, tmp_path / "cut", max_images=16, **OPTIONS)
    resumed = loop.train(config, labelled_zip, tmp_path / "cut", **OPTIONS)
    jax.tree.map(np.testing.assert_array_equal, resumed.params, prior.params)
    assert (tmp_path / "cut" / "log.csv").read_bytes() == (tmp_path / "run" / "log.csv").read_bytes()
    stored = zoo.load(tmp_path / "run" / "model")
    assert (stored.num_classes, stored.resolution) == (3, 8)
    assert zoo.read_config(tmp_path / "run" / "model")["provenance"]["label_names"] == ["a", "b", "c"]
    z = sample_z(stored, jax.random.key(0), 4)
    images = np.stack([synthesize(stored, z, label=label) for label in range(3)])
    np.testing.assert_array_equal(images[1], synthesize(prior, z, label=1))
    assert all(np.abs(a - b).max() > 1e-4 for a, b in itertools.combinations(images, 2))
    # A perceptual network of its own, which needs no class.
    assert stored.critic is not None
    features = stored.critic.module.apply(
        {"params": stored.critic.params}, images[0, 0], stored.critic.module.layer_names, method="features"
    )
    assert [feature.shape for feature in features] == [(4, 4, 4)]
    with open(tmp_path / "run" / "log.csv", newline="") as file:
        generator = [row["generator"] for row in csv.DictReader(file)]
    assert [bool(value) for value in generator] == [False, True, False, True]


def test_what_data_and_settings_must_have(labelled_zip, image_zip, tmp_path):
    with pytest.raises(GPriorError, match="has 3 classes, not 4: train with num_classes 3"):
        loop.train(dataclasses.replace(TINY, num_classes=4), labelled_zip, tmp_path / "run", **OPTIONS)
    with pytest.raises(GPriorError, match="conditional training needs 'labels'"):
        loop.train(dataclasses.replace(TINY, num_classes=3), image_zip, tmp_path / "run", **OPTIONS)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        (DCGANConfig, {"loss": "wgan_gp"}, "loss 'wgan_gp': use nonsaturating or minimax"),
        (DCGANConfig, {"latent": "sphere"}, "latent 'sphere': use normal or uniform"),
        (DCGANConfig, {"optimizer": "lion"}, "optimizer 'lion': use adam or sgd"),
        (DCGANConfig, {"label_smoothing": 0.5}, "label_smoothing must be from 0 to below 0.5"),
        (DCGANConfig, {"label_smoothing": -0.1}, "label_smoothing must be"),
        (DCGANConfig, {"generator_steps": 0}, "generator_steps 0: use at least 1"),
        (DCGANConfig, {"width": 0}, "width 0: use at least 1"),
        (DCGANConfig, {"images": 100, "discriminator_steps": 2}, "at least 2 batches of 64"),
        (DCGANConfig, {"resolution": 28}, "resolution 28: use a power of two"),
        (DCGANConfig, {"learning_rate": float("nan")}, "learning_rate nan"),
        (MLPConfig, {"dropout": 1.0}, "dropout must be a part"),
        (MLPConfig, {"generator_features": ()}, "generator_features 0: use at least 1"),
        (MLPConfig, {"pieces": 0}, "pieces 0: use at least 1"),
    ],
)
def test_settings_that_are_refused(kind, settings, told):
    with pytest.raises(ArgumentError, match=told):
        kind(**settings)
