import csv
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import random_params

from gprior_jax import zoo
from gprior_jax.errors import GPriorError
from gprior_jax.perceptual import projected as networks
from gprior_jax.perceptual.alexnet import AlexNet
from gprior_jax.perceptual.efficientnet import EfficientNetLite0
from gprior_jax.training import loop, projected
from gprior_jax.training.config import PGGANConfig, StyleGAN2Config
from gprior_jax.training.lanes import ONE
from training.settings import CONDITIONAL

NETWORK = random_params(EfficientNetLite0(), 1)
PROJECTED = dataclasses.replace(CONDITIONAL, projected_weight=0.5, augment=False)
UNCONDITIONAL = dataclasses.replace(PROJECTED, num_classes=0, path_weight=0.0)
RNG = np.random.default_rng(0)
FAKE, REAL = (RNG.uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32) for _ in range(2))
LABELS = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A model folder with EfficientNet-Lite0."""
    folder = tmp_path_factory.mktemp("lite0") / "model"
    zoo.save_network(EfficientNetLite0(), NETWORK, folder)
    return folder


@pytest.mark.slow
def test_a_step_follows_the_gradients_of_hinge_losses(monkeypatch):
    plain = optax.sgd(1.0)
    monkeypatch.setattr(projected.optax, "adam", lambda *args, **kwargs: plain)
    state = projected.init(PROJECTED, NETWORK, jax.random.key(0))
    pull, after, terms = jax.jit(projected.step, static_argnums=(0, 1))(PROJECTED, ONE, state, FAKE, REAL, LABELS)

    def logits(heads, images):
        maps = jax.vmap(lambda image: networks.mixed_features(state.frozen, image, 64))(images)
        return networks.logits(heads, maps, LABELS, 4)

    def of_generator(fake):
        return sum(-x.mean() for x in logits(state.heads, fake))

    def of_heads(heads):
        pairs = zip(logits(heads, REAL), logits(heads, FAKE), strict=True)
        return sum(jnp.maximum(0, 1 - real).mean() + jnp.maximum(0, 1 + fake).mean() for real, fake in pairs)

    g_loss, g_gradient = jax.jit(jax.value_and_grad(of_generator))(FAKE)
    d_loss, d_gradient = jax.jit(jax.value_and_grad(of_heads))(state.heads)
    assert terms == {
        "projected_generator": pytest.approx(float(g_loss), abs=1e-5),
        "projected_discriminator": pytest.approx(float(d_loss), abs=1e-5),
    }
    np.testing.assert_allclose(pull, g_gradient, atol=1e-5 * float(jnp.abs(g_gradient).max()))
    moved = jax.tree.map(lambda a, b: a - b, state.heads, after.heads)
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(d_gradient))
    for head, layers in moved.items():
        for name, layer in layers.items():
            for kind in ("kernel", "bias"):
                np.testing.assert_allclose(layer[kind], d_gradient[head][name][kind], atol=1e-5 * largest)
            # The singular vectors are iterated, not descended.
            assert not d_gradient[head][name]["singular"].any()
    for x, y in zip(jax.tree.leaves(state.frozen), jax.tree.leaves(after.frozen), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        UNCONDITIONAL,
        PGGANConfig(
            resolution=8,
            z_dim=8,
            base_channels=64,
            max_channels=8,
            batch_size=4,
            images_per_level=(16,),
            projected_weight=1.0,
        ),
    ],
    ids=["stylegan2", "pggan"],
)
def test_a_run_that_was_stopped_has_the_losses_of_one_that_was_not(config, network, image_zip, tmp_path):
    options = {"snapshot_images": 4, "log_images": 4, "perceptual": network}
    loop.train(config, image_zip, tmp_path / "whole", **options)
    loop.train(config, image_zip, tmp_path / "parts", max_images=8, **options)
    loop.train(config, image_zip, tmp_path / "parts", **options)
    whole, parts = ((tmp_path / name / "log.csv").read_text() for name in ("whole", "parts"))
    assert whole == parts
    rows = list(csv.DictReader(whole.splitlines()))
    assert [row["images"] for row in rows] == ["4", "8", "12", "16"]
    assert len({row["projected_generator"] for row in rows}) == 4
    assert all(float(row["projected_discriminator"]) > 0 for row in rows)


def test_a_network_is_needed(image_zip, network, tmp_path):
    with pytest.raises(GPriorError, match="needs a network to project on: give perceptual"):
        loop.train(UNCONDITIONAL, image_zip, tmp_path / "run")
    zoo.save_network(AlexNet(), random_params(AlexNet(), 0), tmp_path / "alexnet")
    with pytest.raises(GPriorError, match="holds AlexNet: projected discriminators stand on EfficientNet-Lite0"):
        loop.train(UNCONDITIONAL, image_zip, tmp_path / "run", perceptual=tmp_path / "alexnet")
    assert not (tmp_path / "run").exists()


def test_weights_of_the_judgements(monkeypatch):
    """The generator follows a sum; without projected discriminators nothing is added."""
    from gprior_jax.training import adversarial

    found = adversarial.Judgement(jnp.full(FAKE.shape, 2.0), {}, jnp.zeros(4), {"generator": jnp.ones(())})
    monkeypatch.setattr(projected, "step", lambda *args: (jnp.full(FAKE.shape, 10.0), "next", {"more": 1.0}))
    config = StyleGAN2Config(pixel_weight=3.0, projected_weight=0.5)
    pull, state, terms = adversarial.with_projected(config, ONE, "state", found, FAKE, REAL, None)
    assert (pull == 3 * 2 + 0.5 * 10).all()
    assert (state, terms) == ("next", {"generator": 1.0, "more": 1.0})
    pull, state, terms = adversarial.with_projected(config, ONE, None, found, FAKE, REAL, None)
    assert (pull == 6).all()
    assert state is None
    assert terms.keys() == {"generator"}
