import io
import json
import re
import shlex

import pytest
import torch
from servers import serving

from gprior_jax import zoo
from gprior_jax.cli.main import main
from gprior_jax.zoo.published import Paper, Published


def checkpoint():
    """A DCGAN generator of 16 px, as the published example saves it."""
    state = {}
    for k, (before, after) in enumerate(((5, 8), (8, 4), (4, 3))):
        state[f"main.{3 * k}.weight"] = torch.randn(before, after, 4, 4)
        if k < 2:
            names = ("weight", "bias", "running_mean", "running_var")
            state |= {f"main.{3 * k + 1}.{name}": torch.ones(after) for name in names}
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A table with one network, which a local server has, and an empty cache."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("GPRIOR_CACHE", str(tmp_path / "cache"))
    with serving(checkpoint()) as running:
        publish(monkeypatch, running.address)
        yield running


def publish(monkeypatch, address, layout="dcgan_generator"):
    facts = ("https://example.org/models", "CC BY 4.0", Paper("A paper", "2001.00001"))
    monkeypatch.setattr(
        "gprior_jax.zoo.bundled.PUBLISHED", (Published("tiny-dcgan", "tiny", "g.pth", address, *facts, layout),)
    )


def test_download_tells_hash_licence_and_the_next_command(server, tmp_path, capsys, monkeypatch):
    assert main(["download", "tiny-dcgan"]) == 0
    told = capsys.readouterr()
    assert "9.25k/9.25kB" in told.err
    assert re.search(r"sha256 [0-9a-f]{64} \(none is published to compare it with\)", told.out)
    assert "licence: CC BY 4.0" in told.out
    command = shlex.split(told.out.splitlines()[-1].removeprefix("next: "))
    monkeypatch.chdir(tmp_path)
    assert main(command[1:]) == 0
    assert zoo.load(tmp_path / "tiny-dcgan").resolution == 16


def test_download_with_a_folder_converts(server, tmp_path, capsys):
    words = ["download", "tiny-dcgan", "--to", str(tmp_path / "model"), "--json"]
    assert main(words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["transferred"]
    assert facts["file"] == str(tmp_path / "cache" / "g.pth")
    assert facts["conversion"]["layout"] == "dcgan_generator"
    config = zoo.read_config(tmp_path / "model")
    assert config["name"] == "tiny-dcgan"
    assert config["provenance"]["licence"] == "CC BY 4.0"
    assert config["provenance"]["sha256"] == facts["sha256"]
    assert main([*words[:-2], str(tmp_path / "again")]) == 0
    told = capsys.readouterr().out
    assert "there already" in told
    assert "16 px" in told
    assert len(server.requests) == 1


def test_download_refuses_a_taken_folder_before_the_transfer(server, tmp_path, capsys):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine").touch()
    assert main(["download", "tiny-dcgan", "--to", str(tmp_path / "model")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert server.requests == []


def test_download_refuses_to_convert_what_the_converter_does_not_read(server, tmp_path, capsys, monkeypatch):
    publish(monkeypatch, server.address, layout="")
    assert main(["download", "tiny-dcgan", "--to", str(tmp_path / "model")]) == 2
    assert "does not read" in capsys.readouterr().err
    assert server.requests == []
    assert main(["download", "tiny-dcgan"]) == 0
    assert "next" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tiny-dcgam", "did you mean tiny-dcgan?"),
        ("nothing", "'gprior models' lists"),
        ("builtin", "by this name"),
    ],
)
def test_download_of_an_unknown_name(server, capsys, name, told):
    assert main(["download", name]) == 2
    assert told in capsys.readouterr().err


def test_a_failed_transfer_is_no_wrong_use(server, capsys, tmp_path):
    server.status = 404
    assert main(["download", "tiny-dcgan", "--to", str(tmp_path / "model")]) == 1
    told = capsys.readouterr().err
    assert told.startswith("gprior: http://127.0.0.1")
    assert told.count("\n") == 1
    assert not (tmp_path / "model").exists()


def test_download_without_a_direct_address(server, capsys, monkeypatch):
    publish(monkeypatch, "")
    assert main(["download", "tiny-dcgan"]) == 2
    assert "https://example.org/models" in capsys.readouterr().err
