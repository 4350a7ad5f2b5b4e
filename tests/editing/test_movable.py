"""What of points moves, of every parametrisation: the rest stays, and is rendered with it."""

import dataclasses

import jax
import numpy as np
import pytest
from batteries import PARAMETRIZATIONS, STYLE_PARAMETRIZATIONS, normal, random_prior

from gprior_jax import editing
from gprior_jax.editing import Direction, Point
from gprior_jax.generators.synthesis import map_latents, synthesize
from gprior_jax.latents import MultiCode, WPlus

STYLED, PLAIN = random_prior("stylegan2_plain"), random_prior("pggan")
PER_LAYER = random_prior("stylegan_w_per_layer")
FREE = MultiCode(3, 2, later_styles="free")
KINDS = {**STYLE_PARAMETRIZATIONS, "z": PARAMETRIZATIONS["z"], "codes": PARAMETRIZATIONS["codes"]}
KINDS["codes_free_styles"] = FREE  # The prior has three layers.
CLOSE = {"rtol": 1e-3, "atol": 1e-4}
W_STEP = editing.step_for(STYLED, [Direction(normal(1, 5), "w")], deviations=False)
Z_STEP = editing.step_for(PLAIN, [Direction(normal(2, 8), "z")], deviations=False)


def started(prior, kind, seed=0):
    """A point as an inversion begins: what is fixed beside its variables belongs to it."""
    variables = jax.tree.map(np.asarray, kind.init(prior, jax.random.key(seed)))
    return Point(f"{seed}.npz", variables, kind)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "tuning"])
def test_strength_0_leaves_what_was_found(name):
    point = started(STYLED, KINDS[name].fit(STYLED))
    target = editing.movable(STYLED, point, "w")
    moved = editing.moved(STYLED, target, [0.0, 1.0], W_STEP)
    images = editing.render(STYLED, moved, target.parametrization)
    (own,) = editing.render(STYLED, {n: v[None] for n, v in point.variables.items()}, point.parametrization)
    np.testing.assert_allclose(images[0], own, **CLOSE)
    assert np.abs(images[1] - own).max() > 1e-2


def test_only_the_code_moves():
    point = started(STYLED, WPlus(noise="free"))
    target = editing.movable(STYLED, point, "w")
    moved = editing.moved(STYLED, target, [-1.0, 2.0], W_STEP)
    np.testing.assert_allclose(moved["w_plus"][1], point.variables["w_plus"] + 2.0 * W_STEP.vector, rtol=1e-5)
    np.testing.assert_array_equal(moved["noise_0"][1], point.variables["noise_0"])


@pytest.mark.parametrize("absolute", [False, True])
def test_a_tuned_image_moves_from_its_pivot(absolute):
    point = Point("a.npz", {"_w_plus": normal(3, 4, 5)}, STYLE_PARAMETRIZATIONS["tuning"])
    target = editing.movable(STYLED, point, "w")
    assert target.parametrization is None
    moved = editing.moved(STYLED, target, [1.0], W_STEP, absolute=absolute)["w_plus"][0]
    wanted = editing.move(normal(3, 4, 5), W_STEP.vector, 1.0, absolute=absolute)
    np.testing.assert_allclose(moved, wanted, rtol=1e-5, atol=1e-5)


def test_every_code_moves_and_alpha_stays():
    kind = MultiCode(3, 2, average=True)
    point = started(PLAIN, kind)
    target = editing.movable(PLAIN, point, "z")
    moved = editing.moved(PLAIN, target, [1.5], Z_STEP)
    np.testing.assert_allclose(moved["codes"][0], point.variables["codes"] + 1.5 * Z_STEP.vector, rtol=1e-5)
    np.testing.assert_array_equal(moved["alpha"][0], point.variables["alpha"])
    assert target.parametrization == kind
    assert not target.single


def test_free_later_styles_move_along():
    target = editing.movable(STYLED, started(STYLED, FREE), "w")
    moved = editing.moved(STYLED, target, [2.0], W_STEP)
    for name in ("codes", "styles"):
        step = np.broadcast_to(2.0 * W_STEP.vector[0], moved[name][0].shape)
        np.testing.assert_allclose(moved[name][0] - target.variables[name], step, rtol=1e-4, atol=1e-5)


def test_plain_codes():
    z = normal(4, 8)
    target = editing.movable(STYLED, Point("a", {"z": z}), "w", truncation_psi=0.5)
    np.testing.assert_allclose(target.variables["w_plus"], map_latents(STYLED, z, truncation_psi=0.5), rtol=1e-4)
    assert target.single
    assert not editing.movable(STYLED, Point("a", {"w_plus": normal(5, 4, 5)}), "w").single
    own = editing.movable(PLAIN, Point("a", {"z": z}), "z")
    moved = editing.moved(PLAIN, own, [1.0], Z_STEP)
    image = editing.render(PLAIN, moved, own.parametrization)
    np.testing.assert_allclose(image[0], synthesize(PLAIN, z + Z_STEP.vector), **CLOSE)


def several(**more):
    return started(STYLED, dataclasses.replace(STYLE_PARAMETRIZATIONS["codes_w"], **more))


@pytest.mark.parametrize(
    ("prior", "point", "space", "told"),
    [
        (STYLED, Point("a", {"w": normal(0, 5)}), "z", "a holds no code z"),
        (STYLED, several(), "z", "holds codes w, from which no way leads back to z"),
        (PLAIN, Point("a", {"z": normal(0, 8)}), "w", "no styles"),
        (PER_LAYER, started(PER_LAYER, MultiCode(2, 2)), "w", "a w of its own for every layer: use a direction of z"),
        (PLAIN, started(PLAIN, PARAMETRIZATIONS["deep_image_prior"]), "z", "holds no code z"),
    ],
)
def test_points_that_cannot_be_moved(prior, point, space, told):
    with pytest.raises(ValueError, match=told):
        editing.movable(prior, point, space)


def test_codes_w_move_in_all_layers_alike():
    step = editing.step_for(STYLED, [Direction(normal(1, 5), "w", layers=(0,))], deviations=False)
    with pytest.raises(ValueError, match="move all layers alike"):
        editing.moved(STYLED, editing.movable(STYLED, several(), "w"), [1.0], step)
