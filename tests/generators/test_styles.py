"""Styles: mapping, their mean, truncation, mixing, statistics, and priors that do not know the mean."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

from generators.toys import Classes, MeanStyles, Styles, toy_prior
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import prepare
from gprior_jax.generators.styles import as_styles, check_styles, map_code, mean_styles, mix, truncate, w_statistics
from gprior_jax.generators.synthesis import map_latents, synthesize
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import W, WPlus
from gprior_jax.objectives import Pixel

PRIOR, PLAIN = random_prior("stylegan2_plain"), random_prior("pggan")
TOY, MEANLESS = toy_prior(MeanStyles()), toy_prior(Styles())
KEY = jax.random.key(0)
Z = normal(1, 3, 8)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def test_codes_are_mapped_one_by_one():
    w_plus = map_latents(PRIOR, Z)
    assert w_plus.shape == (3, 4, 5)
    np.testing.assert_allclose(map_latents(prepare(PRIOR), Z), w_plus, **CLOSE)
    np.testing.assert_array_equal(w_plus, jnp.broadcast_to(w_plus[:, :1], w_plus.shape))
    toy = map_latents(TOY, normal(2, 3, 4))
    np.testing.assert_allclose(toy[:, 0], normal(2, 3, 4) @ np.asarray(TOY.params["mapping"]), **CLOSE)
    np.testing.assert_allclose(map_code(TOY, normal(2, 3, 4)[1]), toy[1], **CLOSE)


def test_a_style_for_every_layer():
    w_plus = map_latents(random_prior("stylegan_w_per_layer"), Z)
    assert w_plus.shape == (3, 4, 5)
    assert (jnp.std(w_plus, axis=1) > 0).all()


@pytest.mark.parametrize("cutoff", [None, 0, 2, 4])
def test_truncation(cutoff):
    w_plus, mean = map_latents(PRIOR, Z), PRIOR.params["w_avg"]
    found = map_latents(PRIOR, Z, truncation_psi=0.6, truncation_cutoff=cutoff)
    count = 4 if cutoff is None else cutoff
    np.testing.assert_allclose(found[:, :count], mean + 0.6 * (w_plus[:, :count] - mean), **CLOSE)
    np.testing.assert_array_equal(found[:, count:], w_plus[:, count:])


@pytest.mark.parametrize("cutoff", [None, 1])
def test_images_of_truncated_styles(cutoff):
    z, options = normal(3, 3, 4), {"truncation_psi": 0.6, "truncation_cutoff": cutoff}
    truncated = map_latents(TOY, z, **options)
    assert not np.allclose(truncated, map_latents(TOY, z))
    np.testing.assert_allclose(synthesize(TOY, z, **options), synthesize(TOY, truncated, space="w_plus"), **CLOSE)


def test_no_truncation_left_is_the_mean():
    np.testing.assert_allclose(map_latents(PRIOR, Z, truncation_psi=0.0)[1], mean_styles(PRIOR), **CLOSE)
    np.testing.assert_array_equal(mean_styles(PRIOR), np.broadcast_to(PRIOR.params["w_avg"], (4, 5)))


@pytest.mark.parametrize("crossover", [0, 2, 6])
def test_mixing(crossover):
    a, b = normal(4, 2, 6, 5)
    mixed = mix(a, b, crossover)
    np.testing.assert_array_equal(mixed[:crossover], a[:crossover])
    np.testing.assert_array_equal(mixed[crossover:], b[crossover:])


def test_statistics():
    found = w_statistics(PRIOR, KEY, 2000)
    w = map_latents(PRIOR, jax.random.normal(KEY, (2000, 8)))[:, 0]
    np.testing.assert_allclose(found.mean[0], w.mean(0), rtol=1e-3, atol=1e-3)
    assert float(found.std) == pytest.approx(float(np.sqrt(np.square(w - w.mean(0)).sum() / 2000)), rel=1e-4)


def test_what_needs_no_mean_works_without_one():
    z = normal(5, 3, 4)
    assert not hasattr(MEANLESS.module, "mean_styles")
    check_styles(MEANLESS)
    np.testing.assert_allclose(synthesize(MEANLESS, z), synthesize(TOY, z), **CLOSE)
    assert w_statistics(MEANLESS, KEY, 20).mean.shape == (2, 3)
    truncated_nowhere = map_latents(MEANLESS, z, truncation_psi=0.5, truncation_cutoff=0)
    np.testing.assert_array_equal(truncated_nowhere, map_latents(MEANLESS, z))


def test_inversions_start_without_a_mean_from_a_random_code():
    assert WPlus(start="random").fit(MEANLESS) == WPlus(start="random")
    start = W(start="random", noise="none")
    assert start.fit(MEANLESS) == start
    recipe = Recipe("test", start, (Pixel(),), SolverConfig(num_steps=2))
    result = invert(MEANLESS, np.zeros((3, 4, 4, 3), np.float32), recipe, key=KEY)
    np.testing.assert_allclose(synthesize(MEANLESS, result.variables["w"], space="w"), result.images, **CLOSE)
    assert len(np.unique(result.history["loss"][:, 0])) == 3, "every image starts from a code of its own"


NO_MEAN = "toy does not know the mean of w: start from a 'random' code, and do not truncate."
MISTAKES = {
    "a start from the mean": (lambda: W().fit(MEANLESS), NO_MEAN),
    "the same of w+": (lambda: WPlus(start="mean").fit(MEANLESS), NO_MEAN),
    "truncation": (lambda: synthesize(MEANLESS, normal(1, 4), truncation_psi=0.7), NO_MEAN),
    "truncated styles": (lambda: truncate(MEANLESS, normal(1, 2, 3), 0.7), NO_MEAN),
    "the mean itself": (lambda: mean_styles(MEANLESS), NO_MEAN),
    "free noise": (lambda: W(start="random", noise="free").fit(MEANLESS), "toy has no noise: leave noise='const'."),
    "noise": (lambda: synthesize(MEANLESS, normal(1, 4), noise="none"), "toy has no noise: leave noise='const'."),
    "a random start of no class": (
        lambda: W(start="random").fit(toy_prior(Styles(num_classes=3))),
        "toy is conditional: give a label, a class from 0 to 2",
    ),
    "w+ of another number": (lambda: as_styles(PRIOR, normal(1, 5, 6), "w_plus"), "takes [..., 4, 5], a w for every"),
    "w of another length": (lambda: as_styles(PRIOR, normal(1, 6), "w"), "w of shape (6,): tiny stylegan2_plain takes"),
    "an unknown space": (lambda: as_styles(PRIOR, normal(1, 5), "s"), "space='s': use 'z', 'w' or 'w_plus'."),
    "styles of a plain prior": (lambda: as_styles(PLAIN, normal(1, 5), "w"), "tiny pggan has no styles: its latent"),
    "their mean": (lambda: mean_styles(PLAIN), "tiny pggan has no styles: its latent space is 'z' only."),
    "their statistics": (lambda: w_statistics(PLAIN, KEY, 5), "tiny pggan has no styles"),
    "those of classes": (lambda: check_styles(toy_prior(Classes())), "toy has no styles: its latent space is 'z' only"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case):
    run, why = MISTAKES[case]
    with pytest.raises(ArgumentError, match=re.escape(why)) as caught:
        run()
    assert "\n" not in str(caught.value)
