import numpy as np
import pytest

import gprior_jax as gp
from gprior_jax import models, zoo


def test_builtin_is_a_prior_with_its_discriminator_and_card():
    prior = gp.load("builtin")
    assert prior.resolution >= 32
    assert prior.critic is not None
    assert prior.critic.module.resolution == prior.resolution
    card = (zoo.folder("builtin") / "README.md").read_text()
    for word in ("CC BY", "Artflow", "gprior train generator", "Limits"):
        assert word in card
    assert "CC BY" in models.read_config(zoo.folder("builtin"))["provenance"]["licence"]


def test_builtin_is_small():
    size = sum(path.stat().st_size for path in zoo.folder("builtin").rglob("*") if path.is_file())
    assert size <= 10 * 2**20


def test_folders_are_loaded_too(tmp_path):
    prior = gp.load("builtin")
    gp.save(prior, tmp_path / "copy")
    copied = gp.load(tmp_path / "copy")
    np.testing.assert_array_equal(
        np.asarray(copied.params["layer0"]["kernel"]), np.asarray(prior.params["layer0"]["kernel"])
    )


def test_unknown_names_tell_what_to_do():
    with pytest.raises(gp.CheckpointError, match="gprior convert"):
        gp.load("stylegan_ffhq")
