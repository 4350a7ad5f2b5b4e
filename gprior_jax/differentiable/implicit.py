"""Derivatives of what an inversion finds, by the implicit function theorem: whatever found it.

The variables may be of any parametrisation and in any coordinates. Those that are held to a surface, such as PULSE's
spheres, move along it.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gprior_jax.differentiable.inversion import Found, Inversion, found, measured
from gprior_jax.differentiable.optimum import Curvature, at_minimum, products, solve
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion import solver
from gprior_jax.inversion.problem import Measurement, Problem, held
from gprior_jax.latents import Variables
from gprior_jax.objectives import Perceptual, Pixel
from gprior_jax.operators import Forward, Identity
from gprior_jax.typing import Array, PyTree


def implicit(
    inversion: Inversion,
    observed: Array,
    variables: Variables,
    operator: Forward = Identity(),
    *,
    label: Array | None = None,
    curvature: Curvature = Curvature(),
) -> Found:
    """Search for one image by the recipe, and differentiate at the end: in the measurement, the operator, the weights.

    Its derivative in the start is 0. It is as good as the search has converged: see :func:`decrement` and
    :func:`refined`. Convolutions in loops are slow on XLA:CPU; there, :func:`gprior_jax.invert` and :func:`attached`
    are faster.

    Args:
        inversion: see :func:`gprior_jax.differentiable.inversion`.
        observed: ``[h, w, C]`` in [-1, 1].
        variables: to begin with, see :func:`gprior_jax.differentiable.start`.
        operator: through which it was observed.
        label: ``[num_classes]``, this image's class.
        curvature: how the linear system is solved.

    Raises:
        ValueError: a term of absolute differences, which has no curvature.

    >>> import gprior_jax as gp
    >>> from gprior_jax.generators.dcgan import DCGAN
    >>> from gprior_jax.nn.stack import StackLayer
    >>> module = DCGAN((StackLayer("dense", 1, size=4),), z_dim=2)  # Linear: 16 pixels of two numbers.
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(2), method="init_all")["params"], module)
    >>> recipe = gp.recipes.latent("z", num_steps=20, perceptual=None)
    >>> made = gp.differentiable.inversion(prior, recipe)
    >>> observed, begun = jnp.linspace(-1, 1, 16).reshape(4, 4, 1), gp.differentiable.start(made, jax.random.key(1))
    >>> change = jax.jacobian(lambda y: gp.differentiable.implicit(made, y, begun).image)(observed)
    >>> round(float(jnp.trace(change.reshape(16, 16))), 2)  # The image follows the pixels in two dimensions.
    2.0
    """
    check_curvature(inversion.problem)  # Before the search.
    optimised, measurement = measured(inversion, observed, jax.lax.stop_gradient(variables), operator, label)
    problem, given, begun = jax.lax.stop_gradient((inversion.problem, measurement, optimised))
    config = inversion.solver
    state = solver.starting_at(problem, config, begun)
    # The best iterate that was evaluated, as of `invert`; where the last update leads is not.
    state = jax.lax.fori_loop(0, config.num_steps, lambda _, s: solver.step(problem, config, s, given)[0], state)
    return _attached(inversion.problem, state.best_variables, measurement, curvature)


def attached(
    inversion: Inversion,
    variables: Variables,
    observed: Array,
    operator: Forward = Identity(),
    *,
    label: Array | None = None,
    curvature: Curvature = Curvature(),
) -> Found:
    """What was found for one image by whatever there is, differentiable in what it was found for.

    Args:
        inversion: see :func:`gprior_jax.differentiable.inversion`.
        variables: that were found, such as those of one image of a :class:`gprior_jax.Result`.
        observed: see :func:`implicit`, likewise the rest.
        operator: likewise.
        label: likewise.
        curvature: likewise.

    Raises:
        ValueError: a term of absolute differences, which has no curvature.

    >>> import gprior_jax as gp
    >>> from gprior_jax.generators.dcgan import DCGAN
    >>> from gprior_jax.nn.stack import StackLayer
    >>> module = DCGAN((StackLayer("dense", 1, size=4),), z_dim=2)  # Linear: 16 pixels of two numbers.
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(2), method="init_all")["params"], module)
    >>> recipe = gp.recipes.latent("z", num_steps=20, perceptual=None)
    >>> made, observed = gp.differentiable.inversion(prior, recipe), jnp.linspace(-1, 1, 16).reshape(4, 4, 1)
    >>> result = gp.invert(prior, observed[None], recipe, key=jax.random.key(1))
    >>> found = {name: value[0] for name, value in result.variables.items()}
    >>> change = jax.jacobian(lambda y: gp.differentiable.attached(made, found, y).image)(observed)
    >>> round(float(jnp.trace(change.reshape(16, 16))), 2)  # The image follows the pixels in two dimensions.
    2.0
    """
    optimised, measurement = measured(inversion, observed, jax.lax.stop_gradient(variables), operator, label)
    return _attached(inversion.problem, optimised, measurement, curvature)


def _attached(problem: Problem, optimised: Variables, measurement: Measurement, curvature: Curvature) -> Found:
    theta = _theta(problem, optimised, measurement)
    free = at_minimum(_outputs, _loss, solver.free_of(optimised), theta, curvature)
    return found(problem, _along(problem, free, theta.fixed) | theta.fixed, measurement)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class _Theta:
    """What a minimum depends on."""

    problem: Problem
    measurement: Measurement
    fixed: Variables


def _theta(problem: Problem, optimised: Variables, measurement: Measurement) -> _Theta:
    check_curvature(problem)  # Of all that ask for products with it.
    free = solver.free_of(optimised)
    return _Theta(problem, measurement, {name: x for name, x in optimised.items() if name not in free})


def _along(problem: Problem, free: Variables, fixed: Variables) -> Variables:
    """Admissible variables as they are, that move along the admissible ones."""
    projected = problem.coordinates.project(problem.parametrization, free | fixed)
    # The place is the old one to the last digit, and the derivative that of the projection.
    return {name: projected[name] + jax.lax.stop_gradient(x - projected[name]) for name, x in free.items()}


def _outputs(free: Variables, theta: _Theta) -> tuple[tuple[PyTree, ...], Variables]:
    """What every term compares, such as features, and the variables that penalties look at."""
    problem, measurement = theta.problem, theta.measurement
    optimised = _along(problem, free, theta.fixed) | theta.fixed
    prior, coordinates = held(problem, measurement.label), problem.coordinates
    image = coordinates.render(problem.parametrization, prior, optimised, measurement.constants)
    variables, image = coordinates.end(optimised, measurement.constants), image.astype(jnp.float32)
    return problem.objective.seen(image, measurement.operator(image), measurement.targets, variables), variables


def _loss(outputs: tuple[tuple[PyTree, ...], Variables], theta: _Theta) -> Array:
    seen, variables = outputs
    problem, measurement = theta.problem, theta.measurement
    penalties = problem.parametrization.penalty(held(problem, measurement.label), variables)
    return problem.objective.compared(seen, measurement.targets, penalties)[0]


def check_curvature(problem: Problem) -> None:
    """Raise ``ValueError`` for terms of absolute differences, whose second derivative is 0 wherever there is one."""
    for term in problem.objective.terms:
        if isinstance(term, Pixel | Perceptual) and term.kind == "l1":
            raise ArgumentError(
                f"the term {term.name} is of absolute differences, which have no curvature: give kind='huber' or "
                "'mse', see gprior_jax.differentiable.smooth."
            )


def decrement(
    inversion: Inversion,
    variables: Variables,
    observed: Array,
    operator: Forward = Identity(),
    *,
    label: Array | None = None,
    curvature: Curvature = Curvature(),
) -> Array:
    """How far from a minimum variables are: the part of the loss that one more step of Newton would take off.

    The squared Newton decrement over twice the loss (Boyd and Vandenberghe 2004, Convex Optimization, section 9.5), a
    scalar from 0 up. Arguments are those of :func:`attached`.

    Raises:
        ValueError: a term of absolute differences, which has no curvature.

    >>> import gprior_jax as gp
    >>> from gprior_jax.generators.dcgan import DCGAN
    >>> from gprior_jax.nn.stack import StackLayer
    >>> module = DCGAN((StackLayer("dense", 1, size=4),), z_dim=2)  # Linear: 16 pixels of two numbers.
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(2), method="init_all")["params"], module)
    >>> made = gp.differentiable.inversion(prior, gp.recipes.latent("z", perceptual=None))
    >>> begun, observed = {"z": jnp.ones(2)}, gp.synthesize(prior, jnp.zeros(2))
    >>> round(float(gp.differentiable.decrement(made, begun, observed)), 3)  # One step would do.
    0.999
    """
    optimised, measurement = measured(inversion, observed, variables, operator, label)
    theta, free = _theta(inversion.problem, optimised, measurement), solver.free_of(optimised)
    loss, gradient, step = _newton(free, theta, curvature)
    return jnp.asarray(0.5 * optax.tree.vdot(gradient, step) / loss)


def refined(
    inversion: Inversion,
    variables: Variables,
    observed: Array,
    operator: Forward = Identity(),
    *,
    label: Array | None = None,
    curvature: Curvature = Curvature(),
    steps: int = 5,
) -> Variables:
    """Variables moved closer to the minimum, by steps of Levenberg and Marquardt with the products of the curvature.

    A step that raises the loss is taken back, and its damping raised; one that lowers it lowers the damping too. None
    of it is differentiated: give what comes of it to :func:`attached`.

    Args:
        inversion: see :func:`attached`, likewise the others.
        variables: likewise.
        observed: likewise.
        operator: likewise.
        label: likewise.
        curvature: its damping is that of the first step.
        steps: how many.

    Returns:
        variables of no larger loss than those that were given, but for rounding.

    Raises:
        ValueError: a term of absolute differences, which has no curvature.

    >>> import gprior_jax as gp
    >>> from gprior_jax.generators.dcgan import DCGAN
    >>> from gprior_jax.nn.stack import StackLayer
    >>> module = DCGAN((StackLayer("dense", 1, size=4),), z_dim=2)  # Linear: 16 pixels of two numbers.
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(2), method="init_all")["params"], module)
    >>> made = gp.differentiable.inversion(prior, gp.recipes.latent("z", perceptual=None))
    >>> observed = gp.synthesize(prior, jnp.array([0.5, -0.25]))
    >>> gp.differentiable.refined(made, {"z": jnp.ones(2)}, observed)["z"].round(3).tolist()
    [0.5, -0.25]
    """
    optimised, measurement = jax.lax.stop_gradient(measured(inversion, observed, variables, operator, label))
    problem = jax.lax.stop_gradient(inversion.problem)
    theta = _theta(problem, optimised, measurement)

    def step(_: Any, carry: tuple[Variables, Array]) -> tuple[Variables, Array]:
        free, factor = carry
        loss, _, move = _newton(free, theta, curvature, factor)
        moved = {name: x - move[name] for name, x in free.items()}
        projected = problem.coordinates.project(problem.parametrization, moved | theta.fixed)
        moved = {name: projected[name] for name in free}
        # Near the minimum losses differ by their rounding, and steps still lead there.
        better = _loss(_outputs(moved, theta), theta) <= loss + ROUNDING * jnp.abs(loss)
        return solver.select(better, moved, free), jnp.where(
            better, jnp.maximum(factor / LOWER, LEAST), factor * HIGHER
        )

    begun = solver.free_of(optimised), jnp.float32(1.0)
    free, _ = jax.lax.fori_loop(0, steps, step, begun)
    return problem.coordinates.end(free | theta.fixed, measurement.constants)


ROUNDING = 1e-6
"""Part of a loss by which float32 sums of it differ."""

LOWER, HIGHER = 3.0, 4.0
"""What the damping is divided by after a step that went down, and multiplied with after one that did not."""

LEAST = 1e-2
"""No damping is a smaller part of the first one: float32 steps would be noise along what the loss does not see."""


def _newton(
    free: Variables, theta: _Theta, curvature: Curvature, factor: Array | float = 1.0
) -> tuple[Array, PyTree, PyTree]:
    """Loss, gradient and the step of Newton that goes up; the damping is ``factor`` times that of the curvature."""
    loss, gradient = jax.value_and_grad(lambda x: _loss(_outputs(x, theta), theta))(free)
    product = products(_outputs, _loss, curvature, free, theta, factor)
    return loss, gradient, solve(curvature, product, gradient)
