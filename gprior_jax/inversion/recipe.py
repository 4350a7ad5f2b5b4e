"""A recipe names one point of the library's space: parametrisation, objective, optimiser and number of steps."""

import dataclasses
from typing import Any, Literal

from gprior_jax.checks import check_fields
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.inversion.starts import ONE_ANSWER, Asked, own_encoder
from gprior_jax.latents import AS_THEY_ARE, Coordinates, Parametrization
from gprior_jax.objectives import Term
from gprior_jax.summary import summarise


@dataclasses.dataclass(frozen=True, eq=False)
class Recipe:
    """How to invert an image.

    Attributes:
        name: for reports.
        parametrization: the variables.
        terms: terms of the objective; a perceptual term's network may be the prior's own.
        solver: optimiser, steps and stopping.
        restarts: independent starts of every image, of which the best is returned.
        encoder: where images start: the code that this encoder gives for what was observed, which is the hint of the
            parametrisation (:meth:`gprior_jax.latents.Parametrization.start_at`). ``"default"`` is the prior's own,
            and so is ``"auto"``, where it has one that suits, see
            :func:`gprior_jax.inversion.starts.own_encoder`. None starts where the parametrisation does.
        then: a second stage, which starts from the variables that this one found; the result is the last stage's. None
            is the only stage.
        coordinates: those in which the variables are optimised.
    """

    name: str
    parametrization: Parametrization
    terms: tuple[Term, ...]
    solver: SolverConfig = SolverConfig()
    restarts: int = 1
    encoder: Encoder | Literal["default", "auto"] | None = None
    then: "Recipe | None" = None
    coordinates: Coordinates = AS_THEY_ARE

    def __post_init__(self):
        if self.restarts < 1:
            raise ArgumentError(f"restarts {self.restarts}: use at least 1.")
        for part in (self.parametrization, *self.terms, self.solver):
            check_fields(part)

    def from_encoder(self, encoder: "Encoder | Literal['default']" = "default") -> "Recipe":
        """This recipe, with images that start from the code of an encoder; the prior's own unless another is given.

        >>> from gprior_jax import recipes
        >>> recipes.latent("w_plus").from_encoder().encoder
        'default'
        """
        return dataclasses.replace(self, encoder=encoder)

    def until(self, psnr: float | None = None, patience: int | None = None) -> "Recipe":
        """This recipe, whose images end when they are good enough.

        Args:
            psnr: of the last stage, dB between what an iterate looks like and what was observed, over its known pixels,
                before rounding: an image that reaches it has converged. None leaves that open.
            patience: steps over which the solver's ``tolerance`` looks for an improvement; None leaves them.

        Raises:
            ValueError: numbers out of range.

        >>> from gprior_jax import recipes
        >>> name, value = recipes.mganprior().until(psnr=40.0).solver.goal
        >>> name, round(value, 6)  # Pixels go from -1 to 1, so that the peak is 2.
        ('pixel_mse', 0.0004)
        """
        if psnr is not None and not 0.0 < psnr < 200.0:
            raise ArgumentError(f"goal {psnr}: use decibels, above 0 and below 200.")
        changed: dict[str, Any] = {} if patience is None else {"patience": patience}
        if self.then is None and psnr is not None:
            changed["goal"] = "pixel_mse", 4.0 * 10.0 ** (-psnr / 10.0)
        then = None if self.then is None else self.then.until(psnr, patience)
        return dataclasses.replace(self, solver=dataclasses.replace(self.solver, **changed), then=then)

    @property
    def stages(self) -> tuple["Recipe", ...]:
        """This recipe and those that follow it."""
        return (self, *(self.then.stages if self.then is not None else ()))

    @property
    def fitted_encoder(self) -> Encoder | None:
        """The encoder of a fitted recipe."""
        if isinstance(self.encoder, str):
            raise ArgumentError(f"the encoder {self.encoder!r} is left to the prior: call fit(prior) first.")
        return self.encoder

    def check_samples(self, samples: int) -> None:
        """Raise ``ValueError`` where several samples or restarts of a fitted recipe would all be the same."""
        encoder, rows = self.fitted_encoder, samples * self.restarts
        if rows > 1 and not self.parametrization.is_drawn(encoder):
            point, remedy = "one point, such as the mean of w,", "at random"
            if encoder is not None:
                several = " of several codes" if encoder.module.space == "codes" else ""
                point, remedy = f"an encoder{several}", "without the encoder, at random"
            raise ArgumentError(
                f"{rows} samples or restarts that start from {point} are all the same: use one, or start {remedy}."
            )

    def fit(self, prior: Prior, asked: Asked = ONE_ANSWER) -> "Recipe":
        """This recipe with everything that was left to the prior decided: networks, the composing layer, the encoder.

        Args:
            prior: the generator.
            asked: what of images decides whether they start from an encoder that nobody asked for.

        Raises:
            ValueError: it does not fit the prior.
        """
        return self.unstarted(prior).starting(prior, asked)

    def unstarted(self, prior: Prior) -> "Recipe":
        """This recipe fitted to a prior, but for where images start: see :meth:`starting`."""
        terms = (term.fit(prior) for term in self.terms)
        return dataclasses.replace(
            self,
            parametrization=self.parametrization.fit(prior),
            terms=tuple(term for term in terms if term is not None),
            then=None if self.then is None else self.then.unstarted(prior),
        )

    def starting(self, prior: Prior, asked: Asked) -> "Recipe":
        """Of :meth:`unstarted`, with the encoder that images start from, and coordinates that go with it."""
        coordinates, encoder = self.coordinates.fit(self.parametrization, prior), self.encoder
        if encoder == "auto":
            encoder = own_encoder(self.parametrization, prior, self.restarts, asked)
        elif isinstance(encoder, str):
            encoder = self.parametrization.encoder_of(prior)
            if encoder is None:
                raise ArgumentError(f"{prior} comes without an encoder: leave encoder=None, or give one.")
        if encoder is not None:
            self.parametrization.check_encoder(encoder)
            coordinates = coordinates.started_by(encoder)
        then = None if self.then is None else self.then.starting(prior, asked._replace(are_given=True))
        return dataclasses.replace(self, encoder=encoder, coordinates=coordinates, then=then)

    def summary(self) -> dict[str, Any]:
        """The recipe as JSON, for ``run.json``; it differs where results would."""
        content: dict[str, Any] = {"name": self.name}
        for name in ("parametrization", "terms", "solver", "restarts", "encoder", "coordinates", "then"):
            content[name] = summarise(getattr(self, name))
        if self.coordinates == AS_THEY_ARE:
            del content["coordinates"]
        return {name: value for name, value in content.items() if value is not None}
