"""Latent parametrisations: the variables that are optimised, and the image that they stand for.

One of your own derives from :class:`Parametrization`, which says what the solver asks of it. Variables are a dict of
arrays; what begins with an underscore is fixed.
"""

from gprior_jax.latents.coordinates import AS_THEY_ARE as AS_THEY_ARE
from gprior_jax.latents.coordinates import ChannelWeights as ChannelWeights
from gprior_jax.latents.coordinates import Coordinates as Coordinates
from gprior_jax.latents.coordinates import MeasuredWeights as MeasuredWeights
from gprior_jax.latents.deep_image_prior import CODE_RATE as CODE_RATE
from gprior_jax.latents.deep_image_prior import DeepImagePrior as DeepImagePrior
from gprior_jax.latents.features import Features as Features
from gprior_jax.latents.multi_code import MultiCode as MultiCode
from gprior_jax.latents.multi_code import default_layer as default_layer
from gprior_jax.latents.parametrization import FIXED as FIXED
from gprior_jax.latents.parametrization import Parametrization as Parametrization
from gprior_jax.latents.parametrization import Variables as Variables
from gprior_jax.latents.parametrization import from_hint as from_hint
from gprior_jax.latents.projector import Projector as Projector
from gprior_jax.latents.sphere import Sphere as Sphere
from gprior_jax.latents.styled import STYLES_STAY as STYLES_STAY
from gprior_jax.latents.tuning import Tuning as Tuning
from gprior_jax.latents.tuning import tuned as tuned
from gprior_jax.latents.w import W as W
from gprior_jax.latents.w_plus import WPlus as WPlus
from gprior_jax.latents.whitened import WhitenedStyles as WhitenedStyles
from gprior_jax.latents.z import Z as Z
