"""The files in ``docs/recipes``: what they run, with the variables that schedulers set, and that its flags exist."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import tyro
from test_docs import DOCUMENTS, ROOT

from gprior_jax.cli.commands import find_command
from gprior_jax.runs.shares import Share

RECIPES = ROOT / "docs" / "recipes"
PRINT = '#!/usr/bin/env bash\nprintf "%s\\n" "$@" >> "$TOLD"\n'
PASS = '#!/usr/bin/env bash\nwhile [[ $1 == --* ]]; do shift; done\nexec "$@"\n'
REMOTE = '#!/usr/bin/env bash\neval "${@: -1}"\n'
"""Programs in place of those of a cluster: one that notes its arguments, one that runs them, one that runs the last."""


@pytest.fixture
def ran(tmp_path):
    """Runs words, and gives the command that gprior would have run, filled."""
    for name, text in {"gprior": PRINT, "srun": PASS, "gcloud": REMOTE, "pip": PRINT.replace("TOLD", "PIP")}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def run(*words, **variables):
        told = tmp_path / "told"
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TOLD": str(told), "PIP": str(tmp_path / "pip.txt")}
        subprocess.run([*map(str, words)], check=True, env=os.environ | path | variables, cwd=tmp_path)
        command, rest = find_command(told.read_text().splitlines())
        return tyro.cli(command.load(), args=rest, config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes))

    return run


def test_array_job_of_slurm(ran):
    variables = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "16"}
    found = ran("bash", RECIPES / "slurm_array.sh", "my photos", "out", "--steps", "5", **variables)
    assert (found.inputs, found.out, found.num_steps, found.share) == (("my photos",), Path("out"), 5, Share(3, 16))


def test_hosts_of_slurm(ran):
    found = ran("bash", RECIPES / "slurm_hosts.sh", "photos", "out")
    assert (found.inputs, found.distributed, found.spread_over, found.coordinator) == (("photos",), True, 4, None)


def test_tpu_pod(ran, tmp_path):
    found = ran("bash", RECIPES / "tpu_pod.sh", "tpu", "zone", "gs://bucket/my photos", "out", DEVICES="8")
    assert (found.inputs, found.distributed, found.spread_over) == (("gs://bucket/my photos",), True, 8)
    extras = re.search(r"gprior-jax\[(.*)\]", (tmp_path / "pip.txt").read_text())[1].split(",")
    assert all(f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text() for extra in extras)


def test_job_of_kubernetes(ran):
    job = yaml_of(RECIPES / "kubernetes.yaml")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["SHARES"] == str(job["spec"]["completions"])
    assert job["spec"]["completionMode"] == "Indexed"
    found = ran(*container["command"], **variables, JOB_COMPLETION_INDEX="15")
    assert (found.inputs, found.out, found.share) == (("/data/photos",), Path("/data/results"), Share(15, 16))


def test_task_of_skypilot(ran):
    task = yaml_of(RECIPES / "skypilot.yaml")
    assert set(task["file_mounts"]) == set(task["envs"].values())
    numbers = {"SKYPILOT_NODE_RANK": "3", "SKYPILOT_NUM_NODES": str(task["num_nodes"])}
    found = ran("sh", "-c", task["run"], **task["envs"], **numbers)
    assert (found.inputs, found.out, found.share) == (("/photos",), Path("/results/part-3"), Share(3, 4))
    assert f"part-{task['num_nodes'] - 1} --to" in (RECIPES / "skypilot.yaml").read_text()


def test_skypilot_reads_its_task(monkeypatch, tmp_path):
    """Its own parser and schema, without a cloud."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SKYPILOT_DISABLE_USAGE_COLLECTION", "1")
    sky = pytest.importorskip("sky", reason="skypilot is not installed")
    task = sky.Task.from_yaml(str(RECIPES / "skypilot.yaml"))
    (resources,) = task.resources
    assert (task.num_nodes, resources.accelerators, resources.use_spot) == (4, {"H100": 1}, True)
    assert set(task.storage_mounts) == {"/photos", "/results"}


def yaml_of(path):
    yaml = pytest.importorskip("yaml")
    return json.loads(json.dumps(yaml.safe_load(path.read_text())))


def test_every_recipe_is_in_the_document():
    assert all(f"](recipes/{path.name})" in DOCUMENTS["docs/scaling.md"] for path in RECIPES.iterdir())
