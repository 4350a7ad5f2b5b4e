"""Settings in words: equal ones read the same, others never, and what differs is named."""

import dataclasses
import functools
import json
import subprocess
import sys
from typing import NamedTuple

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gprior_jax as gp
from gprior_jax import summary
from gprior_jax.errors import ArgumentError
from gprior_jax.summary import check_same, fields_of, fingerprint, flatten, summarise


@pytest.mark.parametrize(
    "other",
    [
        {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, np.float32)},
        {"a": np.arange(6, dtype=np.float32), "b": np.zeros(2, np.float32)},
        {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": np.zeros(2, np.float32)},
        {"a": np.arange(6, dtype=np.float32).reshape(2, 3).T.copy(), "b": np.zeros(2, np.float32)},
        {"a": np.arange(6, dtype=np.float32).reshape(2, 3)},
    ],
)
def test_fingerprints_tell_numbers_shapes_and_dtypes_apart(other):
    tree = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(2, np.float32)}
    assert fingerprint(tree) != fingerprint(other)
    assert fingerprint(tree) == fingerprint(jax.tree.map(jnp.asarray, tree))
    assert fingerprint(tree["a"]) == fingerprint(np.asfortranarray(tree["a"]))


class Pair(NamedTuple):
    first: int
    second: tuple


@dataclasses.dataclass(frozen=True)
class Settings:
    rate: float
    inner: Pair


@dataclasses.dataclass
class Titled:
    name: str


@flax.struct.dataclass
class Weighted:
    weights: jax.Array
    size: int = flax.struct.field(pytree_node=False)


PAIR = {"kind": "Pair", "first": 1, "second": ["x"]}


class Spoken:
    def summary(self):
        return {"says": "it itself"}


class Called:
    """Says nothing of itself, and is called."""

    def __init__(self, times):
        self.times = times

    def __call__(self, x):
        return self.times * x


class Silent:
    """A pytree that says nothing of itself."""

    def __init__(self, leaf):
        self.leaf = leaf


jax.tree_util.register_pytree_node(Silent, lambda s: ((s.leaf,), None), lambda _, leaves: Silent(*leaves))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (True, True),
        ("text", "text"),
        (np.float32(0.5), 0.5),
        (jnp.int32(3), 3),
        ({"a": (1, [2.0])}, {"a": [1, [2.0]]}),
        (Spoken(), {"says": "it itself"}),
        (Settings(0.1, Pair(1, ("x",))), {"kind": "Settings", "rate": 0.1, "inner": PAIR}),
        (np.arange(3), {"shape": [3], "sha256": fingerprint(np.arange(3))}),
        (
            Weighted(jnp.ones(2), 4),
            {"kind": "Weighted", "weights": {"shape": [2], "sha256": fingerprint(jnp.ones(2))}, "size": 4},
        ),
        (Silent(np.ones(3)), {"kind": f"{__name__}.Silent", "sha256": fingerprint(np.ones(3))}),
        (Silent(3), {"kind": f"{__name__}.Silent"}),
        ({"b", "a"}, ["'a'", "'b'"]),
        (1 + 2j, "(1+2j)"),
        (b"ab", "b'ab'"),
        (range(3), "range(0, 3)"),
        (len, "builtins.len"),
        (Spoken().summary, {"method": f"{__name__}.Spoken.summary", "of": {"says": "it itself"}}),
        (Called(3), {"kind": f"{__name__}.Called", "times": 3}),
        (summarise, "gprior_jax.summary.summarise"),
        (Spoken, f"{__name__}.Spoken"),
        (functools.partial(flatten, 1, name="x"), {"partial": "gprior_jax.summary.flatten", "of": [1], "name": "x"}),
    ],
)
def test_values_in_words(value, told):
    found = summarise(value)
    assert found == told
    json.dumps(found)


def test_modules_are_told_by_their_own_fields():
    assert fields_of(nn.Dense(3)).keys() >= {"features", "use_bias"}
    assert not {"parent", "name"} & fields_of(nn.Dense(3)).keys()
    assert fields_of(Titled("a")) == {"name": "a"}  # Those of others are their own.
    assert fields_of(Settings) == fields_of(3) == fields_of((1, 2)) == {}


def scaled(factor):
    return lambda x: factor * x


def kept(factor):
    def function(x, *, by=factor):
        return by * x

    return function


def named(name, value):
    """A function that reads a number of its module."""
    module = {"__name__": "elsewhere", name: value}
    exec(f"function = lambda x: {name} * x", module)
    return module["function"]


def shifted(x, by=1):
    return x + by


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (scaled(1), scaled(2)),
        (scaled(np.zeros(2)), scaled(np.ones(2))),
        (lambda x: x + 1, lambda x: x + 2),
        (lambda x, by=1: x + by, lambda x, by=2: x + by),
        (lambda x: np.sin(x), lambda x: np.cos(x)),
        (lambda x: (lambda y: y + 1)(x), lambda x: (lambda y: y + 2)(x)),
        (functools.partial(shifted, by=1), functools.partial(shifted, by=2)),
        (scaled, shifted),
        (Called(1), Called(2)),
        (Called(1).__call__, Called(2).__call__),
        (named("FACTOR", 1), named("FACTOR", 2)),
        (kept(1), kept(2)),
    ],
)
def test_functions_that_do_other_things_read_differently(one, other):
    assert summarise(one) != summarise(other)


def test_functions_that_do_the_same_read_the_same():
    assert summarise(scaled(2)) == summarise(scaled(2))
    assert summarise(scaled(2)).startswith(f"{__name__}.scaled.<locals>.<lambda>#")
    # In every process: addresses in memory are not part of it.
    code = "from gprior_jax.summary import summarise; f = lambda x: (lambda y: y + 1)(x); told = summarise(f)"
    here: dict = {"__name__": "__main__"}
    exec(code, here)
    elsewhere = subprocess.run(
        [sys.executable, "-c", f"{code}; print(told)"], capture_output=True, check=True, text=True
    )
    assert elsewhere.stdout.strip() == here["told"]


def test_functions_that_hold_themselves_come_to_an_end():
    def countdown(x):
        return x if x < 0 else countdown(x - 1)

    assert summarise(countdown) == summarise(countdown)
    assert summarise(countdown).startswith(f"{__name__}.test_functions_that_hold")


def test_recipes_that_find_other_results_read_differently():
    told = [
        gp.recipes.mganprior(2, 2, perceptual=None),
        gp.recipes.mganprior(3, 2, perceptual=None),
        gp.recipes.mganprior(2, 2, perceptual=None, num_steps=3),
        gp.recipes.mganprior(2, 2, perceptual=None, preset="official"),
        gp.recipes.mganprior(2, 2, perceptual=None, restarts=2),
        gp.recipes.latent("w", perceptual=None),
        gp.recipes.latent("w_plus", perceptual=None),
        gp.recipes.image2stylegan_pp(perceptual=None),
        gp.recipes.image2stylegan_pp(perceptual=None, noise_steps=3),
    ]
    texts = [json.dumps(recipe.summary(), sort_keys=True) for recipe in told]
    assert len(set(texts)) == len(texts)
    assert json.dumps(gp.recipes.mganprior(2, 2, perceptual=None).summary(), sort_keys=True) == texts[0]


def test_what_is_the_same_passes():
    settings = {"a": 1, "b": {"c": [1, {"d": None}]}}
    check_same(settings, json.loads(json.dumps(settings)), "x holds a run", "give another x")


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"a": 2, "b": {"c": [1, 2]}}, "another a (1 there, 2 now)"),
        ({"a": 1, "b": {"c": [1, 3]}}, "another b.c ([1, 2] there, [1, 3] now)"),
        ({"a": 1, "b": {"c": [1, 2], "d": 0}}, "another b.d (None there, 0 now)"),
        ({"b": {"c": [1, 2]}}, "another a (1 there, None now)"),
        ({"a": 1, "b": {"c": [{"e": 1}]}}, "another b.c ([1, 2] there, None now), b.c.0.e (None there, 1 now)"),
    ],
)
def test_only_what_differs_is_named(now, told):
    with pytest.raises(ArgumentError) as caught:
        check_same({"a": 1, "b": {"c": [1, 2]}}, now, "x holds a run", "give another x")
    assert str(caught.value) == f"x holds a run with {told}: give another x."


class Stage(NamedTuple):
    number: int
    parts: tuple = ()
    sizes: tuple = (1, 2)


FIRST = Stage(0)


@dataclasses.dataclass
class Grown:
    stages: tuple
    last: Stage = FIRST
    made: list = dataclasses.field(default_factory=lambda: [1])
    rate: float = 1.0


GROWN = Grown((Stage(1), Stage(2, (Stage(3),))))
INNER = {"kind": "Stage", "number": 3, "sizes": [1, 2]}
OLD = {"kind": "Grown", "stages": [{"kind": "Stage", "number": 1}, {"kind": "Stage", "number": 2, "parts": [INNER]}]}


@pytest.mark.parametrize("there", [OLD, OLD | {"last": {"kind": "Stage", "number": 0}}, OLD | {"made": [1]}])
def test_fields_that_are_missing_have_their_defaults(there):
    check_same({"of": there}, {"of": summarise(GROWN)}, "x holds a run", "give another x")


@pytest.mark.parametrize(
    ("there", "now", "told"),
    [
        (OLD, dataclasses.replace(GROWN, rate=2.0), "of.rate (None there, 2.0 now)"),
        (OLD, dataclasses.replace(GROWN, rate=1), "of.rate (None there, 1 now)"),
        (OLD, dataclasses.replace(GROWN, made=[]), "of.made (None there, [] now)"),
        (OLD | {"gone": 1}, GROWN, "of.gone (1 there, None now)"),
        (OLD | {"last": {"kind": "Stage", "number": 1}}, GROWN, "of.last.number (1 there, 0 now)"),
        (
            OLD,
            dataclasses.replace(GROWN, stages=(Stage(1, sizes=(2,)), *GROWN.stages[1:])),
            "of.stages.0.sizes (None there, [2] now)",
        ),
    ],
)
def test_fields_that_are_missing_have_no_other_values(there, now, told):
    with pytest.raises(ArgumentError) as caught:
        check_same({"of": there}, {"of": summarise(now)}, "x holds a run", "give another x")
    assert str(caught.value) == f"x holds a run with another {told}: give another x."


def test_of_another_thing_the_parts_are_not_told():
    there = {
        "recipe": {"name": "z", "solver": {"kind": "adam", "steps": 6}},
        "prior": {"kind": "PGGAN", "z": 8},
        "a": 1,
    }
    now = {"recipe": {"name": "w", "solver": {"kind": "sgd", "steps": 4}}, "prior": {"kind": "PGGAN", "z": 9}, "a": 2}
    with pytest.raises(ArgumentError) as caught:
        check_same(there, now, "x holds a run", "give another x")
    told = "another recipe.name (z there, w now), prior.z (8 there, 9 now), a (1 there, 2 now)"
    assert str(caught.value) == f"x holds a run with {told}: give another x."


def test_many_differences_are_counted():
    there, now = ({f"s{i}": value for i in range(6)} for value in (0, 1))
    with pytest.raises(ArgumentError, match=r"another s0 \(.*\), s1 .*, s2 .*, s3 \(0 there, 1 now\) and 2 more: give"):
        check_same(there, now, "x holds a run", "give another x")


NESTED = st.recursive(
    st.booleans() | st.sampled_from(["x", "y"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)


@given(NESTED, NESTED)
def test_settings_pass_only_if_they_are_equal(one, other):
    one, other = {"settings": one}, {"settings": other}
    try:
        check_same(one, other, "x holds a run", "give another x")
    except ArgumentError:
        assert one != other
    else:
        assert one == other


def test_versions_are_of_this_package_and_what_its_numbers_depend_on():
    found = summary.versions()
    assert found["gprior-jax"] == gp.__version__
    assert found["jax"] == jax.__version__
    assert found["numpy"] == np.__version__
    assert found.keys() == {"gprior-jax", "jax", "jaxlib", "flax", "optax", "numpy"}
