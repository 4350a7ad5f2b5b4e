"""What a user adds in a file outside the package works wherever a built-in one does (the batteries have rows of it)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import own_images, random_prior

import gprior_jax as gp
from gprior_jax.editing import common_parametrization, morph_variables, render, stack
from gprior_jax.inversion.result import Result
from gprior_jax.objectives import Pixel
from gprior_jax.recipes import PixelSettings, with_pixels
from gprior_jax.runs.folder import OutputFolder
from own.operator import OwnOperator
from own.optimizer import own_optimizer
from own.parametrization import OwnSum, own_sum
from own.term import OwnTerm

HERE = Path(__file__).parent
KEY = jax.random.key(0)
PRIOR = random_prior("own")
FREE = PRIOR.replace(label=None)
IMAGES = own_images(PRIOR, 2)
WANTED = jnp.array([0.1, 0.0, -0.1])


def recipe(terms=None, optimizer=None, steps=4, **more):
    solver = gp.SolverConfig(optimizer or gp.Optimizer(), steps)
    return gp.Recipe("own", gp.latents.MultiCode(2, 1), terms or (Pixel(),), solver, **more)


def invert(recipe, **more) -> Result:
    return gp.invert(PRIOR, IMAGES, recipe, key=KEY, **more)


def run(out, recipe, prior=PRIOR):
    """A run over the images, through the API."""
    items = [gp.runs.Item(i, Path(f"{i}.png"), f"{i}", digest=str(i)) for i in range(2)]
    job = gp.runs.Inversion(prior, recipe, KEY, read=lambda item: IMAGES[item.id])
    return gp.runs.run(job, items, out, batch_size=2)


def test_a_term_is_a_term_of_the_result_and_of_the_history():
    result = invert(recipe((Pixel(), OwnTerm(WANTED, 0.5))))
    assert set(result.terms) == {"pixel_mse", "own"}
    np.testing.assert_allclose(result.loss, result.terms["pixel_mse"] + 0.5 * result.terms["own"], rtol=1e-5)
    image, codes, alpha = result.images[0], result.variables["codes"][0], result.variables["alpha"][0]
    brightness = np.mean((image.mean((0, 1)) - IMAGES[0].mean((0, 1)) - np.asarray(WANTED)) ** 2)
    rough, size = np.mean((image[1:] - image[:-1]) ** 2), np.mean(codes**2) + np.mean(alpha**2)
    assert result.terms["own"][0] == pytest.approx(brightness + 0.1 * rough + 1e-3 * size, rel=1e-4)


def test_a_term_serves_in_later_stages_as_a_goal_and_beside_other_settings():
    goal = gp.SolverConfig(gp.Optimizer(), 6, patience=1, goal=("own", 1e3))
    second = gp.Recipe("second", gp.latents.MultiCode(2, 1), (OwnTerm(WANTED),), goal)
    result = invert(recipe(then=second))
    assert set(result.terms) == {"own"}
    assert (result.status == gp.Status.CONVERGED).all()
    changed = with_pixels(recipe((Pixel(), OwnTerm(WANTED))), PixelSettings("huber"))
    assert [term.name for term in changed.terms] == ["pixel_huber", "own"]


def test_a_run_is_continued_with_the_same_term_only(tmp_path):
    run(tmp_path, recipe((OwnTerm(WANTED),)))
    done = (tmp_path / "0.npz").stat().st_mtime_ns
    run(tmp_path, recipe((OwnTerm(jnp.array(WANTED)),)))
    assert (tmp_path / "0.npz").stat().st_mtime_ns == done
    for other in (OwnTerm(2 * WANTED), OwnTerm(WANTED, roughness=0.2), OwnTerm(WANTED, 3.0)):
        with pytest.raises(gp.ArgumentError, match=r"holds a run with another recipe\.terms\.0\.(wanted|rough|weight)"):
            run(tmp_path, recipe((other,)))
    later = recipe((OwnTerm(WANTED),), then=recipe((OwnTerm(WANTED),)))
    with pytest.raises(gp.ArgumentError, match=r"another recipe\.then"):
        run(tmp_path, later)


@pytest.mark.parametrize("form", ["factory", "transformation", "learning rate"])
def test_an_optimizer_updates_as_it_says(form):
    forms = {
        "factory": own_optimizer,
        "transformation": own_optimizer(4),
        "learning rate": gp.Optimizer(lambda rate: own_optimizer(4)),
    }
    result = invert(recipe(optimizer=forms[form], steps=4))
    first = invert(recipe(optimizer=forms[form], steps=1))
    moved = np.abs(result.variables["codes"] - first.variables["codes"])
    # Steps of 0.05, 0.05 and 0.025 each way; the best iterate is one of the first four.
    assert np.isin(np.round(moved / 0.025).astype(int), range(6)).all()
    np.testing.assert_allclose(moved, 0.025 * np.round(moved / 0.025), atol=1e-5)
    assert moved.max() > 0.02


def test_a_run_is_continued_with_the_same_optimizer_only(tmp_path):
    run(tmp_path, recipe(optimizer=own_optimizer))
    run(tmp_path, recipe(optimizer=own_optimizer))
    with pytest.raises(gp.ArgumentError, match=r"another recipe\.solver\.optimizer"):
        run(tmp_path, recipe(optimizer=lambda steps: own_optimizer(steps)))
    settings = json.loads((tmp_path / "run.json").read_text())["settings"]
    assert settings["recipe"]["solver"]["optimizer"] == "own.optimizer.own_optimizer"


def test_a_generator_is_stored_and_found_again(tmp_path):
    gp.save(PRIOR, tmp_path / "model")
    prior = gp.with_label(gp.load(tmp_path / "model"), 1)
    assert prior.module == PRIOR.module
    z = gp.sample_z(prior, KEY, 2)
    np.testing.assert_array_equal(gp.synthesize(prior, z), gp.synthesize(PRIOR, z))


def test_a_generator_restores_with_a_class_for_every_image():
    known = np.ones((16, 16, 1), np.float32)
    known[4:8] = 0.0
    chosen = gp.recipes.restoration("inpaint", PRIOR, num_codes=2, layer=1, num_steps=3, perceptual="auto")
    both = gp.tasks.inpaint(FREE, IMAGES, known, key=KEY, recipe=chosen, label=[1, 2])
    assert both.images.shape == IMAGES.shape
    held = gp.tasks.inpaint(gp.with_label(FREE, 2), IMAGES[1:], known, key=KEY, recipe=chosen, ids=[1])
    np.testing.assert_allclose(both.reconstruction[1], held.reconstruction[0], atol=1e-3)
    with pytest.raises(gp.ArgumentError, match=r"tiny own is conditional: give a label, a class from 0 to 2"):
        gp.tasks.inpaint(FREE, IMAGES, known, key=KEY, recipe=chosen)


def test_a_generator_has_paths_and_images_of_its_own():
    network = gp.perceptual.network.discriminator(random_prior("pggan", "dcgan").critic)
    found = gp.geometry.perceptual_path_length(FREE, network, KEY, space="z", num_samples=4, batch_size=4)
    assert found.mean > 0
    images = gp.metrics.attribution.draw_images(FREE, KEY, np.arange(3))
    np.testing.assert_array_equal(images[1:2], gp.metrics.attribution.draw_images(FREE, KEY, [1]))
    assert images.std(0).mean() > 1e-3


def test_a_parametrization_is_inverted_stored_read_and_morphed(tmp_path):
    outcome = run(tmp_path, own_sum(num_steps=6))
    assert [entry.row["status"] for entry in outcome.entries] == ["MAX_STEPS"] * 2
    points = gp.runs.read_points(FREE, str(tmp_path))
    assert [point.parametrization for point in points] == [OwnSum(3)] * 2
    assert common_parametrization(points) == OwnSum(3)
    keys = stack(points)
    assert keys["own_codes"].shape == (2, 3, 8)
    frames = render(FREE, morph_variables(FREE, keys, 3), OwnSum(3))
    ends = np.stack([gp.runs.read_record(tmp_path / f"{i}.npz").image for i in range(2)])
    np.testing.assert_allclose(frames[[0, -1]], ends, atol=1e-4)


def test_an_operator_has_an_array_for_every_image():
    gains = jnp.array([[1.0, 0.5, 0.0], [0.2, 1.0, -1.0]])
    operator = OwnOperator(gains)
    observed = np.asarray(jax.vmap(lambda op, image: op(image))(operator, jnp.asarray(IMAGES)))
    assert observed.shape == (2, 16, 8, 3)
    restored = gp.tasks.restore(PRIOR, observed, operator, recipe(steps=30), key=KEY)
    alone = gp.tasks.restore(PRIOR, observed[1:], OwnOperator(gains[1:]), recipe(steps=30), key=KEY, ids=[1])
    np.testing.assert_allclose(restored.images[1], alone.images[0], atol=1e-3)
    assert (restored.result.history["loss"][..., -1] < restored.result.history["loss"][..., 0]).all()
    composed = gp.operators.compose(gp.operators.stack([OwnOperator(g) for g in gains]), gp.operators.Identity())
    assert gp.invert(PRIOR, observed, recipe(steps=2), key=KEY, operator=composed).images.shape == IMAGES.shape
    with pytest.raises(gp.ArgumentError, match="every leaf needs a leading axis of images"):
        gp.invert(PRIOR, observed, recipe(), key=KEY, operator=OwnOperator(gains[0]))


def gprior(*words):
    """The program in a process of its own, where the files have not been imported yet."""
    command = [sys.executable, "-m", "gprior_jax.cli.main"]
    for name in ("generator", "parametrization", "command"):
        command += ["--plugin", str(HERE / f"{name}.py")]
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": os.environ["GPRIOR_TESTS_XLA"]}
    done = subprocess.run([*command, *map(str, words)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_command_line_takes_all_of_them(tmp_path):
    gp.save(PRIOR, tmp_path / "model")
    gp.save_image(tmp_path / "a.png", IMAGES[0])
    assert "own layers" in gprior("--help")
    assert "own_sum: a sum of codes" in " ".join(gprior("invert", "--help").split()).replace("│ ", "")
    words = ("--model", tmp_path / "model", "--label", 1)
    assert json.loads(gprior("own", "layers", *words, "--json")) == {"layers": 3}
    out = tmp_path / "out"
    gprior("invert", tmp_path / "a.png", *words, "--method", "own_sum", "--steps", 3, "--out", out)
    assert json.loads((out / "run.json").read_text())["settings"]["recipe"]["parametrization"]["kind"] == "OwnSum"
    assert OutputFolder(out, json.loads((out / "run.json").read_text())["settings"])
