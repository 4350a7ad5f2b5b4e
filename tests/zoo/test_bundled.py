"""Priors inside the package, and what is said of the names of others."""

import functools

import numpy as np
import pytest
from batteries import random_prior

import gprior_jax as gp
from gprior_jax import zoo
from gprior_jax.operators import Luma
from gprior_jax.zoo import bundled

load = functools.cache(gp.load)


def test_builtin_is_a_prior_with_its_discriminator_and_card():
    prior = load("builtin")
    assert prior.resolution >= 32
    assert prior.critic is not None
    assert prior.critic.module.resolution == prior.resolution
    card = (zoo.bundled_folder("builtin") / "README.md").read_text()
    for word in ("CC BY", "Artflow", "gprior train generator", "Limits"):
        assert word in card
    assert "CC BY" in zoo.read_config(zoo.bundled_folder("builtin"))["provenance"]["licence"]


def test_portraits_and_cells_are_style_based_with_means_discriminators_and_cards():
    for name, words in {
        "builtin:portraits": ("CC BY", "Artflow", "gprior train stylegan2", "Limits"),
        "builtin:cells": ("CC BY", "Acevedo", "gprior train stylegan2", "Not for diagnosis"),
    }.items():
        prior = load(name)
        assert (prior.name, prior.resolution) == (name, 64)
        assert prior.num_styles > 0
        assert prior.critic is not None
        assert float(np.abs(prior.params["w_avg"]).max()) > 0
        card = (zoo.bundled_folder(name) / "README.md").read_text()
        assert not [word for word in words if word not in card]
        assert "CC BY" in zoo.read_config(zoo.bundled_folder(name))["provenance"]["licence"]
    config = zoo.read_config(zoo.bundled_folder("builtin:cells"))
    assert len(config["provenance"]["label_names"]) == load("builtin:cells").num_classes == 8


@pytest.mark.parametrize(("names", "limit"), [(["builtin"], 10), (["builtin:portraits", "builtin:cells"], 17)])
def test_bundled_priors_are_small(names, limit):
    files = [path for name in names for path in zoo.bundled_folder(name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= limit * 2**20


def test_translators_inside_the_package():
    """They do on a bundled portrait what their names say."""
    path = zoo.bundled_folder("builtin").parent / "portraits" / "portrait_1.png"
    portrait = gp.load_image(path, 64)
    colors = zoo.load_translator("builtin:colors")
    assert (colors.channels, colors.trained_size) == ((1, 3), 64)
    gray = np.asarray(Luma(channels=1)(portrait))
    coloured = np.asarray(gp.translate(colors, gray))
    off = np.mean(np.square(coloured - portrait))
    assert off < np.mean(np.square(gray - portrait))  # Nearer to the portrait than gray is,
    assert np.abs(coloured - coloured.mean(-1, keepdims=True)).mean() > 0.03  # and no gray itself.
    drawn = np.asarray(gp.translate(zoo.load_translator("builtin:drawings"), portrait))
    again = np.asarray(gp.translate(zoo.load_translator("builtin:drawings", "BtoA"), drawn))
    assert np.mean(np.square(again - portrait)) < 0.5 * np.mean(np.square(portrait - portrait.mean((0, 1))))
    for name, word in (("builtin:colors", "pix2pix"), ("builtin:drawings", "CycleGAN")):
        folder = zoo.bundled_folder(name)
        card = (folder / "README.md").read_text()
        assert not [w for w in (word, "CC BY", "Artflow", "gprior train translation", "Limits") if w not in card]
        assert "CC BY" in zoo.read_config(folder)["provenance"]["licence"]
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 5 * 2**20
    with pytest.raises(gp.CheckpointError, match="holds a translator, no generator"):
        load("builtin:colors")


def test_folders_are_loaded_too(tmp_path):
    prior = random_prior("dcgan")
    gp.save(prior, tmp_path / "copy")
    for place in (tmp_path / "copy", str(tmp_path / "copy")):
        np.testing.assert_array_equal(gp.load(place).params["layer0"]["kernel"], prior.params["layer0"]["kernel"])


def test_unknown_names_tell_what_to_do():
    with pytest.raises(gp.CheckpointError, match="gprior convert"):
        gp.load("stylegan_ffhq")


def test_published_names_tell_how_to_fetch_them():
    with pytest.raises(gp.CheckpointError, match="gprior download stylegan2-ffhq' and name its folder"):
        gp.load("stylegan2-ffhq")


def test_a_colon_in_a_bundled_name_is_a_hyphen_in_its_folder(monkeypatch, tmp_path):
    (tmp_path / "data" / "builtin-tiny").mkdir(parents=True)
    monkeypatch.setattr(bundled, "BUNDLED", (*zoo.BUNDLED, zoo.Entry("builtin:tiny", "")))
    monkeypatch.setattr(bundled.resources, "files", lambda _: tmp_path)
    assert zoo.bundled_folder("builtin:tiny") == tmp_path / "data" / "builtin-tiny"


def test_near_names_are_told():
    with pytest.raises(gp.GPriorError, match="did you mean stylegan2-ffhq"):
        zoo.find("stylgan2-ffhq")
    with pytest.raises(gp.GPriorError, match="cifar10"):
        zoo.find("cifar10")
