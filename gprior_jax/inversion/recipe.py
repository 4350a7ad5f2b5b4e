"""A recipe names one point of the library's space: parametrisation, objective, optimiser and number of steps."""

import dataclasses
from typing import Any

from gprior_jax.generators.base import Prior
from gprior_jax.inversion.problem import Problem
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import Parametrization
from gprior_jax.objectives import Objective, Pixel, Term
from gprior_jax.perceptual import network


@dataclasses.dataclass(frozen=True, eq=False)
class Recipe:
    """How to invert an image.

    Attributes:
        name: for reports.
        parametrization: the variables.
        terms: terms of the objective; a perceptual term's network may be ``"default"``, the prior's own.
        solver: optimiser, steps and stopping.
        restarts: independent starts of every image, of which the best is returned.
        then: a second stage, which starts from the variables that this one found (they are its hint, see
            :meth:`gprior_jax.latents.Parametrization.init`); the result is the last stage's. None is the only stage.
    """

    name: str
    parametrization: Parametrization
    terms: tuple[Term, ...]
    solver: SolverConfig = SolverConfig()
    restarts: int = 1
    then: "Recipe | None" = None

    def __post_init__(self):
        if self.restarts < 1:
            raise ValueError(f"restarts {self.restarts}: use at least 1.")

    @property
    def stages(self) -> tuple["Recipe", ...]:
        """This recipe and those that follow it."""
        return (self, *(self.then.stages if self.then is not None else ()))

    def check(self, prior: Prior) -> None:
        """Raise ``ValueError`` if a stage's parametrisation does not fit the prior."""
        for stage in self.stages:
            stage.parametrization.check(prior)

    def problem(self, prior: Prior) -> Problem:
        """The recipe's problem on a prior, prepared; of this stage alone.

        Raises:
            ValueError: the recipe does not fit the prior.
        """
        terms = tuple(_with_network(term, prior) for term in self.terms)
        return Problem.create(prior, self.parametrization, Objective(terms))

    def summary(self) -> dict[str, Any]:
        """The recipe as JSON, for ``run.json``."""
        terms = [
            {"term": term.name, "weight": float(term.weight), "distance": term.kind, "masked": term.masked}
            | _details(term)
            for term in self.terms
        ]
        kind = type(self.parametrization).__name__
        following = {} if self.then is None else {"then": self.then.summary()}
        return {
            "name": self.name,
            "parametrization": {"kind": kind} | dataclasses.asdict(self.parametrization),
            "terms": terms,
            "solver": dataclasses.asdict(self.solver),
            "restarts": self.restarts,
        } | following


def _with_network(term: Term, prior: Prior) -> Term:
    if isinstance(term, Pixel) or not isinstance(term.network, str):
        return term
    return dataclasses.replace(term, network=network.default(prior))


def _details(term: Term) -> dict[str, Any]:
    if isinstance(term, Pixel):
        return {"floor": "noise" if term.floor_from_noise else float(term.floor)}
    if isinstance(term.network, str):
        return {"network": "the prior's discriminator"}
    return {"network": type(term.network.module).__name__, "layers": list(term.network.layers)}
