"""Objectives: named, weighted terms that compare a reconstruction with what was observed.

A term of your own derives from :class:`Term`. ``known`` is the operator's mask
(:attr:`gprior_jax.operators.Operator.known`): by default means are taken over the known area alone; with
``masked=False`` over all pixels, as the published code does.
"""

from gprior_jax.objectives.distances import HUBER_DELTA as HUBER_DELTA
from gprior_jax.objectives.distances import Distance as Distance
from gprior_jax.objectives.distances import distance as distance
from gprior_jax.objectives.distances import known_weights as known_weights
from gprior_jax.objectives.encoded import Encoded as Encoded
from gprior_jax.objectives.objective import Objective as Objective
from gprior_jax.objectives.perceptual import Network as Network
from gprior_jax.objectives.perceptual import Perceptual as Perceptual
from gprior_jax.objectives.pixel import Pixel as Pixel
from gprior_jax.objectives.style import Style as Style
from gprior_jax.objectives.style import gram as gram
from gprior_jax.objectives.term import Observation as Observation
from gprior_jax.objectives.term import Term as Term
