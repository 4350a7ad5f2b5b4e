"""Classes: labels of codes, and priors held to one class, with styles and without."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_params
from encoders.toys import toy_encoder

from generators.toys import Classes, MeanStyles, Styles, class_images, toy_prior
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import as_labels, check_label, freed, random_label, with_label
from gprior_jax.generators.prior import Prior, astype, prepare
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.styles import w_statistics
from gprior_jax.generators.synthesis import features, from_features, map_latents, synthesize
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Z
from gprior_jax.objectives import Pixel

MODULE = StyleGAN2((6, 4), 8, 5, mapping_layers=2, num_classes=3)
STYLEGAN2 = Prior(random_params(MODULE, 0), MODULE, name="tiny classes")
TOYS = {"without styles": toy_prior(Classes()), "with styles": toy_prior(MeanStyles(num_classes=3))}
CODES, LABELS = normal(1, 3, 4), np.array([0, 1, 2])
ROWS = np.eye(3, dtype=np.float32)[LABELS]

over_toys = pytest.mark.parametrize("name", TOYS)


@pytest.mark.parametrize("label", [0, 2, [0.5, 0.5, 0.0]])
def test_a_held_prior_is_the_prior_with_that_label(label):
    label = jnp.asarray(label)
    one_hot = label if label.ndim else jax.nn.one_hot(label, 3)
    codes, held = normal(1, 2, 8), with_label(STYLEGAN2, label)
    np.testing.assert_array_equal(map_latents(held, codes), map_latents(STYLEGAN2, codes, label=label))
    for prior in TOYS.values():
        held = with_label(prior, label)
        np.testing.assert_array_equal(synthesize(held, CODES), synthesize(prior, CODES, label=label))
    key = jax.random.key(0)
    for found, expected in zip(w_statistics(held, key, 50), w_statistics(prior, key, 50, one_hot), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("space", ["z", "w_plus"])
def test_encoders_of_one_class_go_with_it(space):
    """Those of codes z, and of several codes, were trained for the class that the prior was held to."""
    one, several = toy_encoder(space=space), toy_encoder(space="z")
    prior = dataclasses.replace(with_label(TOYS["with styles"], 1), encoder=one, multi_encoder=several)
    for same in (1, [0.0, 1.0, 0.0]):
        held = with_label(prior, same)
        assert held.encoder is one
        assert held.multi_encoder is several
    for other in (with_label(prior, 2), freed(prior)):
        assert other.multi_encoder is None
        assert other.encoder is (one if space == "w_plus" else None)
    never = dataclasses.replace(prior, label=None)
    assert with_label(never, 2).multi_encoder is freed(never).multi_encoder is several
    assert jax.jit(lambda label: with_label(prior, label).label)(jnp.eye(3)[2]).tolist() == [0.0, 0.0, 1.0]


@over_toys
def test_labels_are_integers_or_rows_one_for_all_or_for_each(name):
    prior = TOYS[name]
    each = synthesize(prior, CODES, label=LABELS)
    np.testing.assert_array_equal(synthesize(prior, CODES, label=ROWS), each)
    one = synthesize(prior, CODES, label=1)
    np.testing.assert_allclose(one[1], each[1], rtol=1e-6)
    # Classes differ by more than rounding, for the same code.
    assert float(jnp.abs(one[0] - each[0]).max()) > 0.05
    assert float(jnp.abs(one[2] - each[2]).max()) > 0.05


def test_images_of_classes_without_styles_are_the_statements():
    prior = TOYS["without styles"]
    half, images = class_images(prior, CODES, ROWS)
    np.testing.assert_allclose(synthesize(prior, CODES, label=LABELS), images, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(features(prior, CODES, 1, label=LABELS), half, rtol=1e-5, atol=1e-6)
    # The second half depends on the class as well.
    np.testing.assert_allclose(from_features(prior, half, 1, label=LABELS), images, rtol=1e-5, atol=1e-6)
    params = {key: np.asarray(value) for key, value in prior.params.items()}
    other = images[0] + params["shift"][1, 2] - params["shift"][1, 0]
    np.testing.assert_allclose(from_features(prior, half[0], 1, label=2), other, rtol=1e-5, atol=1e-6)
    mixture = [0.25, 0.0, 0.75]
    mixed = class_images(prior, CODES[:1], np.array([mixture], np.float32))[1][0]
    np.testing.assert_allclose(synthesize(prior, CODES[0], label=mixture), mixed, rtol=1e-5, atol=1e-6)


@over_toys
def test_a_held_prior_is_used_like_one_without_classes(name):
    held = prepare(with_label(TOYS[name], 1))
    assert held.num_classes == 0
    assert not np.allclose(synthesize(held, CODES), synthesize(with_label(held, 2), CODES))
    assert synthesize(astype(held, "bfloat16"), CODES).dtype == jnp.bfloat16
    check_label(held, None)
    with pytest.raises(ArgumentError, match=r"toy is held to a class: leave label=None, or free it with"):
        synthesize(held, CODES, label=1)


RECIPE = Recipe("test", Z(), (Pixel(),), SolverConfig(Optimizer(), 5))


def test_inversions_of_held_priors_and_of_labels():
    observed, key = np.zeros((3, 4, 4, 3)), jax.random.key(0)
    for prior in TOYS.values():
        with pytest.raises(ArgumentError, match="toy is conditional: give a label, a class from 0 to 2"):
            invert(prior, observed, RECIPE, key=key)
    prior = TOYS["without styles"]
    given = invert(prior, observed, RECIPE, key=key, label=LABELS)
    np.testing.assert_allclose(synthesize(prior, given.variables["z"], label=LABELS), given.images, atol=1e-4)
    prior = TOYS["with styles"]
    held = invert(with_label(prior, 1), observed, RECIPE, key=key)
    np.testing.assert_allclose(synthesize(prior, held.variables["z"], label=1), held.images, atol=1e-4)


@pytest.mark.parametrize(
    ("label", "told"),
    [
        (3, "label 3: tiny classes has classes 0 to 2"),
        (-1, "label -1: tiny classes has classes 0 to 2"),
        ([0, 5], r"label \[0, 5\]: tiny classes has classes 0 to 2"),
        (1.0, r"labels of shape \(\) for \(2,\): give integers or rows of 3 numbers"),
        (np.ones(2, np.float32), r"labels of shape \(2,\) for \(2,\): give integers or rows of 3 numbers"),
        ([0, 1, 2], r"labels of shape \(3,\) for \(2,\): give one class, or one for each"),
        ([[0, 1]], r"labels of shape \(1, 2\) for \(2,\): give one class, or one for each"),
        (np.eye(3, dtype=np.float32), r"labels of shape \(3, 3\) for \(2,\): give integers or rows of 3 numbers"),
        (None, "tiny classes is conditional: give a label, a class from 0 to 2"),
    ],
)
def test_labels_that_cannot_be(label, told):
    with pytest.raises(ArgumentError, match=told):
        as_labels(STYLEGAN2, label, (2,))
    if isinstance(label, int):
        with pytest.raises(ArgumentError, match=told):
            with_label(STYLEGAN2, label)


@pytest.mark.parametrize("prior", [toy_prior(Styles()), toy_prior(Classes(num_classes=0))], ids=["styles", "none"])
def test_priors_without_classes(prior):
    assert as_labels(prior, None, (2,)) is None
    for call in (lambda: with_label(prior, 0), lambda: synthesize(prior, CODES, label=1)):
        with pytest.raises(ArgumentError, match="toy has no classes: leave label=None"):
            call()


def test_random_classes_are_all_equally_likely_where_there_are_some():
    draw = jax.vmap(lambda key: random_label(STYLEGAN2, key))
    rows = np.asarray(draw(jax.random.split(jax.random.key(0), 3000)))
    assert set(map(tuple, rows)) == set(map(tuple, np.eye(3)))
    np.testing.assert_allclose(rows.mean(0), 1 / 3, atol=0.04)  # Four and a half deviations.
    assert random_label(with_label(STYLEGAN2, 1), jax.random.key(0)) is None
