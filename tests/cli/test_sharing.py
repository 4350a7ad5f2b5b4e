"""``--shard`` and ``--distributed``: processes that share a list of images."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from cli.restoring import told
from gprior_jax.cli.invert import Invert
from gprior_jax.cli.main import main
from gprior_jax.cli.sharing import join
from gprior_jax.errors import GPriorError
from gprior_jax.runs.record import read_record

ROOT = Path(__file__).parents[2]
STEPS = ["--codes", "2", "--layer", "2", "--steps", "3", "--perceptual", "none", "--batch-size", "2", "--devices", "1"]


def words(pictures, model, out, *flags):
    return ["invert", str(pictures), "--model", str(model), "--out", str(out), *STEPS, *flags]


@pytest.fixture(scope="module")
def model(little):
    """The prior of these tests."""
    return little


@pytest.fixture
def alone(pictures, model, tmp_path):
    """What one process writes."""
    assert main(words(pictures, model, tmp_path / "alone")) == 0
    return tmp_path / "alone"


def assert_same_run(out, alone):
    """The same files and statuses, and the numbers of the row property."""
    assert {path.name for path in out.iterdir()} == {path.name for path in alone.iterdir()}
    found, wanted = (json.loads((folder / "run.json").read_text())["images"] for folder in (out, alone))
    assert [(row["name"], row["status"]) for row in found] == [(row["name"], row["status"]) for row in wanted]
    for row in wanted:
        ours, theirs = (read_record(folder / f"{row['name']}.npz") for folder in (out, alone))
        np.testing.assert_allclose(ours.terms["loss"], theirs.terms["loss"], rtol=1e-4)
        np.testing.assert_allclose(ours.image, theirs.image, atol=1e-3)


def test_shards_make_the_whole(pictures, model, tmp_path, alone, capsys):
    out, counts = tmp_path / "out", []
    for number in range(3):
        capsys.readouterr()
        flags = ["--shard", f"{number}/3", "--json", "--pack", str(tmp_path / "packed")]
        assert main(words(pictures, model, out, *flags)) == 0
        counts.append(len(json.loads(capsys.readouterr().out)["images"]))
    assert sum(counts) == 3
    assert_same_run(out, alone)
    assert json.loads((tmp_path / "packed" / "pack.json").read_text())["shards"][0]["images"] == 3


def test_a_folder_for_packed_results_is_looked_at_first(pictures, model, tmp_path, capsys):
    out = tmp_path / "out"
    code = main(words(pictures, model, out, "--pack", str(pictures)))
    assert "holds something else than packed results" in told(capsys, 2, code)
    assert not out.exists()


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def test_a_trace_of_a_run(pictures, model, tmp_path):
    flags = ["--profile", str(tmp_path / "trace"), "--save-every", "60"]
    assert main(words(pictures, model, tmp_path / "out", *flags)) == 0
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert set(run["waited"]) == {"input", "output"}
    assert all(0.0 <= seconds < run["seconds"] for seconds in run["waited"].values())
    (trace,) = (tmp_path / "trace").rglob("*.xplane.pb")
    assert trace.stat().st_size > 0


@pytest.mark.slow
def test_two_processes_that_jax_knows_of(pictures, model, tmp_path, alone):
    out, address = tmp_path / "out", f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gprior_jax", *words(pictures, model, out, "--distributed")]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    workers = [
        subprocess.Popen(
            [*command, "--coordinator", address, "--process", str(number), "--processes", "2"],
            env=os.environ | {"PYTHONPATH": path},
            **pipes,
        )
        for number in range(2)
    ]
    ended = [worker.communicate(timeout=100) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], ended
    assert f"3 images done, mean psnr {mean_psnr(alone):.4g}: {out / 'report.html'}" in ended[0][0]
    assert_same_run(out, alone)


def mean_psnr(folder):
    return np.mean([row["psnr"] for row in json.loads((folder / "run.json").read_text())["images"]])


OWN = ("--coordinator", "host:1234", "--process", "0", "--processes", "2")


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--shard", "4/4"], "--shard 4/4: shares are numbered from 0, the last of 4 is 3/4"),
        (["--shard", "one"], "--shard one: give the share's number"),
        (["--process", "0"], "--process is for --distributed"),
        (["--distributed", "--shard", "0/2"], "leave it out, or --distributed"),
        (["--distributed", *OWN[:4]], "--coordinator without --processes"),
        (["--distributed", *OWN[:2], "--process", "2", *OWN[4:]], "the last of 2 is 1"),
        (["--distributed", *OWN[:4], "--processes", "0"], "--processes 0: use at least 1"),
        (["--distributed", "--coordinator", "host", *OWN[2:]], "HOST:PORT"),
    ],
)
def test_flags_that_name_no_process(tmp_path, capsys, flags, why):
    code = main(["invert", "nowhere", "--out", str(tmp_path / "out"), *flags])
    assert why in told(capsys, 2, code)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ValueError("Number of processes must be defined."), "processes must be defined): give --coordinator"),
        (RuntimeError("DEADLINE_EXCEEDED: Timed out\nmore"), "(DEADLINE_EXCEEDED: Timed out): start all of them"),
    ],
)
def test_processes_that_do_not_find_each_other(monkeypatch, error, why):
    def fail(*_):
        raise error

    monkeypatch.setattr(jax.distributed, "initialize", fail)
    with pytest.raises(GPriorError) as raised:
        join(Invert(inputs=("a.png",), out=Path("out"), distributed=True))
    assert why in str(raised.value)


def test_nothing_is_sent_while_processes_find_each_other(monkeypatch):
    """So a host needs no name that it can resolve, and no memory of an accelerator is taken."""
    names = ("jax_platforms", "jax_cpu_collectives_implementation")
    before, seen = [jax.config.values[name] for name in names], []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *_: None)
    monkeypatch.setattr(jax.distributed, "shutdown", lambda: seen.append([jax.config.values[name] for name in names]))
    monkeypatch.setattr("gprior_jax.cli.sharing.clear_backends", lambda: None)
    join(Invert(inputs=("a.png",), out=Path("out"), distributed=True))
    assert seen == [["cpu", None]]
    assert [jax.config.values[name] for name in names] == before
