"""``gprior invert --method`` on a tiny style-based prior, and what it says to a prior without styles."""

import json

import jax
import numpy as np
import pytest
import tyro
from batteries import random_params

from cli import priors
from cli.restoring import run, told
from gprior_jax import recipes, zoo
from gprior_jax.cli.invert import Invert
from gprior_jax.cli.main import main
from gprior_jax.generators.base import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.runs.folder import read_record

OF_STYLES = ("w", "w_plus", "projector", "image2stylegan", "image2stylegan_pp", "pulse", "pti")


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """Folder of a style-based prior of 16 px, the least that can enlarge something."""
    folder = tmp_path_factory.mktemp("models") / "larger"
    module = StyleGAN2((6, 4, 4), 8, 5, mapping_layers=2, architecture="plain")
    zoo.save(Prior(random_params(module, 0), module), folder)
    return folder


def invert(picture, model, out, method, *flags):
    words = ["invert", str(picture), "--model", str(model), "--out", str(out), "--method", method, "--steps", "2"]
    return main([*words, *flags])


METHODS = {
    "z": (recipes.latent("z", num_steps=2), [{"z"}]),
    "w": (recipes.latent("w", num_steps=2), [{"w"}]),
    "w_plus": (recipes.latent("w_plus", num_steps=2), [{"w_plus"}]),
    "projector": (recipes.projector(num_steps=2), [{"w", "noise_0", "_step"}]),
    "image2stylegan": (recipes.image2stylegan(num_steps=2), [{"w_plus"}]),
    "image2stylegan_pp": (recipes.image2stylegan_pp(num_steps=2), [{"w_plus"}, {"w_plus", "noise_2"}]),
    "pulse": (recipes.pulse(num_steps=2), [{"latents", "noise_0", "_mean"}]),
    "pti": (recipes.pti(num_steps=2), [{"w", "noise_0"}, {"_w_plus", "weights/layer0/kernel"}]),
}
"""The recipe of each, and variables of its stages."""


@pytest.mark.parametrize("method", METHODS)
def test_recipes(method, tmp_path):
    """The flags give the method's recipe, whose stages fit the prior, one after the other."""
    prior, (wanted, names) = priors.styled(), METHODS[method]
    words = ["a.png", "--out", str(tmp_path), "--method", method, "--steps", "2"]
    command = tyro.cli(Invert, args=words, config=(tyro.conf.OmitArgPrefixes,))
    recipe = command.recipe(prior)
    assert recipe.summary() == wanted.summary()
    recipe.check(prior)
    variables = None
    for stage, known in zip(recipe.stages, names, strict=True):
        variables = jax.eval_shape(stage.parametrization.init, prior, jax.random.key(0), variables)
        assert known <= variables.keys()
    settings = command.settings(prior, recipe)
    assert (settings["method"], settings["recipe"]) == (method, wanted.summary())


@pytest.mark.slow
def test_two_stages_from_picture_to_weights(pictures, styled, tmp_path):
    """The method that needs most: noise maps, fixed variables, a second stage, a copy of the weights for each image."""
    out = tmp_path / "out"
    assert invert(pictures / "a.png", styled, out, "pti") == 0
    record = read_record(out / "a.npz")
    assert METHODS["pti"][1][1] <= record.variables.keys()
    assert np.isfinite(record.image).all()
    settings = json.loads((out / "run.json").read_text())["settings"]
    assert settings["method"] == "pti"
    assert settings["recipe"]["then"]["solver"]["num_steps"] == 2


@pytest.mark.parametrize("method", OF_STYLES)
def test_a_prior_without_styles_is_told(method, pictures, little, tmp_path, capsys):
    assert "tiny pggan has no styles" in told(capsys, 2, invert(pictures, little, tmp_path / "out", method))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("method", "flags", "expected"),
    [
        ("w", ["--codes", "3"], "--codes is not for --method w: leave it out"),
        ("projector", ["--layer", "3"], "--layer is not for --method projector"),
        ("z", ["--codes-per-call", "1"], "--codes-per-call is not for --method z"),
        ("pulse", ["--perceptual", "none"], "--perceptual is not for --method pulse"),
        ("w", ["--perceptual-weight", "-1"], "perceptual weight -1.0: use a number from 0 up"),
        ("w", ["--label", "0"], "--label 0: tiny stylegan2 has no classes, leave it out"),
    ],
)
def test_flags_of_other_methods(method, flags, expected, pictures, styled, tmp_path, capsys):
    assert expected in told(capsys, 2, invert(pictures, styled, tmp_path / "out", method, *flags))


def test_unknown_method(pictures, styled, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        invert(pictures, styled, tmp_path / "out", "stylegan4")
    assert stop.value.code == 2
    assert "projector" in capsys.readouterr().err


def test_labels(pictures, conditional, tmp_path, capsys):
    picture, out = pictures / "a.png", tmp_path / "out"
    for method in ("mganprior", "z", "projector"):
        assert "classes is conditional: give a label" in told(capsys, 2, invert(picture, conditional, out, method))
    assert "has classes 0 to 2" in told(capsys, 2, invert(picture, conditional, out, "z", "--label", "3"))
    assert not out.exists()
    assert invert(picture, conditional, out, "z", "--label", "1") == 0
    assert json.loads((out / "run.json").read_text())["settings"]["label"] == 1
    assert "label (1 there, 2 now)" in told(capsys, 2, invert(picture, conditional, out, "z", "--label", "2"))


@pytest.mark.slow
def test_upscale_by_pulse(small, larger, tmp_path, capsys):
    words = ["upscale", str(small / "a.png"), "--model", str(larger), "--method", "pulse", "--steps", "2"]
    assert main([*words, "--out", str(tmp_path / "out"), "--filter", "pulse"]) == 0
    assert "latents" in read_record(tmp_path / "out" / "a.npz").variables
    wrong = main([*words, "--out", str(tmp_path / "other"), "--codes", "2"])
    assert "--codes is not for --method pulse" in told(capsys, 2, wrong)


def test_pulse_is_for_upscale_alone(inputs, styled, tmp_path, capsys):
    code = run("colorize", inputs, styled, tmp_path / "out", "--method", "pulse")
    assert "--method pulse is not for colorize: leave it out" in told(capsys, 2, code)
