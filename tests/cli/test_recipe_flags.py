"""``--method`` and the flags that come with it: what each method takes, and what a prior without styles is told."""

import dataclasses
import importlib
import json
import pkgutil
from pathlib import Path

import jax
import numpy as np
import pytest
import tyro
from batteries import METHODS
from encoders.several import CODES, LAYER, encoded_prior
from encoders.toys import toy_encoder

from cli import priors
from cli.restoring import told
from gprior_jax import recipes
from gprior_jax.cli.checking import flag_of
from gprior_jax.cli.colorize import Colorize
from gprior_jax.cli.commands import COMMANDS
from gprior_jax.cli.denoise import Denoise
from gprior_jax.cli.invert import Invert
from gprior_jax.cli.main import main
from gprior_jax.cli.recipe_flags import RecipeFlags
from gprior_jax.errors import ArgumentError
from gprior_jax.objectives import Pixel
from gprior_jax.runs.record import read_record
from gprior_jax.tasks import COLORIZE, denoising

OF_STYLES = ("w", "w_plus", "projector", "image2stylegan", "image2stylegan_pp", "pulse", "pti")

PACKAGE = "gprior_jax.recipes."

WITH_METHODS = ("invert", "colorize", "upscale", "inpaint", "denoise", "deblur")
"""Commands that have ``--method``."""


def invert(picture, model, out, method, *flags):
    words = ["invert", str(picture), "--model", str(model), "--out", str(out), "--method", method, "--steps", "2"]
    return main([*words, *flags])


def filled(kind, *words):
    """A command's dataclass, filled from words."""
    config = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)
    return tyro.cli(kind, args=["a.png", "--out", "out", *words], config=config)


def test_the_table_has_every_method_of_the_package():
    rows = (
        getattr(importlib.import_module(m.name), "ROWS", ()) for m in pkgutil.iter_modules(recipes.__path__, PACKAGE)
    )
    own = [method for methods in rows for method in methods]
    assert {method.name for method in own} == {*METHODS}
    assert all(recipes.METHODS[method.name] is method for method in own)


def encoded():
    """The tiny prior, with an encoder: some methods need one."""
    prior = priors.styled()
    code = (prior.num_styles, prior.w_dim)
    return dataclasses.replace(prior, encoder=toy_encoder(space="w_plus", code=code, side=prior.resolution))


@pytest.mark.parametrize("method", METHODS)
def test_recipes(method):
    """The flags give the method's recipe, whose stages fit the prior, one after the other."""
    prior, (wanted, names) = encoded(), METHODS[method]
    recipe = filled(Invert, "--method", method, "--steps", "2").recipe().fit(prior)
    assert recipe.summary() == wanted.fit(prior).summary()
    variables = None
    for stage, known in zip(recipe.stages, names, strict=True):
        variables = jax.eval_shape(stage.parametrization.init, prior, jax.random.key(0), variables)
        assert known <= variables.keys()


@pytest.mark.parametrize("command", WITH_METHODS)
def test_help_lists_every_method_and_what_it_does(command, capsys):
    assert main([command, "--help"]) == 0
    text = "".join(capsys.readouterr().out.split())
    for method in map(recipes.METHODS.get, METHODS):
        assert "".join(f"{method.name}: {method.summary}".split()) in text


def test_commands_with_methods_are_those():
    kinds = {name: command.load() for name, command in COMMANDS.items()}
    assert {name for name, kind in kinds.items() if issubclass(kind, RecipeFlags)} == {*WITH_METHODS, "export"}


GIVEN = {
    "preset": "official",
    "num_codes": 3,
    "layer": 2,
    "num_steps": 2,
    "restarts": 2,
    "tolerance": 0.1,
    "perceptual_weight": 2.0,
    "codes_per_call": 1,
    "start": "random",
    "free_codes": True,
    "free_label": True,
    "remat": True,
}
"""Another value than the default for every flag of a recipe."""


def test_the_flags_above_are_all():
    fields = {field.name: field.default for field in dataclasses.fields(RecipeFlags)}
    assert {*GIVEN} == {*fields} - {"json", "method", "perceptual", "patience", "goal"}
    assert all(GIVEN[name] != fields[name] for name in GIVEN)


@pytest.mark.parametrize("method", METHODS)
def test_a_flag_that_a_method_does_not_have_is_refused_by_its_name(method):
    for name, value in GIVEN.items():
        command = Invert(inputs=("a.png",), out=Path("out"), method=method, **{name: value})
        if name in recipes.METHODS[method].options:
            assert command.recipe().name
        else:
            with pytest.raises(ArgumentError, match=f"^{flag_of(name)} is not for --method {method}: leave it out"):
                command.recipe()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_ends_when_it_is_told(method):
    words = ("--method", method, "--goal", "30", "--tolerance", "0.01", "--patience", "7")
    words = words if "tolerance" in recipes.METHODS[method].options else words[:4]
    stages = filled(Invert, *words).recipe().stages
    assert stages[-1].solver.goal == ("pixel_mse", pytest.approx(0.004))
    assert {stage.solver.goal for stage in stages[:-1]} <= {None}
    assert {stage.solver.patience for stage in stages} == {7 if len(words) > 4 else 50}


@pytest.mark.parametrize(("words", "told"), [(["--goal", "-3"], "goal -3"), (["--patience", "3"], "for --tolerance")])
def test_ends_that_make_no_sense(words, told):
    with pytest.raises(ArgumentError, match=told):
        filled(Invert, *words).recipe()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_restores_and_compares_pixels_as_the_measurement_asks(method):
    prior, words = encoded(), ("--method", method, "--steps", "2")
    gray = filled(Colorize, *words).task_recipe(prior, COLORIZE).fit(prior)
    assert gray.parametrization == filled(Invert, *words).recipe().fit(prior).parametrization or method == "mganprior"
    robust = filled(Denoise, *words, "--distance", "huber").task_recipe(prior, denoising("gaussian", 25.0)).fit(prior)
    quiet = filled(Denoise, *words).task_recipe(prior, denoising("gaussian", 25.0)).fit(prior)
    for recipe, kind, least in ((gray, "mse", 0.0), (robust, "huber", 0.0), (quiet, "mse", (25 / 127.5) ** 2)):
        pixels = [term for stage in recipe.stages for term in stage.terms if isinstance(term, Pixel)]
        assert pixels
        for term in pixels:
            assert term.kind == kind
            assert term.floor >= least


@pytest.mark.slow
def test_two_stages_from_picture_to_weights(pictures, styled, tmp_path):
    """The method that needs most: noise maps, fixed variables, a second stage, a copy of the weights for each image."""
    out = tmp_path / "out"
    assert invert(pictures / "a.png", styled, out, "pti", "--perceptual", "none") == 0
    record = read_record(out / "a.npz")
    assert METHODS["pti"][1][1] <= record.variables.keys()
    assert np.isfinite(record.image).all()
    content = json.loads((out / "run.json").read_text())
    assert (content["method"], content["model"]) == ("pti", str(styled))
    assert content["settings"]["recipe"]["then"]["solver"]["num_steps"] == 2
    assert content["batch_size"] == 1


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
        ("stylegan4", [], "method 'stylegan4': use "),
    ],
)
def test_flags_of_other_methods(method, flags, expected, pictures, styled, tmp_path, capsys):
    assert expected in told(capsys, 2, invert(pictures, styled, tmp_path / "out", method, *flags))
    assert not (tmp_path / "out").exists()


def test_labels(pictures, conditional, tmp_path, capsys):
    picture, out = pictures / "a.png", tmp_path / "out"
    for method in ("mganprior", "z", "projector"):
        assert "classes has classes: give --label 0 to 2" in told(capsys, 2, invert(picture, conditional, out, method))
    assert "has classes 0 to 2" in told(capsys, 2, invert(picture, conditional, out, "z", "--label", "3"))
    assert not out.exists()
    assert invert(picture, conditional, out, "z", "--label", "1") == 0
    assert json.loads((out / "run.json").read_text())["settings"]["label"] == [0, 1, 0]
    told_of = told(capsys, 2, invert(picture, conditional, out, "z", "--label", "2"))
    assert "label ([0.0, 1.0, 0.0] there, [0.0, 0.0, 1.0] now)" in told_of


@pytest.mark.slow
def test_upscale_by_pulse(inputs, styled, tmp_path, capsys):
    words = ["upscale", str(inputs / "a.png"), "--simulate", "--factor", "2", "--model", str(styled)]
    words += ["--method", "pulse", "--steps", "2"]
    assert main([*words, "--out", str(tmp_path / "out"), "--filter", "pulse"]) == 0
    assert "latents" in read_record(tmp_path / "out" / "a.npz").variables
    assert json.loads((tmp_path / "out" / "run.json").read_text())["method"] == "pulse"
    wrong = main([*words, "--out", str(tmp_path / "other"), "--codes", "2"])
    assert "--codes is not for --method pulse" in told(capsys, 2, wrong)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_start_from_an_encoder(method):
    assert filled(Invert, "--method", method, "--start", "encoder").recipe().encoder == "default"


def test_restorations_start_from_the_encoder_too():
    prior, words = encoded_prior(), ("--codes", str(CODES), "--layer", str(LAYER), "--start", "encoder")
    wanted = filled(Denoise, *words).task_recipe(prior, denoising("gaussian", 25.0)).fit(prior)
    assert wanted.encoder is prior.multi_encoder
    assert filled(Denoise, *words[:4]).task_recipe(prior, denoising("gaussian", 25.0)).fit(prior).encoder is None
