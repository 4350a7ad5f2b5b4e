"""Our files of directions, what is told of others, and those of the bundled priors."""

import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax import zoo
from gprior_jax.editing import Direction
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.synthesis import map_latents, sample_z, synthesize
from gprior_jax.runs import about_direction, bundled_directions, load_direction, save_direction
from gprior_jax.runs.directions_file import is_direction
from gprior_jax.summary import fingerprint

ROWS = np.arange(1.0, 7.0).reshape(2, 3)


@pytest.mark.parametrize(
    "direction",
    [
        Direction(ROWS[0], "z"),
        Direction(ROWS[1], "w", layers=(0, 3), name="größer", deviation=1.5, offset=-2.0),
        Direction(ROWS, "w_plus", layers=(1,), offset=0.0),
    ],
)
def test_what_is_written_is_read(direction, tmp_path):
    path = tmp_path / "new" / "d.npz"
    save_direction(path, direction, {"model": "builtin", "accuracy": 0.5})
    found = load_direction(path)
    np.testing.assert_array_equal(found.vector, direction.vector)
    for name in ("space", "layers", "name", "deviation", "offset"):
        assert getattr(found, name) == getattr(direction, name)
    assert about_direction(path) == {"model": "builtin", "accuracy": 0.5}
    assert is_direction(path)
    with np.load(path) as arrays:
        assert ("layers" in arrays.files) == (direction.layers is not None)
        assert arrays["boundary"].dtype == np.float32


def written(path, **changed):
    arrays = {"boundary": ROWS[0], "space": "w", "name": "a", "about": "{}"} | changed
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"boundary": None}, "it holds space, name, about, no boundary with its space"),
        ({"space": None}, "no boundary with its space"),
        ({"space": "x"}, "its space is 'x'"),
        ({"space": "w_plus"}, r"shape \(3,\) in w_plus is none"),
        ({"boundary": np.zeros(3)}, "finite numbers that are not all zero"),
        ({"boundary": ROWS[0] * np.nan}, "finite numbers"),
        ({"deviation": np.nan}, "no finite number"),
        ({"about": "[]"}, "no JSON object"),
        ({"about": "{"}, "damaged"),
        ({"layers": np.array(["a"])}, "damaged"),
    ],
)
def test_damaged_files(changed, sentence, tmp_path):
    written(tmp_path / "d.npz", **changed)
    with pytest.raises(CheckpointError, match=sentence):
        load_direction(tmp_path / "d.npz")


class Executed:
    def __reduce__(self):
        return print, ("executed",)


def test_nothing_in_a_file_is_executed(tmp_path, capsys):
    written(tmp_path / "d.npz", boundary=np.array(Executed(), object))
    (tmp_path / "e.npz").write_bytes(pickle.dumps(Executed()))
    for name, sentence in (("d", "damaged"), ("e", "damaged"), ("f", "does not exist")):
        with pytest.raises(CheckpointError, match=sentence):
            load_direction(tmp_path / f"{name}.npz")
        assert not is_direction(tmp_path / f"{name}.npz") or name == "d"
    assert capsys.readouterr().out == ""


BUNDLED = {
    "builtin": [],
    "builtin:portraits": ["blue_ground", "bright", "bright_ground", "contrast", "fair_hair", "open_mouth", "warm"],
    "builtin:cells": [
        *("basophil", "eosinophil", "erythroblast", "ig", "lymphocyte", "monocyte", "neutrophil", "platelet"),
    ],
}

SPACES = {"builtin:portraits": "w", "builtin:cells": "w_plus"}
"""Of their directions."""


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_directions(name):
    files = bundled_directions(name)
    assert sorted(files) == BUNDLED[name]
    prior = zoo.load(name)
    for path in files.values():
        direction, about = load_direction(path), about_direction(path)
        assert direction.space == SPACES[name]
        assert direction.vector.shape == {"w": (prior.w_dim,), "w_plus": (prior.num_styles, prior.w_dim)}[SPACES[name]]
        assert direction.deviation > 0
        assert direction.offset is not None
        assert (about["model"], about["weights"]) == (name, fingerprint(prior.params))
        assert about["left_out"] >= 0.92
        assert about["rises"] >= 0.95
        if name == "builtin:cells":
            assert min(about["left_out_real"], about["left_out_real_balanced"]) >= 0.85
        assert path.stat().st_size < 10_000


def test_drawn_cells_are_on_the_side_of_their_class_when_their_pictures_are_encoded():
    prior = zoo.load("builtin:cells")
    labels = np.repeat(np.arange(prior.num_classes), 4)
    styles = map_latents(prior, sample_z(prior, jax.random.key(3), len(labels)), label=labels, truncation_psi=0.8)
    images = synthesize(prior, styles, space="w_plus")
    codes = jax.jit(jax.vmap(prior.encoder.encode))(jnp.clip(images, -1.0, 1.0))["w_plus"]
    directions = [load_direction(path) for path in bundled_directions("builtin:cells").values()]
    positive = [np.tensordot(codes, direction.vector, 2) > direction.offset for direction in directions]
    right = np.stack(positive) == (labels == np.arange(prior.num_classes)[:, None])
    assert right.mean() >= 0.9
    assert right[labels, np.arange(len(labels))].mean() >= 0.75  # Saying no to all is right seven times in eight.


def test_of_no_prior():
    with pytest.raises(CheckpointError, match="neither a model folder nor a bundled prior"):
        bundled_directions("nothing")


def test_about_is_text_of_any_language(tmp_path):
    save_direction(tmp_path / "d.npz", Direction(ROWS[0], "z"), {"positive": "jünger"})
    with np.load(tmp_path / "d.npz") as arrays:
        assert json.loads(str(arrays["about"])) == {"positive": "jünger"}
