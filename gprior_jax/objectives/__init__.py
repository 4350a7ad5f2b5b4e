"""Objectives: named, weighted terms that compare a reconstruction with what was observed."""

from gprior_jax.objectives.objective import HUBER_DELTA as HUBER_DELTA
from gprior_jax.objectives.objective import Distance as Distance
from gprior_jax.objectives.objective import Objective as Objective
from gprior_jax.objectives.objective import Perceptual as Perceptual
from gprior_jax.objectives.objective import PerceptualTarget as PerceptualTarget
from gprior_jax.objectives.objective import Pixel as Pixel
from gprior_jax.objectives.objective import PixelTarget as PixelTarget
from gprior_jax.objectives.objective import Style as Style
from gprior_jax.objectives.objective import Term as Term
from gprior_jax.objectives.objective import area_weights as area_weights
from gprior_jax.objectives.objective import at_most as at_most
from gprior_jax.objectives.objective import distance as distance
from gprior_jax.objectives.objective import gram as gram
from gprior_jax.objectives.objective import mean_one as mean_one
