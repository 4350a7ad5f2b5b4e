"""Standing statistics: against a statement of a batch's own, and what they are good for."""

import dataclasses

import jax
import numpy as np
import pytest
from batteries import normal, random_params, random_prior

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.standing import batch_statistics, with_standing_statistics, with_statistics
from gprior_jax.generators.synthesis import features, map_latents, synthesize
from gprior_jax.generators.truncation import with_truncation

FREE = {name: dataclasses.replace(random_prior(name), label=None) for name in ("biggan", "biggan_deep")}
KEY = jax.random.key(0)


@pytest.mark.parametrize("name", FREE)
def test_statistics_of_a_batch(name):
    """Of the first norm they are those of the features that come into it; and with them that norm's output has none."""
    prior, labels = FREE[name], np.array([0, 1, 2, 2])
    z = normal(1, 4, prior.z_dim)
    found = batch_statistics(prior, map_latents(prior, z, label=labels))
    paths = {jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(found)}
    stored = jax.tree_util.tree_leaves_with_path(prior.params)
    assert paths == {jax.tree_util.keystr(path) for path, _ in stored if path[-1].key.startswith("stored_")}
    before = np.asarray(features(prior, z, 1, label=labels))
    np.testing.assert_allclose(found["layer1"]["norm0"]["stored_mean"], before.mean((0, 1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["layer1"]["norm0"]["stored_var"], before.var((0, 1, 2)), rtol=1e-4)
    # Norms behind it see what it made of them: with all of them stored, the last one's input is standardised.
    last = np.asarray(features(with_statistics(prior, found), z, prior.num_layers - 1, label=labels))
    np.testing.assert_allclose(found["output_norm"]["stored_mean"], last.mean((0, 1, 2)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found["output_norm"]["stored_var"], last.var((0, 1, 2)), rtol=1e-3)


def test_they_are_means_over_batches_of_drawn_codes():
    """Of the first norm a closed form is known: the dense layer is linear, and codes are standard normal."""
    module = FREE["biggan"].module.clone(attention=())
    prior = Prior(random_params(module, 0), module, name="bare")
    kernel, bias = (np.asarray(prior.params["layer0"][part]) for part in ("kernel", "bias"))
    many = with_standing_statistics(prior, KEY, 16, 128).params["layer1"]["norm0"]
    variance = np.square(kernel).sum(0).mean((0, 1)) + bias.var((0, 1))
    np.testing.assert_allclose(many["stored_var"][0], variance, rtol=0.05)
    np.testing.assert_allclose(many["stored_mean"][0], bias.mean((0, 1)), atol=0.05)


def test_of_a_truncation_and_of_a_class():
    """They take the place of the stored sets, and are of what is drawn: other ones at another truncation or class."""
    prior = FREE["biggan_deep"]
    made = {t: with_standing_statistics(with_truncation(prior, t), KEY, 2, 8) for t in (1.0, 0.2)}
    assert [each.module.num_sets for each in made.values()] == [1, 1]
    assert [each.module.truncation for each in made.values()] == [1.0, 0.2]
    spreads = [np.asarray(each.params["layer1"]["norm0"]["stored_var"]).mean() for each in made.values()]
    assert spreads[1] < spreads[0]
    assert np.isfinite(synthesize(made[0.2], normal(1, 2, 8), label=1)).all()
    held = with_standing_statistics(with_label(prior, 1), KEY, 2, 8)
    assert held.label.tolist() == [0, 1, 0]
    assert not np.array_equal(held.params["output_norm"]["stored_mean"], made[1.0].params["output_norm"]["stored_mean"])


def test_what_has_none():
    with pytest.raises(ArgumentError, match="tiny stylegan2 is no BigGAN: it keeps the statistics that it has"):
        with_standing_statistics(random_prior("stylegan2"), KEY)
    with pytest.raises(ArgumentError, match="num_batches 0, batch_size 16: use at least 1"):
        with_standing_statistics(FREE["biggan"], KEY, 0)
