"""Model folders that are pushed to a hub and loaded from it; the hub is on this machine."""

import json
import shutil

import jax
import numpy as np
import pytest
from batteries import random_prior

import gprior_jax as gp
from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.errors import ArgumentError, CheckpointError, DownloadError, GPriorError, OccupiedError
from gprior_jax.zoo import hub
from zoo.hub_server import serving

constants = pytest.importorskip("huggingface_hub.constants", reason="the extra hub is not installed")

NAME = "somebody/faces"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A hub that this process asks, with an empty cache and a good token."""
    with serving() as (server, address):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace("https://huggingface.co", address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        monkeypatch.setenv("HF_TOKEN", "good")
        hub.fetch_folder.cache_clear()
        yield server
        hub.fetch_folder.cache_clear()


@pytest.fixture
def folder(tmp_path):
    """A model folder."""
    gp.zoo.save(random_prior("pggan"), tmp_path / "model", provenance={"licence": "MIT, see LICENSE", "note": "a | b"})
    return tmp_path / "model"


def same(found, expected):
    jax.tree.map(np.testing.assert_array_equal, found.params, expected.params)
    assert (found.module, found.latent, found.name) == (expected.module, expected.latent, expected.name)


def test_what_is_pushed_is_loaded(server, folder):
    done = hub.push(folder, NAME)
    assert done.name == f"hf:{NAME}"
    assert done.commit == server.repositories[NAME]["main"]
    same(gp.load(f"hf:{NAME}"), gp.load(folder))
    same(gp.load(f"hf:{NAME}@{done.commit}"), gp.load(folder))
    assert set(server.commits[done.commit]) == {".gitattributes", "README.md", "config.json", "model.safetensors"}


def test_a_bundled_prior_with_all_that_lies_beside_it(server):
    hub.push(zoo.resolve("builtin:cells"), NAME)
    files = server.commits[server.repositories[NAME]["main"]]
    assert "samples.png" in files
    assert sum(name.startswith("directions/") for name in files) > 1
    same(gp.load(f"hf:{NAME}"), gp.load("builtin:cells"))
    assert zoo.inherited(f"hf:{NAME}") == zoo.inherited("builtin:cells")
    text = files["README.md"].decode()
    assert text.startswith("---\nlibrary_name: gprior-jax\nlicense: cc-by-4.0\n")
    assert "# builtin:cells" in text
    assert f'gp.load("hf:{NAME}")' in text


def test_a_card_of_facts(server, folder):
    hub.push(folder, NAME)
    text = server.commits[server.repositories[NAME]["main"]]["README.md"].decode()
    assert text.startswith(
        "---\nlibrary_name: gprior-jax\nlicense: mit\npipeline_tag: unconditional-image-generation\n"
    )
    assert "- pggan-generator" in text
    assert "| note | a \\| b |" in text


def test_branches(server, folder, tmp_path):
    hub.push(folder, NAME)
    gp.zoo.save(random_prior("pggan", seed=5), tmp_path / "other")
    done = hub.push(tmp_path / "other", NAME, revision="later")
    assert done.name == f"hf:{NAME}@later"
    same(gp.load(f"hf:{NAME}@later"), gp.load(tmp_path / "other"))
    same(gp.load(f"hf:{NAME}"), gp.load(folder))


def test_nothing_but_a_model_is_fetched(server, folder):
    hub.push(folder, NAME)
    server.commit(NAME, "main", {"code.py": b"raise SystemExit", "weights.pkl": b"\x80"})
    found = zoo.resolve(f"hf:{NAME}")
    assert {path.name for path in found.iterdir()} == {"README.md", "config.json", "model.safetensors"}


def test_once_in_a_process(server, folder):
    hub.push(folder, NAME)
    gp.load(f"hf:{NAME}")
    asked = len(server.asked)
    gp.load(f"hf:{NAME}")
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hf:nobody/nothing", "there is no such repository, or it is private: look at its name, and set HF_TOKEN"),
        (f"hf:{NAME}@v9", "it has no such branch, tag or commit"),
        ("hf:somebody/shy", "its owner wants to be asked: accept the terms on its page"),
    ],
)
def test_what_is_not_there(server, folder, name, told, monkeypatch):
    hub.push(folder, NAME)
    hub.push(folder, "somebody/shy")
    server.gated.add("somebody/shy")
    monkeypatch.setenv("HF_TOKEN", "other")
    with pytest.raises(DownloadError, match=f"{name} was not fetched: {told}"):
        gp.load(name)


def test_without_a_network(server, folder, monkeypatch):
    hub.push(folder, NAME)
    gp.load(f"hf:{NAME}")
    hub.fetch_folder.cache_clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    same(gp.load(f"hf:{NAME}"), gp.load(folder))
    with pytest.raises(DownloadError, match="not in the cache, and there is no network: fetch it once with one"):
        gp.load("hf:somebody/other")


def test_a_token_that_may_not_write(server, folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "other")
    with pytest.raises(GPriorError, match=f"{NAME} was not pushed: the token does not allow it: set HF_TOKEN"):
        hub.push(folder, NAME)
    assert NAME not in server.repositories


@pytest.mark.parametrize("name", ["faces", "hf:", "hf:a/b/c", "hf:a/b@", "hf:../x@y z"])
def test_names_that_are_none(name):
    with pytest.raises(ArgumentError, match="names no repository: write hf:owner/name, or hf:owner/name@revision"):
        hub.HubName.parse(name)


def test_no_model_folder(server, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="no model folder"):
        hub.push(tmp_path / "empty", NAME)
    assert not server.repositories


def test_a_repository_of_something_else(server):
    server.commit(NAME, "main", {"config.json": b'{"model_type": "bert"}', "model.safetensors": b""})
    with pytest.raises(CheckpointError, match=r"config\.json has format None"):
        gp.load(f"hf:{NAME}")


def test_the_command(server, folder, tmp_path, capsys):
    assert main(["push", str(folder), NAME, "--to", str(tmp_path / "staged")]) == 0
    assert not server.repositories
    same(gp.load(tmp_path / "staged"), gp.load(folder))
    with pytest.raises(OccupiedError):
        hub.stage(folder, tmp_path / "staged", NAME)
    assert main(["push", str(folder), NAME, "--revision", "v1", "--message", "first", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["name"] == f"hf:{NAME}@v1"
    assert main(["generate", "--model", f"hf:{NAME}@v1", "--num", "1", "--out", str(tmp_path / "drawn")]) == 0
    assert main(["push", str(folder), "nameless"]) == 2


def test_weights_are_those_that_are_loaded_here(server, folder, tmp_path):
    """Where a folder has some of either kind; and where a repository holds a folder that was put there as it is."""
    gp.zoo.save(random_prior("pggan", seed=5), tmp_path / "other")
    hub.stage(tmp_path / "other", tmp_path / "staged", NAME)
    shutil.copyfile(tmp_path / "staged" / "model.safetensors", folder / "model.safetensors")
    files = {str(path.relative_to(tmp_path / "other")): path for path in (tmp_path / "other").rglob("*")}
    server.commit(NAME, "main", {name: path.read_bytes() for name, path in files.items() if path.is_file()})
    hub.push(folder, NAME)
    same(gp.load(f"hf:{NAME}"), gp.load(folder))


def test_a_folder_without_weights_is_not_pushed(server, folder):
    shutil.rmtree(folder / "params")
    with pytest.raises(CheckpointError, match="has no weights"):
        hub.push(folder, NAME)
    assert not server.repositories


def test_damaged_weights_are_not_pushed(server, folder, tmp_path):
    hub.stage(folder, tmp_path / "staged", NAME)
    weights = tmp_path / "staged" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="cannot be read"):
        hub.push(tmp_path / "staged", NAME)
    assert not server.repositories
