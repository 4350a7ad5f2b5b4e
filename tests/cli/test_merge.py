"""``gprior merge``."""

import json

from cli.restoring import run, told
from gprior_jax.cli.main import main

FLAGS = ("--perceptual", "none")


def test_shares_are_merged(inputs, little, tmp_path, capsys):
    parts = [tmp_path / "0", tmp_path / "1"]
    for number, part in enumerate(parts):
        assert run("invert", inputs, little, part, *FLAGS, "--shard", f"{number}/2") == 0
    names = sorted(path.stem for part in parts for path in part.glob("*.npz"))
    capsys.readouterr()
    assert main(["merge", *map(str, parts), "--to", str(tmp_path / "to")]) == 0
    assert capsys.readouterr().out == f"{len(names)} images together: {tmp_path / 'to' / 'report.html'}\n"
    assert main(["merge", str(tmp_path / "to"), "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)["images"]] == names


def test_what_cannot_be_merged(tmp_path, capsys):
    assert "name output folders" in told(capsys, 2, main(["merge"]))
    assert "--to is missing" in told(capsys, 2, main(["merge", "a", "b"]))
    assert "run.json is missing" in told(capsys, 2, main(["merge", str(tmp_path)]))
