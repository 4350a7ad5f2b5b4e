"""Several edits of one point: each is what its command does, in the order that is said."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import PARAMETRIZATIONS, STYLE_PARAMETRIZATIONS, normal, random_prior

from gprior_jax import editing
from gprior_jax.editing import Direction, Point, Slider
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.styles import mean_styles, truncate
from gprior_jax.generators.synthesis import map_latents
from gprior_jax.latents import MultiCode, W, WPlus, Z

STYLED, PLAIN = random_prior("stylegan2_plain"), random_prior("pggan")
UP, SIDE = (Direction(normal(seed, 5), "w", name=str(seed), deviation=0.5) for seed in (1, 2))
OF_Z = Direction(normal(3, 8), "z", name="of z", deviation=2.0)
FREE = MultiCode(3, 2, later_styles="free", space="w")


def started(prior, kind, seed=0):
    return Point(f"{seed}.npz", jax.tree.map(np.asarray, dict(kind.init(prior, jax.random.key(seed)))), kind)


def image(prior, point):
    return editing.render(prior, {n: v[None] for n, v in point.variables.items()}, point.parametrization)[0]


def styles_of(prior, point):
    return editing.codes(prior, [point], "w")["w_plus"][0]


def test_without_edits_a_point_stays_as_it_is():
    point = started(STYLED, W())
    assert editing.combined(STYLED, point) is point
    assert editing.combined(STYLED, point, [Slider(UP, 0.0)]) is point


@pytest.mark.parametrize("name", ["w", "w_plus", "free_noise", "codes"])
def test_sliders_add_up_as_directions_of_one_edit(name):
    kind = {"w": W(), "w_plus": WPlus(), "free_noise": WPlus(noise="free"), "codes": MultiCode(3, 2)}[name].fit(STYLED)
    point = started(STYLED, kind)
    step = editing.step_for(STYLED, [UP, SIDE], weights=[2.0, -1.0])
    target = editing.movable(STYLED, point, "w")
    wanted = editing.render(STYLED, editing.moved(STYLED, target, [1.0], step), target.parametrization)[0]
    found = editing.combined(STYLED, point, [Slider(UP, 2.0), Slider(SIDE, -1.0)])
    np.testing.assert_allclose(image(STYLED, found), wanted, rtol=1e-4, atol=1e-5)


def test_each_slider_has_layers_of_its_own():
    point = started(STYLED, WPlus())
    found = editing.combined(STYLED, point, [Slider(UP, 1.0, (0, 1)), Slider(SIDE, 2.0, (2,))])
    moved = found.variables["w_plus"] - point.variables["w_plus"]
    wanted = np.zeros_like(moved)
    wanted[:2], wanted[2] = 0.5 * UP.vector, 2.0 * 0.5 * SIDE.vector
    np.testing.assert_allclose(moved, wanted, rtol=1e-5, atol=1e-6)


def test_z_moves_first_and_is_mapped_then():
    point = started(STYLED, Z())
    z = point.variables["z"]
    direction = Direction(np.eye(len(z))[0], "z", deviation=2.0)
    found = editing.combined(STYLED, point, [Slider(UP, 1.0), Slider(direction, 0.5)])
    wanted = map_latents(STYLED, z + 0.5 * 2.0 * direction.vector) + 0.5 * UP.vector
    np.testing.assert_allclose(styles_of(STYLED, found), wanted, rtol=1e-5, atol=1e-6)


def test_all_edits_in_their_order():
    points = [Point(str(seed), {"w_plus": normal(seed, STYLED.num_styles, 5)}) for seed in range(3)]
    own, other, donor = (point.variables["w_plus"] for point in points)
    found = editing.combined(
        STYLED, points[0], [Slider(UP, 2.0)], towards=(points[1], 0.25), styles=(points[2], "2-"), psi=0.5
    )
    styles = 0.75 * own + 0.25 * other
    styles[2:] = donor[2:]
    styles = truncate(STYLED, jnp.asarray(styles + UP.vector), 0.5)
    np.testing.assert_allclose(found.variables["w_plus"], styles, rtol=1e-5, atol=1e-6)


def test_two_inversions_of_one_kind_go_by_all_that_they_consist_of():
    points = [started(PLAIN, PARAMETRIZATIONS["codes"].fit(PLAIN), seed) for seed in (0, 1)]
    found = editing.between(PLAIN, points[0], points[1], 0.4)
    path = editing.morph_variables(PLAIN, editing.stack(points), 5)
    assert found.parametrization == points[0].parametrization
    for name, values in path.items():
        np.testing.assert_allclose(found.variables[name], values[2], rtol=1e-5, atol=1e-6)


def test_a_way_between_codes_z_is_an_arc():
    points = [Point(str(seed), {"z": normal(seed, 8)}) for seed in (0, 1)]
    found = editing.between(PLAIN, points[0], points[1], 0.25).variables["z"]
    path = editing.morph_variables(PLAIN, editing.stack(points), 4)["z"]
    np.testing.assert_allclose(found, path[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [W(), WPlus(noise="free"), STYLE_PARAMETRIZATIONS["features"], FREE], ids=str)
def test_psi_moves_all_styles_towards_their_mean(kind):
    point = started(STYLED, kind.fit(STYLED))
    found = editing.combined(STYLED, point, psi=0.3)
    name = "w_plus" if "w_plus" in found.variables else "codes"
    mean = np.asarray(mean_styles(STYLED))
    before = point.variables["codes"] if name == "codes" else styles_of(STYLED, point)
    middle = mean[0] if name == "codes" else mean
    np.testing.assert_allclose(found.variables[name], middle + 0.3 * (before - middle), rtol=1e-5, atol=1e-6)
    if "styles" in point.variables:
        later = mean[2:]
        wanted = later + 0.3 * (point.variables["styles"] - later)
        np.testing.assert_allclose(found.variables["styles"], wanted, rtol=1e-5, atol=1e-6)
    for other in found.variables.keys() - {name, "styles"}:
        np.testing.assert_array_equal(found.variables[other], point.variables[other])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"psi": 0.5}, "no styles"),
        ({"psi": float("nan")}, "finite"),
        ({"styles": (Point("b", {"z": normal(1, 8)}), "0-")}, "no styles"),
        ({"sliders": [Slider(UP, 1.0)]}, "no styles"),
        ({"sliders": [Slider(OF_Z, float("inf"))]}, "finite"),
        ({"towards": (Point("b", {"z": normal(1, 8)}), float("nan"))}, "finite"),
    ],
)
def test_what_a_prior_without_styles_cannot_do(given, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        editing.combined(PLAIN, Point("a", {"z": normal(0, 8)}), **given)
