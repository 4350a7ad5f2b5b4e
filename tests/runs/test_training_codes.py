"""Codes from files and seeds, brought to one space."""

import numpy as np
import pytest
from latents.priors import conditional_prior, plain_prior, styled_prior

from gprior_jax.errors import GPriorError
from gprior_jax.generators.synthesis import map_latents
from gprior_jax.runs.training_codes import read_training_codes

RNG = np.random.default_rng(0)
Z, W, PLUS = (RNG.normal(size=shape).astype(np.float32) for shape in ((3, 8), (2, 5), (2, 4, 5)))


@pytest.fixture
def files(tmp_path):
    np.savez(tmp_path / "z.npz", z=Z)
    np.savez(tmp_path / "w.npz", w=W)
    np.savez(tmp_path / "plus.npz", w_plus=PLUS)
    np.savez(tmp_path / "classes.npz", z=Z, label=np.array([2, 0, 1]))
    return tmp_path


def read(prior, files, *names, **options):
    return read_training_codes(prior, [str(files / name) for name in names], **options)


def test_spaces_by_themselves(files):
    prior = styled_prior()
    assert read(prior, files, "z.npz").space == "z"
    found = read(prior, files, "w.npz")
    assert (found.space, found.sources) == ("w", [None, None])
    np.testing.assert_allclose(found.rows, W, atol=1e-6)
    np.testing.assert_array_equal(read(prior, files, "plus.npz").rows, PLUS)
    mixed = read(prior, files, "w.npz", "plus.npz")
    assert (mixed.space, mixed.rows.shape) == ("w_plus", (4, 4, 5))


def test_they_are_brought_to_another(files):
    prior, told = styled_prior(), []
    mapped = np.asarray(map_latents(prior, Z))
    np.testing.assert_allclose(read(prior, files, "z.npz", space="w").rows, mapped[:, 0], atol=1e-5)
    np.testing.assert_allclose(read(prior, files, "z.npz", space="w_plus").rows, mapped, atol=1e-5)
    np.testing.assert_allclose(
        read(prior, files, "plus.npz", space="w", tell=told.append).rows, PLUS.mean(1), atol=1e-6
    )
    assert told == ["of codes that have a style for every layer, the mean is taken as w."]


def test_classes_of_codes(files):
    prior = conditional_prior()
    wanted = np.asarray(map_latents(prior, Z, label=np.array([2, 0, 1])))[:, 0]
    np.testing.assert_allclose(read(prior, files, "classes.npz", space="w").rows, wanted, atol=1e-5)
    same = np.asarray(map_latents(prior, Z, label=np.array([1, 1, 1])))[:, 0]
    np.testing.assert_allclose(read(prior, files, "z.npz", space="w", label=1).rows, same, atol=1e-5)


def test_seeds_of_a_plain_prior():
    found = read_training_codes(plain_prior(), ["draw:0-4"], seed=3)
    assert (found.space, found.rows.shape) == ("z", (5, 8))


@pytest.mark.parametrize(
    ("name", "space", "sentence"),
    [
        ("w.npz", "z", "codes in w do not lead back to z"),
        ("missing.npz", None, "does not exist"),
        ("plus.npz", "z", "codes in w_plus do not lead back to z"),
    ],
)
def test_refusals(files, name, space, sentence):
    with pytest.raises(GPriorError, match=sentence):
        read(styled_prior(), files, name, space=space)
    with pytest.raises(GPriorError, match="no codes: name files"):
        read_training_codes(styled_prior(), [])
