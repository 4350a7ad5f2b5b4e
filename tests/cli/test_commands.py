"""The table of commands, and one file of the user's that adds to it, to the methods and to the networks."""

import json
import os
import sys
from importlib import metadata

import jax
import numpy as np
import pytest

from cli.restoring import told
from gprior_jax import recipes, zoo
from gprior_jax.cli import commands
from gprior_jax.cli.commands import COMMANDS, Command, find_command, load_plugins, register
from gprior_jax.cli.main import main
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.latents.parametrization import KINDS
from gprior_jax.runs import read_record
from gprior_jax.zoo.networks import NETWORKS

MINE = '''
"""All that one file can add: an architecture, a parametrisation, a method and a command."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp

import gprior_jax as gp
from gprior_jax.cli.commands import Command, register
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.generators.running import run_layers


class Patches(nn.Module):
    """A generator of two layers, 8 px."""

    z_dim: int = 4

    @property
    def input_shape(self):
        return (self.z_dim,)

    @property
    def layer_names(self):
        return ("grow", "paint")

    def feature_shape(self, layer):
        return ((self.z_dim,), (8, 8, 2), (8, 8, 3))[layer]

    def setup(self):
        self.grow, self.paint = nn.Dense(8 * 8 * 2), nn.Dense(3)

    def prepare(self):
        return ()

    def __call__(self, x, start=0, stop=None, weights=None):
        for layer in range(start, 2 if stop is None else stop):
            x = jnp.tanh(self.paint(x)) if layer else nn.leaky_relu(self.grow(x)).reshape(8, 8, 2)
        return x

    def init_all(self, z):
        self(z)


@dataclasses.dataclass(frozen=True)
class Halved(gp.latents.Parametrization):
    """Half a code."""

    scale: float = 2.0

    def init(self, prior, key, hint=None):
        return {"half": prior.latent.sample(key, (prior.z_dim,)) / self.scale}

    def render(self, prior, variables):
        return run_layers(prior, self.scale * variables["half"])


def mine(*, num_steps: int | None = None):
    """The recipe of the method."""
    solver = gp.SolverConfig(num_steps=num_steps or 3)
    return gp.Recipe("mine", Halved(), (gp.objectives.Pixel(),), solver)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Greet(JsonFlag):
    """Greet somebody.

    Attributes:
        whom: to greet.
    """

    whom: str = "you"

    def run(self) -> int:
        print(f"hello {self.whom}")
        return 0


gp.zoo.register("patches", Patches)
gp.recipes.register(gp.recipes.Method("mine", "half a code", mine))
register(Command("greet", Greet, "say hello"))
'''


@pytest.fixture
def fresh():
    """Forgets what was added, as a new process would: now when it is called, and in the end."""
    tables = (COMMANDS, recipes.METHODS, NETWORKS, KINDS)
    before = [dict(table) for table in tables]

    def forget():
        for table, content in zip(tables, before, strict=True):
            table.clear()
            table.update(content)
        for name in [name for name in sys.modules if name.startswith("gprior_plugin_")]:
            del sys.modules[name]

    yield forget
    forget()


@pytest.fixture
def mine(tmp_path):
    """The user's file."""
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.fixture
def own_model(fresh, mine, tmp_path):
    """A model folder of the user's architecture."""
    load_plugins([str(mine)])
    module = next(m for n, m in sys.modules.items() if n.startswith("gprior_plugin_mine")).Patches()
    params = module.init(jax.random.key(0), np.zeros(4, np.float32), method="init_all")["params"]
    zoo.save(Prior(params, module, name="patches"), tmp_path / "own")
    fresh()
    return tmp_path / "own"


def test_find_command_takes_two_words_before_one():
    command, rest = find_command(["bench", "inversion", "--rounds", "1"])
    assert (command.name, rest) == ("bench inversion", ["--rounds", "1"])
    assert find_command(["invert", "a.png"])[1] == ["a.png"]


def test_every_built_in_command_is_a_class_of_its_own_with_a_run():
    kinds = {name: command.load() for name, command in COMMANDS.items()}
    assert len({*kinds.values()}) == len(kinds)
    for name, kind in kinds.items():
        assert kind.__doc__, name
        assert callable(kind.run), name


def test_whoever_interrupts_a_command_that_goes_on_is_told_so():
    trained = [name for name in COMMANDS if name.startswith("train ")]
    goes_on = {name for name in trained if name not in ("train boundary", "train directions")}
    assert goes_on == {"train generator", "train stylegan2", "train encoder", "train translation"}
    assert {name for name, command in COMMANDS.items() if command.resumes} >= goes_on | {"invert", "evaluate"}


def test_a_name_is_registered_once(fresh):
    command = Command("greet", dict, "say hello")
    register(command)
    register(command)
    assert COMMANDS["greet"] is command
    for taken in ("greet", "invert"):
        with pytest.raises(ArgumentError, match=f"there is a command '{taken}' already: choose another name"):
            register(Command(taken, dict, "something else"))


def test_a_plugin_adds_a_command(fresh, mine, capsys):
    assert main(["--plugin", str(mine), "greet", "--whom", "her"]) == 0
    assert capsys.readouterr().out == "hello her\n"
    fresh()
    assert "no command 'greet'" in told(capsys, 2, main(["greet"]))
    assert main(["--plugin", str(mine), "--help"]) == 0
    assert "say hello" in capsys.readouterr().out


def test_a_plugin_adds_a_method_a_parametrisation_and_an_architecture(fresh, mine, own_model, inputs, tmp_path, capsys):
    """All three in one inversion, and again when its results are used: by another process, which needs them too."""
    out, plugin = tmp_path / "out", ["--plugin", str(mine)]
    words = ["invert", str(inputs), "--model", str(own_model), "--method", "mine", "--out", str(out), "--steps", "2"]
    assert main([*plugin, *words, "--devices", "1"]) == 0
    record = read_record(out / "a.npz")
    assert record.variables["half"].shape == (4,)
    assert record.image.shape == (8, 8, 3)
    run = json.loads((out / "run.json").read_text())
    assert run["method"] == "mine"
    assert run["settings"]["recipe"]["parametrization"] == {"kind": "Halved", "scale": 2.0}
    fresh()
    capsys.readouterr()
    morph = ["morph", str(out), "--model", str(own_model), "--out", str(tmp_path / "m.png"), "--json"]
    assert main([*plugin, *morph]) == 0
    assert json.loads(capsys.readouterr().out)["variables"] == ["half"]
    fresh()
    assert "architecture 'patches' is unknown" in told(capsys, 2, main(morph))
    assert "method 'mine': use " in told(capsys, 2, main([*words[:-2], "--model", "builtin"]))


def test_plugins_are_named_in_a_variable_too(fresh, mine, own_model, inputs, tmp_path, capsys, monkeypatch):
    """One after the other, as in ``PATH``; the second adds all that there is to add."""
    (tmp_path / "empty.py").touch()
    monkeypatch.setenv("GPRIOR_PLUGINS", os.pathsep.join([str(tmp_path / "empty.py"), str(mine)]))
    assert main(["greet"]) == 0
    assert capsys.readouterr().out == "hello you\n"
    fresh()
    words = ["invert", str(inputs), "--model", str(own_model), "--method", "mine", "--out", str(tmp_path / "out")]
    # The folder's network is known, and the method, which does not have this flag.
    assert "--layer is not for --method mine: leave it out" in told(capsys, 2, main([*words, "--layer", "3"]))
    assert "Halved" in KINDS


def test_help_lists_a_method_of_a_plugin(fresh, mine, capsys):
    assert main(["--plugin", str(mine), "invert", "--help"]) == 0
    assert "mine: half a code" in " ".join(capsys.readouterr().out.split())


def test_a_plugin_may_be_named_twice(fresh, mine, capsys, monkeypatch):
    monkeypatch.setenv("GPRIOR_PLUGINS", str(mine))
    assert main(["--plugin", str(mine), "greet"]) == 0
    assert main(["--plugin", str(mine), "greet"]) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--plugin"], "--plugin needs a Python file"),
        (["--plugin", "nowhere.py", "models"], "the plugin nowhere.py does not exist: name a Python file"),
    ],
)
def test_plugins_that_are_none(words, sentence, capsys):
    assert sentence in told(capsys, 2, main(words))


def test_a_file_that_is_no_python_file(tmp_path, capsys):
    (tmp_path / "notes.txt").touch()
    assert "notes.txt is no Python file" in told(capsys, 2, main(["--plugin", str(tmp_path / "notes.txt"), "models"]))


def test_a_fault_in_a_plugin_keeps_its_traceback(fresh, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("raise ZeroDivisionError('line 1')")
    with pytest.raises(ZeroDivisionError, match="line 1"):
        main(["--plugin", str(path), "models"])


def test_installed_packages_add_to_the_commands(fresh, tmp_path, monkeypatch, capsys):
    """As an entry point of the group ``gprior_jax.plugins``, which is a module."""
    (tmp_path / "package_of_mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    entry = metadata.EntryPoint("mine", "package_of_mine", commands.PLUGINS)
    monkeypatch.setattr(commands.metadata, "entry_points", lambda group: [entry] if group == commands.PLUGINS else [])
    for _ in range(2):
        assert main(["greet"]) == 0
        assert capsys.readouterr().out == "hello you\n"
    del sys.modules["package_of_mine"]
