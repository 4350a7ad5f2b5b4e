"""Codes to images in batches: sampling, the spaces, the two halves, and what is said to wrong calls."""

import re

import jax
import numpy as np
import pytest
from batteries import normal, random_prior

from generators.toys import Classes, MeanStyles, Styles, toy_prior
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.synthesis import features, from_features, map_latents, sample_z, synthesize

PLAIN, STYLED, CLASSED = random_prior("pggan"), random_prior("stylegan2_plain"), toy_prior(Classes(), "classes")
TOY = toy_prior(Styles())
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
Z = normal(1, 3, 8)


@pytest.mark.parametrize("name", ["pggan", "dcgan_described"])
def test_first_codes_do_not_depend_on_the_number(name):
    prior, key = random_prior(name), jax.random.key(0)
    many = sample_z(prior, key, 6)
    assert many.shape == (6, 8)
    np.testing.assert_array_equal(sample_z(prior, key, 2), many[:2])
    assert len(np.unique(many)) == many.size
    assert not np.array_equal(sample_z(prior, jax.random.key(1), 6), many)


def test_spaces_agree():
    w_plus = map_latents(STYLED, Z)
    images = synthesize(STYLED, Z)
    np.testing.assert_allclose(synthesize(STYLED, w_plus, space="w_plus"), images, **CLOSE)
    np.testing.assert_allclose(synthesize(STYLED, w_plus[:, 0], space="w"), images, **CLOSE)


BOTH = toy_prior(MeanStyles(num_classes=3))


@pytest.mark.parametrize("prior", [TOY, BOTH, CLASSED], ids=["styles", "both", "classes"])
def test_any_leading_axes(prior):
    z, label = normal(2, 3, 4), np.array([0, 2, 1])
    given, nested, alone = ({}, {}, {})
    if prior.num_classes:
        given, nested, alone = ({"label": each} for each in (label, label[None, :, None], 2))
    images = synthesize(prior, z, **given)
    np.testing.assert_allclose(synthesize(prior, z[None, :, None], **nested), images[None, :, None], **CLOSE)
    np.testing.assert_allclose(synthesize(prior, z[1], **alone), images[1], **CLOSE)


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("prior", [CLASSED, BOTH], ids=["classes", "both"])
def test_two_halves_make_the_whole_with_classes_too(prior, layer):
    """Without classes every generator of the batteries is held to this."""
    z, label = normal(3, 3, 4), np.array([2, 0, 1])
    f = features(prior, z, layer, label=label)
    assert f.shape == (3, *prior.feature_shape(layer))
    # Codes, the features of layer 0, have a class; later features have the styles of one.
    has_styles = prior.num_styles and layer
    beside = {"styles": map_latents(prior, z, label=label)} if has_styles else {"label": label}
    np.testing.assert_allclose(from_features(prior, f, layer, **beside), synthesize(prior, z, label=label), **CLOSE)


def test_later_styles_are_those_given():
    """The toy's second layer adds the last number of its style."""
    f, styles = features(TOY, normal(2, 3, 4), 1), np.stack([np.zeros((2, 3)), np.ones((2, 3))]).astype(np.float32)
    first, second = (from_features(TOY, f[:1], 1, each) for each in styles[:, None])
    np.testing.assert_allclose(second, first + 1, **CLOSE)


HALF = normal(2, 2, 2, 2)
MISTAKES = {
    "w of a plain prior": (lambda: synthesize(PLAIN, Z, space="w"), "tiny pggan has no styles: its latent"),
    "an unknown space": (lambda: synthesize(STYLED, Z, space="s"), "space='s': use 'z', 'w' or 'w_plus'."),
    "w+ of another number": (lambda: synthesize(STYLED, normal(1, 3, 5), space="w_plus"), "takes [..., 4, 5]"),
    "w of another length": (lambda: synthesize(STYLED, normal(1, 6), space="w"), "takes [..., 5]"),
    "codes of another length": (lambda: synthesize(PLAIN, Z[:2, :7]), "(2, 7): tiny pggan takes [..., 8]."),
    "the same, to be mapped": (lambda: map_latents(STYLED, Z[:, :5]), "(3, 5): tiny stylegan2_plain takes"),
    "features of other channels": (
        lambda: from_features(PLAIN, normal(1, 4, 4, 7), 1),
        "features of shape (4, 4, 7): layer 1 of tiny pggan takes [..., (4, 4, 8)].",
    ),
    "features that are codes": (lambda: from_features(PLAIN, Z[0], 1), "of shape (8,): layer 1 of tiny pggan"),
    "styles of a plain prior": (lambda: from_features(PLAIN, normal(1, 4, 4, 8), 2, normal(2, 6, 6)), "has no styles"),
    "no styles": (lambda: from_features(STYLED, normal(1, *STYLED.feature_shape(2)), 2), "plain needs styles: give"),
    "mapping of a plain prior": (lambda: map_latents(PLAIN, Z), "has no styles"),
    "truncation of a plain prior": (
        lambda: synthesize(PLAIN, Z, truncation_psi=0.5),
        "tiny pggan has no styles to truncate: leave truncation_psi out.",
    ),
    "no label": (lambda: synthesize(CLASSED, Z[:, :4]), "classes is conditional: give a label, a class from 0 to 2."),
    "none for features": (lambda: features(CLASSED, Z[:, :4], 1), "classes is conditional: give a label"),
    "none for the later layers": (lambda: from_features(CLASSED, HALF, 1), "classes is conditional: give a label"),
    "a class that is not there": (lambda: synthesize(CLASSED, Z[:, :4], label=3), "classes has classes 0 to 2"),
    "a row of another length": (lambda: features(CLASSED, Z[:, :4], 1, label=np.ones(2)), "rows of 3 numbers"),
    "a label for styles without classes": (lambda: synthesize(STYLED, Z, label=1), "has no classes: leave label=None"),
    "a label for a plain prior": (lambda: synthesize(PLAIN, Z, label=1), "tiny pggan has no classes"),
    "for its features": (lambda: features(PLAIN, Z, 1, label=1), "tiny pggan has no classes"),
    "for its later layers": (lambda: from_features(PLAIN, normal(1, 4, 4, 8), 1, label=1), "tiny pggan has no classes"),
    "styles of other images": (
        lambda: from_features(STYLED, normal(1, 3, *STYLED.feature_shape(2)), 2, normal(2, 2, 4, 5)),
        "styles of shape (2, 4, 5) for features of shape (3, 8, 8, 4): give one set for each.",
    ),
    "a label beside styles": (
        lambda: from_features(STYLED, normal(1, *STYLED.feature_shape(2)), 2, normal(2, 4, 5), label=1),
        "label belongs to codes: styles are made with it",
    ),
    "a label of images": (
        lambda: from_features(STYLED, normal(1, *STYLED.feature_shape(STYLED.num_layers)), STYLED.num_layers, label=1),
        "label belongs to codes: styles are made with it",
    ),
    "a label of styles": (lambda: synthesize(TOY, normal(1, 3), space="w", label=1), "leave it out with space='w'"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case):
    run, why = MISTAKES[case]
    with pytest.raises(ArgumentError, match=re.escape(why)):
        run()
