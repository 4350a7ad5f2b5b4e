"""Implicit derivatives against finite differences of minima that were found anew, and against unrolled steps."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from batteries import random_prior

import gprior_jax as gp
from differentiable.problems import EXACT, SIGMA, WEIGHT, blur, normal, smooth_problem, solved
from gprior_jax import differentiable
from gprior_jax.compiling import jit
from gprior_jax.differentiable import Curvature
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.latents import ChannelWeights, MultiCode, Sphere, WPlus
from gprior_jax.objectives import Pixel
from gprior_jax.operators import Mask, box_mask

PROBE, DIRECTION = normal(5), normal(6)


@partial(jit, use="once", static_argnums=5)
def slopes(inversion, variables, observed, sigma, weight, curvature=EXACT):
    """Of a number made of the image: along a direction of the measurement, in the blur, in a weight."""

    def number(observed, sigma, weight):
        weighted = inversion.with_weights(own=weight)
        found = differentiable.attached(weighted, variables, observed, blur(sigma), curvature=curvature)
        return jnp.vdot(PROBE, found.image)

    by_pixel, by_sigma, by_weight = jax.grad(number, (0, 1, 2))(observed, sigma, weight)
    return jnp.stack([jnp.vdot(by_pixel, DIRECTION), by_sigma, by_weight])


@pytest.fixture(scope="module")
def exact():
    inversion, observed, found = smooth_problem()
    return np.asarray(slopes(inversion, found, observed, SIGMA, WEIGHT))


def test_against_finite_differences_of_minima(exact):
    inversion, observed, found = smooth_problem()
    render = jit(lambda v: differentiable.attached(inversion, v, observed).image, use="once")

    def number(observed, sigma, weight):
        return float(jnp.vdot(PROBE, render(solved(inversion, found, observed, sigma, weight))))

    def central(at, step):
        """Of fourth order: float32 wants wide steps."""
        (a, b), (c, d) = ((number(*at(-n * step)), number(*at(n * step))) for n in (1, 2))
        return (8 * (b - a) - (d - c)) / (12 * step)

    measured = [
        central(lambda e: (observed + e * DIRECTION, SIGMA, WEIGHT), 0.01),
        central(lambda e: (observed, SIGMA + e, WEIGHT), 0.05),
        central(lambda e: (observed, SIGMA, WEIGHT + e), 0.05),
    ]
    np.testing.assert_allclose(exact, measured, rtol=1e-2)


def test_against_unrolled_steps(exact):
    inversion, observed, found = smooth_problem()

    @partial(jit, use="once")
    def unrolled(inversion, found, observed):
        def number(observed, sigma, weight):
            weighted, optimizer = inversion.with_weights(own=weight), optax.sgd(2.0, momentum=0.9)
            options = {"optimizer": optimizer, "num_steps": 300, "chunk": None}
            return jnp.vdot(
                PROBE, differentiable.unrolled(weighted, observed, found, blur(sigma), **options).found.image
            )

        by_pixel, by_sigma, by_weight = jax.grad(number, (0, 1, 2))(observed, SIGMA, WEIGHT)
        return jnp.stack([jnp.vdot(by_pixel, DIRECTION), by_sigma, by_weight])

    np.testing.assert_allclose(exact, unrolled(inversion, found, observed), rtol=1e-2)


def test_forward_mode_says_the_same(exact):
    inversion, observed, found = smooth_problem()

    def number(sigma):
        seen = differentiable.attached(inversion, found, observed, blur(sigma), curvature=EXACT)
        return jnp.vdot(PROBE, seen.image)

    # Of two images at once.
    slopes = jit(jax.vmap(jax.jacfwd(number)), use="once")(jnp.full(2, SIGMA))
    np.testing.assert_allclose(slopes, exact[[1, 1]], rtol=1e-4)


def test_gauss_newton_is_exact_where_everything_is_explained():
    inversion, _, found = smooth_problem()
    inversion = inversion.with_weights(own=0.0)
    observed = blur(SIGMA)(differentiable.attached(inversion, found, normal(1)).image)
    kinds = EXACT, dataclasses.replace(EXACT, kind="gauss_newton")
    hessian, gauss_newton = (slopes(inversion, found, observed, SIGMA, 0.0, kind) for kind in kinds)
    np.testing.assert_allclose(gauss_newton[:2], hessian[:2], rtol=1e-2)


def test_implicit_searches_as_the_solver_does():
    inversion, observed, _ = smooth_problem()
    start = differentiable.start(inversion, jax.random.key(4))
    recipe = Recipe("t", inversion.problem.parametrization, inversion.problem.objective.terms, inversion.solver)
    result = gp.invert(
        random_prior("own"), observed[None], recipe, key=jax.random.key(0), init={k: v[None] for k, v in start.items()}
    )
    found = jit(lambda i, o, s: differentiable.implicit(i, o, s), use="once")(inversion, observed, start)
    np.testing.assert_allclose(found.loss, result.loss[0], rtol=1e-4)
    np.testing.assert_allclose(found.image, result.images[0], atol=1e-3)
    assert set(found.terms) == {"pixel_mse", "own"}


def test_decrement_tells_minima_from_other_points():
    inversion, observed, found = smooth_problem()
    decrement = jit(lambda v: differentiable.decrement(inversion, v, observed, blur(SIGMA)), use="once")
    away = {name: x + 0.1 for name, x in found.items()}
    assert 0 <= decrement(found) < 1e-4 < decrement(away)


EASY = Curvature(damping=0.1)
"""Well conditioned, so that the solves of both modes end by their tolerance."""

POINTS = {
    "w_plus": ("stylegan2_residual", WPlus(remat=True), {}),
    "codes": ("own", MultiCode(3, 2), {}),
    "channel_weights": ("own", MultiCode(3, 2), {"coordinates": ChannelWeights()}),
}


@pytest.mark.parametrize("name", POINTS)
def test_every_parametrisation(name):
    """The derivative is finite, not 0, and its action is the transpose of its adjoint's; any point will do for that."""
    generator, parametrization, more = POINTS[name]
    prior = random_prior(generator)
    recipe = Recipe(name, parametrization, (Pixel(),), gp.SolverConfig(optax.sgd(1e-3), 2), **more)
    inversion = differentiable.inversion(prior, recipe)
    mask = Mask(box_mask(prior.resolution, 3))
    shape = prior.image_shape
    observed, change, along = mask(normal(1, shape)), normal(2, shape), normal(3, shape)

    @partial(jit, use="once")
    def both(inversion, mask):
        start = differentiable.start(inversion, jax.random.key(0))

        def run(pixels):
            return differentiable.attached(inversion, start, pixels, mask, curvature=EASY).image

        _, moved = jax.jvp(run, (observed,), (change,))
        return moved, jax.vjp(run, observed)[1](along)[0]

    moved, back = both(inversion, mask)
    assert np.isfinite(moved).all()
    assert np.abs(moved).max() > 0
    np.testing.assert_allclose(jnp.vdot(moved, along), jnp.vdot(back, change), rtol=2e-2)
    assert np.abs(np.where(mask.known == 0, back, 0)).max() == 0  # What is hidden does not count.


def test_spheres_are_not_left():
    """The variables move along them."""
    prior = random_prior("stylegan2_residual")
    recipe = Recipe(
        "sphere", Sphere(num_noise=0, statistics_samples=100), (Pixel(),), gp.SolverConfig(optax.sgd(1.0), 2)
    )
    inversion = differentiable.inversion(prior, recipe)
    variables = differentiable.start(inversion, jax.random.key(0))

    def run(pixels):
        return differentiable.attached(inversion, variables, pixels).variables["latents"]

    latents, moved = jit(lambda p, d: jax.jvp(run, (p,), (d,)), use="once")(
        normal(1, prior.image_shape), normal(2, prior.image_shape)
    )
    cosines = jnp.sum(latents * moved, -1) / jnp.linalg.norm(latents, axis=-1) / jnp.linalg.norm(moved, axis=-1)
    assert np.abs(cosines).max() < 1e-3


def test_what_has_no_curvature_is_refused():
    prior = random_prior("own")
    recipe = gp.recipes.mganprior(2, 1, num_steps=1, perceptual=None)
    rough = dataclasses.replace(recipe, terms=(Pixel(kind="l1"),))
    inversion = differentiable.inversion(prior, rough)
    variables = differentiable.start(inversion, jax.random.key(0))
    with pytest.raises(ArgumentError, match=r"pixel_l1 is of absolute .*differentiable\.smooth"):
        differentiable.attached(inversion, variables, normal(0))
    smoothed = differentiable.smooth(dataclasses.replace(recipe, then=rough))
    assert [stage.terms[0].kind for stage in smoothed.stages] == ["mse", "huber"]
    with pytest.raises(ArgumentError, match="several stages"):
        differentiable.inversion(prior, smoothed)
    with pytest.raises(ArgumentError, match="restarts"):
        differentiable.inversion(prior, dataclasses.replace(recipe, restarts=2))
    with pytest.raises(ArgumentError, match="no term 'pixels': the objective has pixel_l1"):
        inversion.with_weights(pixels=1.0)


def test_a_class_has_to_be_given():
    prior = random_prior("own").replace(label=None)
    inversion = differentiable.inversion(prior, gp.recipes.latent("z", num_steps=1, perceptual=None))
    with pytest.raises(ArgumentError, match="is conditional: give a label"):
        differentiable.start(inversion, jax.random.key(0))
    variables = differentiable.start(inversion, jax.random.key(0), label=jnp.eye(3)[1])
    with pytest.raises(ArgumentError, match="is conditional: give a label"):
        differentiable.attached(inversion, variables, normal(0))


def test_a_search_for_targets_in_float64():
    """Images and losses are float32 whatever is asked; a search ends at the same minimum as in float32."""
    inversion, observed, _ = smooth_problem()
    with jax.enable_x64(True):
        start = {"z": jnp.zeros(8, jnp.float64)}
        run = jit(differentiable.implicit, use="once")
        found = run(inversion, jnp.asarray(observed, jnp.float64), start, blur(SIGMA))
        single = run(inversion, jnp.asarray(observed, jnp.float32), {"z": jnp.zeros(8, jnp.float32)}, blur(SIGMA))
        np.testing.assert_allclose(found.image, single.image, atol=1e-4)
        np.testing.assert_allclose(found.loss, single.loss, rtol=1e-4)
