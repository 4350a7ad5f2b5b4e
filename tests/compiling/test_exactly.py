"""Texts that stand for what programs are made of."""

import dataclasses
import functools
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gprior_jax as gp
from gprior_jax import recipes
from gprior_jax.compiling.exactly import UnknownError, structure_text, text_of
from gprior_jax.generators.prior import LatentDistribution, Prior, prepare
from gprior_jax.operators import Downsample, Identity


def test_what_differs_reads_differently():
    values = [
        1,
        1.0,
        True,
        "1",
        b"1",
        (1,),
        [1],
        {"a": 1},
        {"a": 2},
        None,
        -0.0,
        0.0,
        float("nan"),
        np.dtype("float32"),
    ]
    values += [LatentDistribution(), LatentDistribution("uniform"), Identity(), optax.adam, optax.sgd, jax.nn.relu]
    values += [functools.partial(optax.adam, 0.1), functools.partial(optax.adam, 0.2), prepare]
    meshes = [((2, 4), ("a", "b")), ((4, 2), ("a", "b")), ((2, 4), ("b", "a"))]
    values += [jax.sharding.AbstractMesh(*mesh) for mesh in meshes]
    values += [jax.sharding.AbstractMesh(*meshes[0], axis_types=(jax.sharding.AxisType.Explicit,) * 2)]
    assert len({text_of(value) for value in values}) == len(values)


@pytest.mark.parametrize(
    "tree",
    [
        {"a": np.zeros(3)},
        {"b": np.zeros(3, np.float32)},
        {"a": np.zeros(3, np.float32)},
        {"a": np.zeros((3, 1), np.float32)},
        {"a": jnp.zeros(3)},
        {"a": 0.0},
        {"a": None},
        (np.zeros(3, np.float32),),
        [np.zeros(3, np.float32)],
        {"a": jax.random.key(0)},
    ],
)
def test_structures_differ_from_that_of_one_array(tree):
    other = {"a": {"a": np.zeros(3, np.float32)}}
    assert structure_text(tree) != structure_text(other)
    assert structure_text(tree) == structure_text(jax.tree.map(lambda leaf: leaf, tree))


def test_numbers_do_not_matter_and_static_fields_do():
    small = Prior({"a": jnp.zeros(2)}, gp.load("builtin").module)
    assert structure_text(small) == structure_text(dataclasses.replace(small, params={"a": jnp.ones(2)}))
    for change in (
        {"latent": LatentDistribution("uniform")},
        {"name": "other"},
        {"module": gp.load("builtin:cells").module},
    ):
        assert structure_text(small) != structure_text(dataclasses.replace(small, **change))
    assert structure_text(Downsample(2)) != structure_text(Downsample(4))


def test_what_only_its_text_would_tell_is_unknown():
    @dataclasses.dataclass(frozen=True)
    class Own:
        number: int = 1

    inner = jax.jit(lambda x: x)
    for value in (lambda x: x, Own(), inner, recipes.latent("w", num_steps=1).fit, object(), functools.partial(Own)):
        with pytest.raises(UnknownError):
            text_of(value)


def test_a_function_under_another_s_name_is_unknown(monkeypatch):
    def adam(rate):
        return optax.sgd(rate)

    adam.__module__, adam.__qualname__ = optax.adam.__module__, optax.adam.__qualname__
    with pytest.raises(UnknownError):
        text_of(adam)


def test_the_same_in_another_process():
    code = (
        "from gprior_jax import recipes; from gprior_jax.compiling.exactly import text_of; "
        "print(text_of(recipes.latent('w_plus').solver))"
    )
    other = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    assert other == text_of(recipes.latent("w_plus").solver)
