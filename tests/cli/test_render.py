"""``gprior render``: one picture, edited in several ways, is what the commands of each draw."""

import json

import numpy as np
import pytest

from cli.codes import run
from cli.restoring import pixels, told
from gprior_jax.editing import Direction
from gprior_jax.runs.directions_file import save_direction

SIDE = 8


@pytest.fixture
def directions(tmp_path):
    for name, seed in (("up", 0), ("down", 1)):
        vector = np.random.default_rng(seed).normal(size=5)
        save_direction(tmp_path / f"{name}.npz", Direction(vector, "w", name=name, layers=(0, 1)))
    return [str(tmp_path / "up.npz"), str(tmp_path / "down.npz")]


def rendered(model, tmp_path, *words):
    out = tmp_path / "one.png"
    assert run("render", model, out, *words) == 0
    return pixels(out).astype(int)


def close(found, wanted):
    np.testing.assert_allclose(found, wanted.astype(int), atol=1)


def test_as_the_commands_of_each_edit(styled, tmp_path, directions, capsys):
    along = ["--along", *directions]
    edit = ["seed:1", *along, "--weights", 1.5, -1, "--strengths", 1, "--mode", "relative"]
    assert run("edit", styled, tmp_path / "edit", *edit) == 0
    close(rendered(styled, tmp_path, "seed:1", *along, "--strengths", 1.5, -1), pixels(tmp_path / "edit/sheet.png"))

    assert run("mix", styled, tmp_path / "mix.png", "--rows", "seed:1", "--columns", "seed:2", "--layers", "2-") == 0
    wanted = pixels(tmp_path / "mix.png")[-SIDE:, -SIDE:]
    close(rendered(styled, tmp_path, "seed:1", "--styles", "seed:2", "--style-layers", "2-"), wanted)

    assert run("morph", styled, tmp_path / "morph.png", "seed:1", "seed:2", "--strip", 5) == 0
    wanted = pixels(tmp_path / "morph.png")[:, SIDE : 2 * SIDE]
    close(rendered(styled, tmp_path, "seed:1", "--towards", "seed:2", "--at", 0.25), wanted)
    capsys.readouterr()
    assert run("render", styled, tmp_path / "x.png", "seed:1", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(tmp_path / "x.png"), "code": "seed:1"}


def test_each_direction_moves_layers_of_its_own(styled, tmp_path, directions):
    own = rendered(styled, tmp_path, "seed:1", "--along", *directions, "--strengths", 2, 2)
    same = rendered(styled, tmp_path, "seed:1", "--along", *directions, "--strengths", 2, 2, "--layers", "0-1", "own")
    other = rendered(styled, tmp_path, "seed:1", "--along", *directions, "--strengths", 2, 2, "--layers", "own", "all")
    close(own, same)
    assert np.abs(own - other).max() > 5


def test_psi_truncates_what_was_drawn(styled, tmp_path):
    truncated = rendered(styled, tmp_path, "seed:1", "--truncation", 0.5)
    close(rendered(styled, tmp_path, "seed:1", "--truncation", 1.0, "--style-psi", 0.5), truncated)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["seed:1", "--along", "a.npz"], "0 --strengths for 1 directions --along"),
        (["seed:1", "--along", "a.npz", "--strengths", 1, "--layers", "0", "1"], "2 --layers for 1 directions"),
        (["seed:1,2"], "names 2 codes: name one"),
        (["seed:1", "--styles", "seed:2", "--style-layers", "9"], "styles 0 to 3"),
        (["seed:1", "--style-psi", "nan"], "--style-psi nan: use a finite number"),
    ],
)
def test_what_it_refuses(styled, tmp_path, capsys, words, sentence):
    assert sentence in told(capsys, 2, run("render", styled, tmp_path / "x.png", *words))
    assert not list(tmp_path.iterdir())


def test_layers_of_a_prior_without_styles(little, tmp_path, capsys):
    save_direction(tmp_path / "up.npz", Direction(np.eye(8)[0], "z", name="up"))
    words = ["seed:1", "--along", tmp_path / "up.npz", "--strengths", 1, "--layers", "0"]
    assert "no styles, leave it out" in told(capsys, 2, run("render", little, tmp_path / "x.png", *words))
