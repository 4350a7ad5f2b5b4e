"""Derivatives through every step of a search: the loop is a scan whose steps are computed again on the way back."""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax

from gprior_jax.differentiable.inversion import Found, Inversion, found, measured
from gprior_jax.errors import ArgumentError
from gprior_jax.inversion.problem import Measurement, Problem, evaluate
from gprior_jax.inversion.solver import free_of, updates_of
from gprior_jax.latents import Variables
from gprior_jax.operators import Forward, Identity
from gprior_jax.typing import Array, PyTree

Rates = Array | dict[str, Array]
"""Factors on the updates of an optimiser, ``[T]`` for all variables, or by variable ``[T, ...]``, where what follows T
is broadcast against the variable."""


class Unrolled(NamedTuple):
    """What all steps of a search came to.

    Attributes:
        found: after the last update.
        losses: ``[T]``, before every update.
    """

    found: Found
    losses: Array


def unrolled(
    inversion: Inversion,
    observed: Array,
    variables: Variables,
    operator: Forward = Identity(),
    *,
    rates: Rates | None = None,
    num_steps: int | None = None,
    optimizer: optax.GradientTransformation | None = None,
    label: Array | None = None,
    chunk: int | None = 1,
) -> Unrolled:
    """Search for one image, differentiable in all that goes into it, the steps' sizes and the start included.

    The steps are those of :func:`gprior_jax.invert`, without its stopping rules; what is found is the last iterate.

    Args:
        inversion: see :func:`gprior_jax.differentiable.inversion`.
        observed: ``[h, w, C]`` in [-1, 1].
        variables: to begin with, see :func:`gprior_jax.differentiable.start`.
        operator: through which it was observed.
        rates: see :data:`Rates`; None is 1 throughout. Variables that are not named get 1.
        num_steps: T; None takes that of the rates, or of the recipe.
        optimizer: in place of the recipe's; its settings may be traced.
        label: ``[num_classes]``, this image's class.
        chunk: steps between states that are kept for the way back. 1 keeps every state and computes each step once
            more; above 1, steps are computed twice more, and T / chunk + chunk states are kept: worth it where states
            are large, best near the root of T. None keeps everything of every step.

    Raises:
        ValueError: rates of different lengths or of unknown variables, or numbers out of range.

    >>> import gprior_jax as gp
    >>> from gprior_jax.generators.dcgan import DCGAN
    >>> from gprior_jax.nn.stack import StackLayer
    >>> module = DCGAN((StackLayer("dense", 1, size=4),), z_dim=2)  # Linear: 16 pixels of two numbers.
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(2), method="init_all")["params"], module)
    >>> made = gp.differentiable.inversion(prior, gp.recipes.latent("z", perceptual=None))
    >>> observed = gp.synthesize(prior, jnp.zeros(2))
    >>> def last(rates):
    ...     return gp.differentiable.unrolled(made, observed, {"z": jnp.ones(2)}, rates={"z": rates}).found.loss
    >>> slope = jax.grad(last)(jnp.full(3, 0.5))  # Of the loss after three steps, in the size of each.
    >>> slope.shape, bool((slope < 0).all())  # Longer steps would have led further down.
    ((3,), True)
    """
    problem = inversion.problem
    optimised, measurement = measured(inversion, observed, variables, operator, label)
    free = free_of(optimised)
    factors, steps = _rates(rates, free, num_steps, inversion.solver.num_steps)
    if chunk is not None and chunk < 1:
        raise ArgumentError(f"chunk {chunk}: use at least 1, or None to keep everything.")
    made = optax.with_extra_args_support(optimizer or inversion.solver.transformation())

    def one(carry: tuple[Variables, PyTree], factor: Variables) -> tuple[tuple[Variables, PyTree], Array]:
        return updated(problem, made, measurement, carry, factor)

    (last, _), losses = _scan(one, (optimised, made.init(free)), factors, steps, chunk)
    return Unrolled(found(problem, last, measurement), losses)


def _rates(rates: Rates | None, free: Variables, num_steps: int | None, default: int) -> tuple[dict[str, Array], int]:
    """Factors by variable, and the number of steps."""
    named = rates if isinstance(rates, dict) else {} if rates is None else dict.fromkeys(free, rates)
    if unknown := [name for name in named if name not in free]:
        raise ArgumentError(f"rates of {unknown[0]!r}: the variables are {', '.join(free)}.")
    if single := [name for name, rate in named.items() if jnp.ndim(rate) == 0]:
        raise ArgumentError(f"rates of {single[0]!r} are a single number: give one for each step, [T].")
    lengths = {len(rate) for rate in named.values()} | ({num_steps} if num_steps is not None else set())
    if len(lengths) > 1:
        raise ArgumentError(f"rates and num_steps say {sorted(lengths)} steps: give one number of them.")
    steps = lengths.pop() if lengths else default
    if steps < 1:
        raise ArgumentError(f"num_steps {steps}: use at least 1.")
    return named, steps


def updated(
    problem: Problem, made: Any, measurement: Measurement, carry: tuple[Variables, PyTree], factor: Variables
) -> tuple[tuple[Variables, PyTree], Array]:
    """One update of one image: variables and the optimiser's state, and the loss before it."""
    variables, state = carry
    free = free_of(variables)
    fixed = {name: value for name, value in variables.items() if name not in free}

    def objective(free: Variables) -> Array:
        return evaluate(problem, free | fixed, measurement)[0].loss

    loss, gradient = jax.value_and_grad(objective)(free)
    updates, state = updates_of(problem, made, free, state, loss, gradient, objective)
    scaled = {name: factor[name] * update if name in factor else update for name, update in updates.items()}
    moved = cast(Variables, optax.apply_updates(free, scaled)) | fixed
    moved = problem.coordinates.project(problem.parametrization, moved)
    return (jax.tree.map(lambda new, old: new.astype(old.dtype), moved, variables), state), loss


def _scan(one: Any, carry: Any, factors: dict[str, Array], steps: int, chunk: int | None) -> tuple[Any, Array]:
    """All steps; what is kept of them is told by ``chunk``, see :func:`unrolled`."""
    if chunk is None:
        return jax.lax.scan(one, carry, factors, length=steps)
    once = jax.checkpoint(one)
    if chunk == 1:
        return jax.lax.scan(once, carry, factors, length=steps)
    whole = steps - steps % chunk

    @jax.checkpoint
    def several(carry: Any, factors: dict[str, Array]) -> tuple[Any, Array]:
        return jax.lax.scan(once, carry, factors, length=chunk)

    grouped = {name: f[:whole].reshape(-1, chunk, *f.shape[1:]) for name, f in factors.items()}
    carry, losses = jax.lax.scan(several, carry, grouped, length=whole // chunk)
    rest = {name: f[whole:] for name, f in factors.items()}
    carry, last = jax.lax.scan(once, carry, rest, length=steps - whole)
    return carry, jnp.concatenate([losses.reshape(-1), last])
