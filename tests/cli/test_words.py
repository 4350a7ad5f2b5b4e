"""Wrong words on a command line are told in one sentence that says what would be right, and nothing is made."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from tyro import conf

import gprior_jax as gp
from gprior_jax.cli.help import help_text
from gprior_jax.cli.main import main, run_command
from gprior_jax.cli.words import check_words
from gprior_jax.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class Settings:
    """Of the walk.

    Attributes:
        pace: of a step.
    """

    pace: float = 1.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Walk:
    """Walk somewhere.

    Attributes:
        start: where it begins.
        out: where what was seen is written.
        steps: how many; enough unless given.
        box: corners of the world.
        gait: how.
        sights: what is looked at.
        mirror: look back.
        quiet: say nothing.
        settings: how it goes on.
    """

    start: Annotated[str, conf.Positional]
    out: Path
    steps: int | None = None
    box: tuple[float, float] | None = None
    gait: Literal["slow", "fast"] = "slow"
    sights: tuple[str, ...] = ("sea", "hill")
    mirror: bool = True
    quiet: bool = False
    settings: Settings = Settings()

    def run(self) -> int:
        print(self)
        return 0


RIGHT = ["home", "--out", "x"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([*RIGHT, "--setps", "5"], "there is no flag --setps here: did you mean --steps?"),
        ([*RIGHT, "--elephant"], "there is no flag --elephant here: --help lists those there are."),
        ([*RIGHT, "-s", "5"], "there is no flag -s here: --help lists those there are."),
        ([*RIGHT, "--steps", "many"], "--steps many: give a whole number."),
        ([*RIGHT, "--steps", "1.5"], "--steps 1.5: give a whole number."),
        ([*RIGHT, "--pace=quick"], "--pace quick: give a number."),
        ([*RIGHT, "--steps"], "--steps: it needs a value, --steps N."),
        ([*RIGHT, "--steps", "--quiet"], "--steps: it needs a value, --steps N."),
        ([*RIGHT, "--box", "1"], "--box 1: it takes 2 values, --box X X."),
        ([*RIGHT, "--gait", "fats"], "--gait fats: did you mean fast?"),
        ([*RIGHT, "--gait", "?"], "--gait ?: use slow or fast."),
        ([*RIGHT, "--quiet=yes"], "--quiet yes: it takes no value, --quiet."),
        ([*RIGHT, "away"], "'away' is one word too many: leave it out."),
        (["home", "--out", ""], "a word after --out is empty: is a variable of the shell not set?"),
        ([*RIGHT, "--sights", "a", ""], "a word after --sights is empty: is a variable of the shell not set?"),
        ([*RIGHT, "--steps="], "a word after --steps is empty: is a variable of the shell not set?"),
        (["", "--out", "x"], "a word is empty: is a variable of the shell not set?"),
        (["home"], "--out PATH is needed: where what was seen is written."),
        (["--out", "x"], "START is needed: where it begins."),
    ],
)
def test_what_is_wrong_is_told(words, told):
    with pytest.raises(ArgumentError) as error:
        check_words(Walk, words)
    assert str(error.value) == told


@pytest.mark.parametrize(
    "more",
    [
        ["--steps", "-3", "--box", "-1", "2e3", "--no-mirror", "--quiet", "--gait=fast", "--pace", "2"],
        ["--sights"],
        ["--sights", "a", "b", "c"],
    ],
)
def test_what_is_right_passes_and_is_taken(more, capsys):
    assert run_command(Walk, "walk", [*RIGHT, *more]) == 0
    assert "start='home', out=PosixPath('x')" in capsys.readouterr().out


def test_nothing_is_made_of_wrong_words(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["invert", "a.png", "--out", "out", "--presett", "fast"]) == 2
    assert capsys.readouterr().err == "gprior: there is no flag --presett here: did you mean --preset?\n"
    assert not list(tmp_path.iterdir())


def test_empty_words_search_and_write_nothing_where_one_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    gp.save_image("a.png", np.zeros((64, 64, 3), np.float32))
    assert main(["invert", "a.png", "--out", "", "--steps", "1"]) == 2
    assert main(["invert", "", "--out", "found", "--steps", "1"]) == 2
    assert "after --out is empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--save-every", "0"], "--save-every 0.0: use a number above 0."),
        (["--align", "none.json"], "--align none.json: use auto, ffhq, or a JSON file"),
        (["--start", "mean"], "--start mean: several codes start from 'random' ones."),
        (["--profile", "a.png"], "a.png is a file: name a folder for the results."),
    ],
)
def test_what_the_library_says_names_the_flag(words, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    gp.save_image("a.png", np.zeros((64, 64, 3), np.float32))
    assert main(["invert", "a.png", "--out", "out", "--steps", "1", *words]) == 2
    assert f"gprior: {told}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("generate --out a.txt", "a.txt is a file: name a folder for the results."),
        ("demo --out a.txt", "a.txt is a file: name a folder for the results."),
        ("evaluate b b --out a.txt", "a.txt is a file: name a folder for the results."),
        ("export --out b", "--out b is a folder: name a file, such as b/invert.stablehlo."),
        ("report nowhere", "nowhere is no folder: name one that a run has written its results to."),
        ("fid --data nowhere --perceptual builtin", "--data nowhere does not exist: give a zip file or a folder"),
        ("invert a.png --out o --film-frames 5", "--film-frames is for --film: add --film webp, or leave it out."),
        ("render seed:1 --out o.png --at 0.2", "--at is for --towards: name another code there, or leave it out."),
        ("render seed:1 --out o.png --style-layers 5-", "--style-layers is for --styles: name another code there"),
        ("edit seed:1 --along x --out o --frames 5", "--frames and --fps are for --animation: add --animation webp"),
    ],
)
def test_what_cannot_be_written_or_has_no_effect_is_told_before_anything_is_computed(
    words, told, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("kept")
    Path("b").mkdir()
    gp.save_image("a.png", np.zeros((64, 64, 3), np.float32))
    assert main(words.split()) == 2
    assert f"gprior: {told}" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.txt", "b"]
    assert Path("a.txt").read_text() == "kept"


def test_help_has_what_is_needed_first_and_says_defaults(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    told = help_text("walk", Walk, "Walk somewhere.", ["walk home --out x"])
    assert told.splitlines()[0] == "usage: walk START --out PATH [FLAGS]"
    order = [
        "examples:",
        "  walk home --out x",
        "needed:",
        "  START",
        "  --out PATH",
        "flags:",
        "how it goes on:",
        "  --pace X",
    ]
    places = [told.index(f"\n{words}") for words in order]
    assert places == sorted(places)
    assert "--gait slow|fast        how. (default: slow)" in told
    assert "(default: sea hill)" in " ".join(told.split())
    assert "(default: 1.5)" in told
    assert "--no-mirror             turns off: look back." in told
    assert max(map(len, told.splitlines())) <= 60
