"""Steps of one program: as many as are asked for, in order, with what each was given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.training.config import PGGANConfig, StyleGAN2Config
from gprior_jax.training.together import in_turn, room


def one(step, state, given):
    return 2 * state + given["x"], {"sum": state + step, "given": given["x"]}


@pytest.mark.parametrize("number", [1, 2, 4])
def test_steps_in_turn(number):
    given = {"x": jnp.asarray([3.0, 5.0, 7.0, 11.0])}
    state, terms = jax.jit(lambda number: in_turn(one, jnp.float32(1), number, given, ("sum", "given")))(number)
    wanted, sums = 1.0, []
    for step in range(number):
        sums.append(wanted + step)
        wanted = 2 * wanted + float(given["x"][step])
    assert float(state) == wanted
    np.testing.assert_array_equal(terms["sum"][:number], sums)
    np.testing.assert_array_equal(terms["given"][:number], given["x"][:number])
    assert not terms["given"][number:].any()


def test_a_program_of_one_step_has_no_loop():
    def taken(x):
        return in_turn(one, jnp.float32(1), jnp.int32(1), {"x": x}, ("sum", "given"))

    assert "while" not in str(jax.make_jaxpr(taken)(jnp.ones(1)))
    state, terms = taken(jnp.full(1, 3.0))
    assert float(state) == 5.0
    assert terms["given"].tolist() == [3.0]


def test_room_is_what_the_images_leave(monkeypatch):
    if jax.default_backend() == "cpu":
        assert room(StyleGAN2Config(resolution=64, batch_size=16)) == 4
        assert room(StyleGAN2Config(resolution=128, batch_size=32)) == 2
        assert room(PGGANConfig(resolution=512, batch_size=32)) == 1
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert room(StyleGAN2Config(resolution=64, batch_size=16)) == 1
