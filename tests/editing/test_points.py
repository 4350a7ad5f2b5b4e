"""Points of several spaces: their codes in a common one, and what a path through inversions renders."""

import dataclasses

import jax
import numpy as np
import pytest
from batteries import normal, random_params, random_prior

from gprior_jax import editing
from gprior_jax.editing import Point
from gprior_jax.generators.dcgan import DCGAN, example_layers
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.prior import LatentDistribution, Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.generators.synthesis import map_latents, synthesize
from gprior_jax.latents import DeepImagePrior, MultiCode, Sphere, WPlus, Z

STACK = DCGAN(example_layers(width=4, resolution=8), z_dim=8)
PLAIN, STYLED = Prior(random_params(STACK, 0), STACK, name="tiny dcgan"), random_prior("stylegan2_plain")
MODULE = StyleGAN2((6, 4), 8, 5, mapping_layers=2, num_classes=3, architecture="plain")
CONDITIONAL = Prior(random_params(MODULE, 0), MODULE, name="tiny conditional")
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
SPHERE = Sphere(num_noise=2, zero_noise=(2,), statistics_samples=100)
CODES, FREE_STYLES = MultiCode(2, 1, average=True), MultiCode(2, 2, later_styles="free")


def started(prior, parametrization, seed):
    """A point of a parametrisation: numbers of the shapes of its variables."""
    shapes = jax.eval_shape(parametrization.init, prior, jax.random.key(0))
    variables = {name: normal(seed + i, *leaf.shape) for i, (name, leaf) in enumerate(shapes.items())}
    return Point(f"{seed}.npz", variables, parametrization)


def test_styles_of_every_space():
    z, w, w_plus = normal(0, 8), normal(1, 5), normal(2, 4, 5)
    points = [Point("z", {"z": z}), Point("w", {"w": w}), Point("w_plus", {"w_plus": w_plus})]
    found = editing.codes(STYLED, points)["w_plus"]
    np.testing.assert_allclose(found[0], map_latents(STYLED, z), **CLOSE)
    np.testing.assert_array_equal(found[1], np.broadcast_to(w, (4, 5)))
    np.testing.assert_array_equal(found[2], w_plus)


def test_truncation_leaves_inversions_as_they_are():
    z = normal(3, 8)
    drawn, inverted = editing.codes(STYLED, [Point("a", {"z": z}), Point("b", {"z": z}, Z())], truncation_psi=0.5)[
        "w_plus"
    ]
    np.testing.assert_allclose(drawn, map_latents(STYLED, z, truncation_psi=0.5), **CLOSE)
    np.testing.assert_allclose(inverted, map_latents(STYLED, z), **CLOSE)


def test_styles_of_a_sphere():
    point = started(STYLED, SPHERE, 0)
    np.testing.assert_allclose(editing.codes(STYLED, [point])["w_plus"][0], SPHERE.styles(STYLED, point.variables))


@pytest.mark.parametrize(
    ("prior", "point", "space", "told"),
    [
        (STYLED, Point("a", {"w": normal(0, 5)}), "z", "a holds styles, from which no way leads back to z"),
        (PLAIN, Point("a", {"w_plus": normal(0, 4, 5)}), None, "a holds styles, from which no way leads back to z"),
        (PLAIN, started(PLAIN, CODES, 0), None, "0.npz holds the variables of MultiCode"),
        (STYLED, started(STYLED, MultiCode(2, 2), 0), "w", r"no single code: invert with one \(method z"),
        (PLAIN, Point("a", {"z": normal(0, 8)}), "w", "no styles"),
        (
            STYLED,
            Point("a", {"w_plus": normal(0, 3, 5)}),
            "w",
            r"w_plus of shape \(3, 5\): give that of one image, \(4, 5\)\.$",
        ),
    ],
)
def test_points_without_such_a_code(prior, point, space, told):
    with pytest.raises(ValueError, match=told):
        editing.codes(prior, [point], space)


def test_common_parametrization():
    a, b = (started(PLAIN, MultiCode(2, 1), seed) for seed in (0, 1))
    assert editing.common_parametrization([a, b]) == MultiCode(2, 1)
    assert editing.common_parametrization([a, b._replace(parametrization=MultiCode(3, 1))]) is None
    assert editing.common_parametrization([a, Point("z", {"z": normal(0, 8)})]) is None
    assert editing.common_parametrization([started(PLAIN, Z(), 0)]) is None


@pytest.mark.parametrize(
    ("prior", "parametrization"),
    [(PLAIN, CODES), (PLAIN, DeepImagePrior())]
    + [(STYLED, kind) for kind in (WPlus(noise="free"), SPHERE, FREE_STYLES)],
    ids=lambda x: type(x).__name__ if not isinstance(x, Prior) else "",
)
def test_paths_through_inversions_of_any_kind(prior, parametrization):
    points = [started(prior, parametrization, seed) for seed in (0, 1)]
    path = editing.morph_variables(prior, editing.stack(points), 2)
    images = editing.render(prior, path, parametrization, batch_size=2)
    assert images.shape == (3, *prior.image_shape)
    first, last = (point.variables for point in points)
    middle = jax.tree.map(lambda a, b: (a + b) / 2, first, last)
    for place, wanted in ((0, (first, middle)), (1, (middle, last))):
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *wanted)
        again = editing.render(prior, stacked, parametrization, batch_size=2)
        np.testing.assert_allclose(images[place : place + 2], again, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("prior", "parametrization"), [(PLAIN, CODES), (STYLED, SPHERE)], ids=["codes", "sphere"])
def test_inversions_are_rendered_by_their_parametrization(prior, parametrization):
    points = [started(prior, parametrization, seed) for seed in (0, 1)]
    images = editing.render(prior, editing.stack(points), parametrization, batch_size=2)
    drawn = jax.jit(parametrization.render)
    expected = np.stack([drawn(prior, point.variables) for point in points])
    np.testing.assert_allclose(images, expected, rtol=1e-3, atol=1e-4)


def test_arcs_for_normal_codes_and_lines_for_uniform_ones():
    keys = {"z": normal(4, 2, 8)}
    uniform = dataclasses.replace(PLAIN, latent=LatentDistribution("uniform"))
    np.testing.assert_allclose(editing.morph_variables(uniform, keys, 2)["z"][1], keys["z"].mean(0), atol=1e-6)
    lengths = np.linalg.norm(editing.morph_variables(PLAIN, keys, 2)["z"], axis=-1)
    assert lengths[1] == pytest.approx((lengths[0] + lengths[2]) / 2, rel=1e-5)


def test_paths_between_classes():
    keys = {"z": normal(5, 2, 8), "label": np.eye(3, dtype=np.float32)[[0, 2]]}
    path = editing.morph_variables(CONDITIONAL, keys, 2)
    np.testing.assert_allclose(path["label"][1], [0.5, 0.0, 0.5])
    images = editing.render(CONDITIONAL, path, truncation_psi=0.7, batch_size=1)
    expected = synthesize(CONDITIONAL, keys["z"][1:], label=[2], truncation_psi=0.7)
    np.testing.assert_allclose(images[2:], expected, rtol=1e-4, atol=1e-4)


def test_inversions_of_a_class():
    held = with_label(CONDITIONAL, 2)
    points = [started(held, MultiCode(2, 2), seed) for seed in (0, 1)]
    named = [p._replace(variables=p.variables | {"label": np.float32([0, 0, 1])}) for p in points]
    images = editing.render(CONDITIONAL, editing.stack(named), MultiCode(2, 2))
    np.testing.assert_allclose(images, editing.render(held, editing.stack(points), MultiCode(2, 2)), **CLOSE)


def test_one_compilation_serves_all_batches():
    z = normal(6, 7, 8)
    images = editing.render(PLAIN, {"z": z}, batch_size=3)
    for rows in (slice(0, 3), slice(3, 6), slice(4, 7)):
        np.testing.assert_allclose(images[rows], synthesize(PLAIN, z[rows]), atol=1e-5)
    compiled = []

    def listener(event, duration, **details):
        if "backend_compile" in event:
            compiled.append(details)

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        editing.render(PLAIN, {"z": z[:4]}, batch_size=3)
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
    assert not compiled
