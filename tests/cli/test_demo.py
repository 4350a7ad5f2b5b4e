"""``gprior demo`` on a tiny prior in place of the bundled one."""

import json

import numpy as np
import pytest
from runs.pages import compared, parsed, pixels_of

from cli import priors
from cli.restoring import strict
from gprior_jax.cli import demo
from gprior_jax.cli.main import main
from gprior_jax.images.listing import list_images
from gprior_jax.zoo import bundled_folder


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_inverted(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo.zoo, "load", lambda name: pytest.fail("it was begun"))
    (tmp_path / "file").touch()
    assert main(["demo", "--out", str(tmp_path / "file" / "out")]) == 1
    assert "file/out" in capsys.readouterr().err


def test_the_demo_writes_its_report(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo.zoo, "load", lambda name: priors.plain())
    monkeypatch.setattr(demo, "spread", lambda *_: 1)
    monkeypatch.setattr(demo, "TRIALS", ((1, 0), (2, 2)))
    out = tmp_path / "out"
    assert main(["demo", "--out", str(out), "--steps", "2", "--json"]) == 0
    content = strict(capsys.readouterr().out)
    assert {path.name for path in out.iterdir()} == {"report.html", "comparison.png", "results.json"}
    assert [row["method"] for row in content["trials"]] == ["one code", "2 codes at layer 2"]
    data = bundled_folder("builtin").parent
    names = [path.stem for group in ("portraits", "photographs") for path in list_images([data / group]).paths]
    results = json.loads((out / "results.json").read_text())
    assert results["images"] == names
    assert results["trials"] == content["trials"]
    page = (out / "report.html").read_text()
    assert all(f"<h2>{name}</h2>" in page for name in names)
    root = parsed(page)
    # What is said to be best is best in the numbers.
    first, second = content["trials"]
    winner = max(content["trials"], key=lambda row: row["PSNR (dB)"])["method"]
    assert first["PSNR (dB)"] != second["PSNR (dB)"]
    assert root.one("p", class_="verdict").text.startswith(f"{winner} is best: its PSNR (dB) of ")
    lines = root.one("tbody").all("tr")
    column = list(first).index("PSNR (dB)")
    assert [line.all("td")[0].text for line in lines if "best" in line.all("td")[column].attributes["class"]] == [
        winner
    ]
    assert {first["steps"], second["steps"]} == {2}
    # Every result is slid to the input of its row.
    pairs = compared(root)
    assert len(pairs) == 2 * len(names)
    for result, target in pairs:
        assert target.attributes["alt"] == "input"
        assert pixels_of(result).shape == pixels_of(target).shape
        assert not np.array_equal(pixels_of(result), pixels_of(target))
