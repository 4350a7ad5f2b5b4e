"""Latent parametrisations: the variables that are optimised, and the image that they stand for.

A parametrisation is a frozen dataclass (static and hashable) with four functions for one image:
``init(prior, key, hint) -> variables``, ``render(prior, variables) -> image``, ``penalty(prior, variables) -> {name:
scalar}`` and ``project(variables) -> variables``, applied after each update. Variables are a dict of arrays.
"""

from gprior_jax.latents.codes import MultiCode as MultiCode
from gprior_jax.latents.codes import Z as Z
from gprior_jax.latents.deep_image_prior import CODE_RATE as CODE_RATE
from gprior_jax.latents.deep_image_prior import DeepImagePrior as DeepImagePrior
from gprior_jax.latents.parametrization import FIXED as FIXED
from gprior_jax.latents.parametrization import Parametrization as Parametrization
from gprior_jax.latents.parametrization import Variables as Variables
from gprior_jax.latents.projector import Projector as Projector
from gprior_jax.latents.sphere import Sphere as Sphere
from gprior_jax.latents.styles import STYLES_STAY as STYLES_STAY
from gprior_jax.latents.styles import W as W
from gprior_jax.latents.styles import WPlus as WPlus
from gprior_jax.latents.tuning import Tuning as Tuning
from gprior_jax.latents.tuning import tuned as tuned
