"""What people do with latent codes: paths between them, arithmetic, and exchanging styles.

Pure functions on codes, :class:`Point` for where codes come from, :func:`render` for their images, and
:func:`perceptual_path_length` for how evenly images follow them:

>>> import gprior_jax as gp
>>> from gprior_jax import geometry
>>> prior = gp.load("builtin")
>>> points = geometry.read_points(prior, "seed:1,2")
>>> path = geometry.morph_variables(prior, geometry.codes(prior, points), steps=3)
>>> geometry.render(prior, path).shape  # From the one to the other in three steps.
(4, 64, 64, 3)
"""

from gprior_jax.geometry.editing import STYLE_LAYERS as STYLE_LAYERS
from gprior_jax.geometry.editing import arithmetic as arithmetic
from gprior_jax.geometry.editing import crossover as crossover
from gprior_jax.geometry.editing import mixing_grid as mixing_grid
from gprior_jax.geometry.editing import scatter as scatter
from gprior_jax.geometry.editing import style_range as style_range
from gprior_jax.geometry.editing import transfer as transfer
from gprior_jax.geometry.path_length import PathLength as PathLength
from gprior_jax.geometry.path_length import perceptual_path_length as perceptual_path_length
from gprior_jax.geometry.paths import lerp as lerp
from gprior_jax.geometry.paths import morph as morph
from gprior_jax.geometry.paths import slerp as slerp
from gprior_jax.geometry.points import Point as Point
from gprior_jax.geometry.points import codes as codes
from gprior_jax.geometry.points import common_parametrization as common_parametrization
from gprior_jax.geometry.points import morph_variables as morph_variables
from gprior_jax.geometry.points import render as render
from gprior_jax.geometry.points import stack as stack
from gprior_jax.geometry.sources import read_points as read_points
