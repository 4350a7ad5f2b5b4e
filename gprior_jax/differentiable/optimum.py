"""The implicit function theorem at a minimum: derivatives of what was found, whatever found it.

At a minimum x of ``L(x, theta)`` the gradient g is 0, and stays 0 as theta changes: ``dx = -H^-1 (dg/dtheta) dtheta``
(Griewank and Walther 2008, Evaluating Derivatives, chapter 15; Blondel et al. 2022, arXiv:2105.15183). Nothing of the
way to the minimum is kept. The curvature H is never formed: conjugate gradients ask for products with it. Those of JAX
are transposed as a linear solve, so that one rule serves forward and reverse mode; a library of linear solvers would
add a dependency and nothing that is used here.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from jax.custom_derivatives import SymbolicZero

from gprior_jax.checks import check_number
from gprior_jax.errors import ArgumentError
from gprior_jax.typing import Array, PyTree

Outputs = Callable[[PyTree, PyTree], PyTree]
"""``outputs(variables, theta)``: what of the variables the loss looks at, such as the image; arrays of floats."""

Loss = Callable[[PyTree, PyTree], Array]
"""``loss(outputs, theta)``, a scalar."""

PROBES = 4
"""Random vectors that the mean curvature is estimated from; only the size of the damping depends on it."""


@dataclasses.dataclass(frozen=True)
class Curvature:
    """How the linear system of the implicit function theorem is set up and solved; static.

    Attributes:
        kind: ``"gauss_newton"`` is ``J^T (d2 loss / d outputs2) J``, J of the outputs: it has no negative directions
            where the loss is convex in them, and asks for first derivatives of generator and networks alone, which
            kinks leave right. Outputs of an inversion are what terms compare (:meth:`gprior_jax.objectives.Term.seen`).
            ``"hessian"`` is exact for smooth generators; of one with LeakyReLU it lacks what the kinks add up to.
        damping: part of the mean curvature (trace over number of variables) that is added to the diagonal. Directions
            that change the loss by less than this stay nearly where they are: the answer of least change. 0 is none,
            for a curvature that is known to be regular.
        products: at most so many with the curvature.
        tolerance: the solve ends when its residual is this part of the right-hand side.

    Raises:
        ValueError: an unknown kind, or numbers out of range.

    >>> Curvature(damping=0.0).kind
    'gauss_newton'
    """

    kind: Literal["gauss_newton", "hessian"] = "gauss_newton"
    damping: float = 1e-3
    products: int = 100
    tolerance: float = 1e-4

    def __post_init__(self):
        if self.kind not in ("gauss_newton", "hessian"):
            raise ArgumentError(f"kind {self.kind!r}: use 'gauss_newton' or 'hessian'.")
        check_number("damping", self.damping, lambda x: x >= 0, "a number from 0 up")
        check_number("tolerance", self.tolerance, lambda x: (x > 0) & (x < 1), "a number above 0 and below 1")
        if self.products < 1:
            raise ArgumentError(f"products {self.products}: use at least 1.")


def at_minimum(
    outputs: Outputs, loss: Loss, variables: PyTree, theta: PyTree, curvature: Curvature = Curvature()
) -> PyTree:
    """The variables as they are, as a differentiable function of ``theta``.

    Args:
        outputs: of variables and theta. What shall be differentiated has to come through theta, not by a closure.
        loss: of outputs and theta.
        variables: floats, a minimum of ``loss(outputs(variables, theta), theta)``, found by whatever there is. Their
            own derivative is not asked for: where a search begins and how it goes does not count at the minimum.
        theta: anything else, such as the measurement and the weights of terms.
        curvature: see :class:`Curvature`.

    >>> outputs, loss = (lambda x, theta: x), (lambda out, theta: jnp.sum((out - theta) ** 4 + (out - theta) ** 2))
    >>> theta = jnp.array([1.0, 2.0])  # The minimum is theta itself.
    >>> at = lambda theta: at_minimum(outputs, loss, theta, theta, Curvature(damping=0.0))
    >>> jax.jvp(at, (theta,), (jnp.ones(2),))[1].tolist()
    [1.0, 1.0]
    """
    return _at_minimum(outputs, loss, curvature, jax.lax.stop_gradient(variables), theta)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def _at_minimum(outputs: Outputs, loss: Loss, curvature: Curvature, variables: PyTree, theta: PyTree) -> PyTree:
    return variables


def _tangent(outputs: Outputs, loss: Loss, curvature: Curvature, primals: Any, tangents: Any) -> tuple[PyTree, PyTree]:
    variables, theta = primals
    # The minimum moves with theta in what follows, too: a derivative of this derivative sees that.
    variables = _at_minimum(outputs, loss, curvature, variables, theta)
    leaves, structure = jax.tree.flatten(theta)
    changes = jax.tree.leaves(tangents[1], is_leaf=lambda leaf: isinstance(leaf, SymbolicZero))
    moving = [i for i, change in enumerate(changes) if not isinstance(change, SymbolicZero)]

    def gradient(moved: list[Array]) -> PyTree:
        own = list(leaves)
        for i, leaf in zip(moving, moved, strict=True):
            own[i] = leaf
        given = structure.unflatten(own)
        return jax.grad(lambda x: loss(outputs(x, given), given))(variables)

    _, force = jax.jvp(gradient, ([leaves[i] for i in moving],), ([changes[i] for i in moving],))
    product = products(outputs, loss, curvature, variables, theta)
    step = jax.lax.custom_linear_solve(product, force, partial(solve, curvature), symmetric=True)
    return variables, jax.tree.map(jnp.negative, step)


_at_minimum.defjvp(_tangent, symbolic_zeros=True)


def solve(curvature: Curvature, product: Callable[[PyTree], PyTree], right: PyTree) -> PyTree:
    """The step whose product with the curvature is ``right``, by conjugate gradients.

    As it is, ``cg`` cannot be transposed in the rule of a ``custom_jvp``: it places its start and the right-hand side
    by one operation, and JAX takes both for tangents (``findings/jax_cg_transpose.sh``).
    """
    return jax.scipy.sparse.linalg.cg(product, right, tol=curvature.tolerance, maxiter=curvature.products)[0]


def products(
    outputs: Outputs,
    loss: Loss,
    curvature: Curvature,
    variables: PyTree,
    theta: PyTree,
    factor: Array | float = 1.0,
) -> Callable[[PyTree], PyTree]:
    """The curvature at a point, damped by ``factor`` times its damping, as a function of a step; all else runs once.

    >>> loss = lambda out, theta: 3 * jnp.sum(out**2)
    >>> product = products(lambda x, theta: x, loss, Curvature(damping=0.5), jnp.ones(2), None)
    >>> product(jnp.array([1.0, 0.0])).tolist()
    [9.0, 0.0]
    """
    undamped = _gauss_newton if curvature.kind == "gauss_newton" else _hessian
    product = undamped(outputs, loss, variables, theta)
    if not curvature.damping:
        return product
    shift = jax.lax.stop_gradient(factor * curvature.damping * _mean_curvature(product, variables))
    return lambda step: jax.tree.map(lambda a, b: a + shift * b, product(step), step)


def _gauss_newton(outputs: Outputs, loss: Loss, variables: PyTree, theta: PyTree) -> Callable[[PyTree], PyTree]:
    seen, push = jax.linearize(lambda x: outputs(x, theta), variables)
    _, curve = jax.linearize(jax.grad(lambda out: loss(out, theta)), seen)
    pull = jax.linear_transpose(push, variables)
    return lambda step: pull(curve(push(step)))[0]


def _hessian(outputs: Outputs, loss: Loss, variables: PyTree, theta: PyTree) -> Callable[[PyTree], PyTree]:
    return jax.linearize(jax.grad(lambda x: loss(outputs(x, theta), theta)), variables)[1]


def _mean_curvature(product: Callable[[PyTree], PyTree], variables: PyTree) -> Array:
    """Trace over number of variables, by Hutchinson's estimate."""

    def one(key: Array) -> Array:
        signs = optax.tree.random_like(key, variables, jax.random.rademacher)
        return jnp.abs(optax.tree.vdot(signs, product(signs)))

    size = sum(leaf.size for leaf in jax.tree.leaves(variables))
    return jnp.mean(jax.lax.map(one, jax.random.split(jax.random.key(0), PROBES))) / size
