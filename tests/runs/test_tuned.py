"""Tuned generators as model folders."""

import jax
import numpy as np
from batteries import random_params

from gprior_jax import zoo
from gprior_jax.editing import Direction, codes
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.latents import Tuning, W
from gprior_jax.objectives import Pixel
from gprior_jax.runs.directions_file import bundled_directions, load_direction, save_direction
from gprior_jax.runs.ending import end
from gprior_jax.runs.entries import entry_of
from gprior_jax.runs.folder import OutputFolder
from gprior_jax.runs.inversion import inversion_settings
from gprior_jax.runs.items import Item
from gprior_jax.runs.sources import read_points
from gprior_jax.runs.tuned import tuned_folder, write_tuned
from runs.records import record

MODULE = StyleGAN2((6, 4), 8, 5, mapping_layers=2, architecture="plain")
PRIOR = Prior(random_params(MODULE, 0), MODULE, name="tiny")


def inverted(folder):
    """An output folder as a run of pivotal tuning writes it, with weights that have moved."""
    recipe = Recipe("test", W(), (Pixel(),), then=Recipe("test", Tuning(), (Pixel(),)))
    out = OutputFolder(folder, inversion_settings(PRIOR, recipe, jax.random.key(0)))
    items, entries = [], {}
    for seed in (0, 1):
        (folder / f"{seed}.jpg").write_bytes(b"pixels")
        started = Tuning().init(PRIOR, jax.random.key(seed))
        variables = {name: np.asarray(leaf) + np.float32(0.01 * (1 + seed)) for name, leaf in started.items()}
        own = record(str(seed))._replace(variables=variables, samples=np.zeros((0, 8, 8, 3), np.uint8))
        own = own._replace(sample_losses=np.zeros(0))
        items.append(Item(seed, folder / f"{seed}.jpg", str(seed)))
        entries[str(seed)] = entry_of(own, "")
        out.write(items[-1], own)
    end(out, items, entries, {}, {"model": "somewhere/tiny"})
    return folder


def test_a_tuned_generator_draws_what_was_found(tmp_path):
    out = inverted(tmp_path / "out")
    assert write_tuned(PRIOR, out, ["0", "1"], "somewhere/tiny") == [out / "models" / "0", out / "models" / "1"]
    for name in "01":
        own = zoo.load(tuned_folder(out / f"{name}.npz"))
        assert own.critic is None
        assert zoo.read_config(out / "models" / name)["provenance"]["tuned_from"] == "somewhere/tiny"
        (point,) = read_points(own, str(out / f"{name}.npz"))
        wanted = Tuning().render(PRIOR, jax.tree.map(np.asarray, point.variables))
        styles = codes(own, [point], "w")["w_plus"]
        np.testing.assert_allclose(synthesize(own, styles, space="w_plus")[0], wanted, atol=1e-5)


def test_a_tuned_generator_is_used_as_the_one_it_was_made_from(tmp_path):
    model, facts = tmp_path / "faces", {"truncation": 0.7, "label_names": ["a"], "alignment": "ffhq", "data": "x.zip"}
    zoo.save(PRIOR, model, provenance=facts)
    vector = np.arange(1.0, 6.0, dtype=np.float32)
    save_direction(model / "directions" / "smile.npz", Direction(vector, "w", name="smile"))
    out = inverted(tmp_path / "out")
    [folder] = write_tuned(PRIOR, out, ["0"], str(model))
    told = zoo.read_config(folder)["provenance"]
    assert {name: told.get(name) for name in facts} == facts | {"data": None}
    np.testing.assert_array_equal(load_direction(bundled_directions(folder)["smile"]).vector, vector)


def test_folders_that_are_there_stay_and_other_inversions_have_none(tmp_path):
    out = inverted(tmp_path / "out")
    write_tuned(PRIOR, out, ["0"], "tiny")
    before = (out / "models" / "0" / "config.json").stat().st_mtime_ns
    assert len(write_tuned(PRIOR, out, ["0", "1"], "tiny")) == 2
    assert (out / "models" / "0" / "config.json").stat().st_mtime_ns == before
    plain = OutputFolder(tmp_path / "plain", {})
    (tmp_path / "a.jpg").write_bytes(b"pixels")
    plain.write(Item(0, tmp_path / "a.jpg", "a"), record("a"))
    assert write_tuned(PRIOR, tmp_path / "plain", ["a"], "tiny") == []
