"""What the tests of the commands on pictures share: running one, making its pictures, reading what it wrote."""

import json

import numpy as np
import pytest
from PIL import Image

from gprior_jax.cli.main import main

SIDE = 16
LUMA = np.array([0.299, 0.587, 0.114])


ONCE = ["--batch-size", "3", "--devices", "1"]
"""One shape of batches for most runs: one compilation."""


def run(task, source, model, out, *flags):
    words = [task, *map(str, source if isinstance(source, list) else [source])]
    words += ["--model", str(model), "--out", str(out), "--codes", "2", "--layer", "2", "--steps", "2"]
    words += [] if "--batch-size" in flags else ONCE
    return main([*words, *map(str, flags)])


def picture(path, seed, side=SIDE):
    """A noisy slope: no two are alike, and none is flat."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(40, 200, side)[:, None, None] + rng.uniform(-30, 30, (side, side, 3))
    Image.fromarray(slope.astype(np.uint8)).save(path)
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def mask(path, box=(4, 4, 9, 8), side=SIDE, known=255):
    image = Image.new("L", (side, side), known)
    image.paste(255 - known, box)
    image.save(path)
    return path


def holes(path):
    return pixels(path) == 0


def stored(out):
    found = {}
    for path in sorted(out.glob("*.npz")):
        with np.load(path) as arrays:
            found[path.stem] = {name: arrays[name] for name in arrays.files if name != "about"}
    return found


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        for key, value in first[name].items():
            np.testing.assert_array_equal(value, second[name][key], err_msg=f"{name} {key}")


def rows(out):
    return {row["name"]: row for row in json.loads((out / "run.json").read_text())["images"]}


def written(out):
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def names(*stems, folders=("", "measured/", "reconstruction/")):
    files = {f"{folder}{stem}.png" for folder in folders for stem in stems} | {f"{stem}.npz" for stem in stems}
    return files | {"run.json", "history.csv", "report.html"}


def told(capsys, code, actual):
    """The one sentence of a command that ended with this code, without the progress bars."""
    error = capsys.readouterr().err
    assert actual == code, error
    assert "Traceback" not in error
    lines = [line for line in error.splitlines() if line.startswith("gprior: ")]
    assert lines
    return lines[0]


def strict(text):
    """Parse JSON without the words that only Python takes."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
