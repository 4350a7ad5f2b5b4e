"""StyleGAN2's discriminator against the numbers of stylegan2-ada-pytorch: logits, and the penalty on gradients."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gprior_converters.stylegan2_discriminator import convert_discriminator

from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator, logits
from gprior_jax.training.losses import r1_penalty


@pytest.mark.slow
@pytest.mark.parametrize(("name", "salt"), [("stylegan2_64", 3), ("stylegan2_cond_32", 4)])
def test_golden_logits_and_r1(golden, golden_weights, name, salt):
    state = golden_weights.state_dict(golden / f"{name}.discriminator.layout.json")
    module, params, _ = convert_discriminator(state, name, {})
    with np.load(golden / f"{name}.npz") as arrays:
        expected, wanted = arrays["r1_penalty_per_image"], arrays["discriminator_logits"][:, 0]
        labels = np.concatenate([arrays["c"], arrays["c"]]) if module.num_classes else None
    side = module.resolution
    images = np.tanh(golden_weights.normal("disc_input", (4, 3, side, side), 0.7, 0, salt)).transpose(0, 2, 3, 1)

    def critic(x):
        return logits(module, params, x, labels)

    @jax.jit
    def run(x):
        logit, pull = jax.vjp(critic, x)
        squares = jnp.square(pull(jnp.ones_like(logit))[0]).sum((1, 2, 3))
        return logit, squares, r1_penalty(critic, x)

    with jax.default_matmul_precision("highest"):
        logit, squares, mean = run(images)
    assert np.abs(logit - wanted).max() <= 1e-4 * np.abs(wanted).max()
    assert np.abs(squares - expected).max() <= 1e-3 * np.abs(expected).max()
    assert float(mean) == pytest.approx(float(expected.mean()), rel=1e-3)


@pytest.mark.slow
def test_the_formulation_of_training_has_the_same_penalty_and_its_gradient():
    plain = StyleGAN2Discriminator((32, 32), group_size=2)
    trained = plain.clone(conv_path="trained")
    params: Any = plain.init(jax.random.key(0), jnp.zeros(plain.input_shape), method="init_all")["params"]
    images = jax.random.uniform(jax.random.key(1), (2, *plain.input_shape), minval=-1, maxval=1)

    def objective(module, params):
        critic = partial(logits, module, params)
        return critic(images).sum() + r1_penalty(critic, images)

    (wanted, theirs), (found, ours) = (
        jax.jit(jax.value_and_grad(partial(objective, module)))(params) for module in (plain, trained)
    )
    assert float(found) == pytest.approx(float(wanted), rel=1e-4)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert np.abs(a - b).max() <= 1e-4 * max(1e-3, float(np.abs(b).max()))
    assert "winograd" in str(jax.make_jaxpr(partial(logits, trained, params))(images))
