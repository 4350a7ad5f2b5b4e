"""``gprior invert --method`` on a tiny style-based prior, and what it says to a prior without styles."""

import json

import numpy as np
import pytest
from batteries import random_critic, random_params, random_prior

from cli.restoring import run, told
from gprior_jax import models, outputs
from gprior_jax.cli.main import main
from gprior_jax.generators.base import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2

OF_STYLES = ("w", "w_plus", "projector", "image2stylegan", "image2stylegan_pp", "pulse", "pti")


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "styled"
    models.save(random_prior("stylegan2", "stylegan2"), folder)
    return folder


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "classes"
    module = StyleGAN2((6, 6, 4), 8, 5, mapping_layers=2, num_classes=3)
    models.save(Prior(random_params(module, 0), module, critic=random_critic("stylegan2"), name="classes"), folder)
    return folder


def invert(picture, model, out, method, *flags):
    words = ["invert", str(picture), "--model", str(model), "--out", str(out), "--method", method, "--steps", "2"]
    return main([*words, *flags])


VARIABLES = {
    "z": {"z"},
    "w_plus": {"w_plus"},
    "projector": {"w", "noise_0", "_step"},
    "image2stylegan_pp": {"w_plus", "noise_4"},
    "pulse": {"latents", "noise_0", "_mean"},
    "pti": {"_w_plus", "weights/layer0/kernel"},
}


@pytest.mark.slow
@pytest.mark.parametrize("method", VARIABLES)
def test_methods(method, pictures, styled, tmp_path):
    out = tmp_path / "out"
    assert invert(pictures / "a.png", styled, out, method) == 0
    record = outputs.read_record(out / "a.npz")
    assert VARIABLES[method] <= record.variables.keys()
    assert np.isfinite(record.image).all()
    settings = json.loads((out / "run.json").read_text())["settings"]
    assert settings["method"] == method
    stages = [settings["recipe"], settings["recipe"].get("then")]
    assert bool(stages[1]) == (method in ("image2stylegan_pp", "pti"))
    assert [stage["solver"]["num_steps"] for stage in stages if stage][method == "pti"] == 2


@pytest.mark.parametrize("method", OF_STYLES)
def test_a_prior_without_styles_is_told(method, pictures, model, tmp_path, capsys):
    assert "tiny pggan has no styles" in told(capsys, 2, invert(pictures, model, tmp_path / "out", method))
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


def test_labels(pictures, classes, tmp_path, capsys):
    picture, out = pictures / "a.png", tmp_path / "out"
    for method in ("mganprior", "z", "projector"):
        assert "classes is conditional: give a label" in told(capsys, 2, invert(picture, classes, out, method))
    assert "has classes 0 to 2" in told(capsys, 2, invert(picture, classes, out, "z", "--label", "3"))
    assert not out.exists()
    assert invert(picture, classes, out, "z", "--label", "1") == 0
    assert json.loads((out / "run.json").read_text())["settings"]["label"] == 1
    assert "label (1 there, 2 now)" in told(capsys, 2, invert(picture, classes, out, "z", "--label", "2"))


@pytest.mark.slow
def test_upscale_by_pulse(small, styled, tmp_path, capsys):
    words = ["upscale", str(small / "a.png"), "--model", str(styled), "--method", "pulse", "--steps", "2"]
    assert main([*words, "--out", str(tmp_path / "out"), "--filter", "pulse"]) == 0
    assert "latents" in outputs.read_record(tmp_path / "out" / "a.npz").variables
    wrong = main([*words, "--out", str(tmp_path / "other"), "--codes", "2"])
    assert "--codes is not for --method pulse" in told(capsys, 2, wrong)


def test_pulse_is_for_upscale_alone(inputs, styled, tmp_path, capsys):
    code = run("colorize", inputs, styled, tmp_path / "out", "--method", "pulse")
    assert "--method pulse is not for colorize: leave it out" in told(capsys, 2, code)
