"""Numbers of all commands: NaN, infinite ones, seeds and counts beyond what JAX takes are one sentence each."""

import dataclasses
import typing
import warnings

import numpy as np
import pytest

from cli.restoring import told
from gprior_jax import zoo
from gprior_jax.cli.checking import MOST, check_numbers, flag_of
from gprior_jax.cli.commands import COMMANDS
from gprior_jax.cli.main import main
from gprior_jax.errors import ArgumentError

KINDS = {name: command.load() for name, command in COMMANDS.items() if name.partition(" ")[0] != "mine"}
NESTED = {"train generator": "config", "train stylegan2": "config"}


def filled(kind, **values):
    """A command with some flags, and nothing where flags have no default."""
    own = {f.name for f in dataclasses.fields(kind)}
    empty = {
        f.name: None
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    if values.keys() <= own:
        return kind(**{**empty, **values})
    config = next(f for f in dataclasses.fields(kind) if f.name == "config")
    return kind(**{**empty, "config": config.default_factory(**values)})


def names(hint, of):
    """Whether a type is, or has in it at any depth, another one."""
    return hint is of or any(names(inner, of) for inner in typing.get_args(hint))


def flags_of(of):
    """(command, flag) of every flag whose type has a number of this kind in it."""
    found = []
    for name, kind in KINDS.items():
        kinds = [kind]
        if name in NESTED:
            kinds.append(next(f for f in dataclasses.fields(kind) if f.name == "config").default_factory)
        for own in kinds:
            for field in dataclasses.fields(own):
                hint = typing.get_type_hints(own)[field.name]
                if names(hint, of):
                    found.append((name, field.name))
    return found


FLOATS, WHOLE = flags_of(float), flags_of(int)


def test_the_tables_have_the_flags():
    assert {("generate", "truncation"), ("invert", "perceptual_weight"), ("train stylegan2", "path_weight")} <= {
        *FLOATS
    }
    assert {("demo", "seed"), ("invert", "num_steps"), ("train generator", "discriminator_steps")} <= {*WHOLE}
    assert {("train generator", "images_per_level"), ("train generator", "generator_features")} <= {*WHOLE}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1e39])
@pytest.mark.parametrize(("command", "name"), FLOATS)
def test_numbers_that_are_none(command, name, bad):
    with pytest.raises(ArgumentError) as caught:
        check_numbers(filled(KINDS[command], **{name: bad}))
    assert str(caught.value) == f"{flag_of(name)} {bad}: use a finite number."


@pytest.mark.parametrize(("command", "name"), WHOLE)
def test_numbers_that_are_too_large(command, name):
    value = (4, 2**64) if name == "images_per_level" else 2**64
    most = 2**32 - 1 if name == "seed" else MOST
    with pytest.raises(ArgumentError, match=rf"^{flag_of(name)} {2**64}: use .*{most}\.$"):
        check_numbers(filled(KINDS[command], **{name: value}))


LINES = {
    "generate": ["--out", "g"],
    "demo": ["--out", "d"],
    "invert": ["a.png", "--out", "o"],
    "inpaint": ["a.png", "--out", "o", "--box", "4"],
    "evaluate": ["a", "b"],
    "morph": ["seed:1", "seed:2", "--out", "a.webp"],
    "train generator": ["--data", "a.zip", "--out", "t"],
    "train encoder": ["--data", "a.zip", "--out", "t"],
    "train stylegan2": ["--data", "a.zip", "--out", "t"],
}


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63, 2**64])
@pytest.mark.parametrize("command", LINES)
def test_seeds(command, seed, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = told(capsys, 2, main([*command.split(), *LINES[command], f"--seed={seed}"]))
    assert line == f"gprior: --seed {seed}: use a whole number from 0 to 4294967295."
    assert not list(tmp_path.iterdir())


def test_nothing_is_drawn_of_no_number(capsys, tmp_path):
    line = told(capsys, 2, main(["generate", "--truncation", "nan", "--out", str(tmp_path / "g")]))
    assert line == "gprior: --truncation nan: use a finite number."
    assert not (tmp_path / "g").exists()


@pytest.mark.slow
def test_a_generator_that_gives_no_numbers_writes_no_pictures(capsys, tmp_path):
    prior = zoo.load("builtin")
    first, *_ = prior.params
    spoilt = prior.params | {first: {n: np.asarray(x) * np.float32("nan") for n, x in prior.params[first].items()}}
    zoo.save(dataclasses.replace(prior, params=spoilt, weights=None), tmp_path / "model")
    out = tmp_path / "g"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        code = main(["generate", "--model", str(tmp_path / "model"), "--num", "2", "--out", str(out)])
    assert "2 of 2 pictures hold pixels that are no finite numbers" in told(capsys, 2, code)
    assert not out.exists()
