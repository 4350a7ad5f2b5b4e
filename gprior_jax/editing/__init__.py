"""What people do with latent codes: paths between them, arithmetic, exchanging styles, local edits."""

from gprior_jax.editing.arithmetic import arithmetic as arithmetic
from gprior_jax.editing.arithmetic import scatter as scatter
from gprior_jax.editing.arithmetic import transfer as transfer
from gprior_jax.editing.directions import Direction as Direction
from gprior_jax.editing.directions import measure_deviations as measure_deviations
from gprior_jax.editing.local import Weighted as Weighted
from gprior_jax.editing.local import composite as composite
from gprior_jax.editing.local import copy_activations as copy_activations
from gprior_jax.editing.local import local_edit as local_edit
from gprior_jax.editing.mixing import STYLE_LAYERS as STYLE_LAYERS
from gprior_jax.editing.mixing import crossover as crossover
from gprior_jax.editing.mixing import mixing_grid as mixing_grid
from gprior_jax.editing.mixing import style_range as style_range
from gprior_jax.editing.paths import lerp as lerp
from gprior_jax.editing.paths import morph as morph
from gprior_jax.editing.paths import slerp as slerp
from gprior_jax.editing.points import Point as Point
from gprior_jax.editing.points import Variables as Variables
from gprior_jax.editing.points import codes as codes
from gprior_jax.editing.points import common_parametrization as common_parametrization
from gprior_jax.editing.points import morph_variables as morph_variables
from gprior_jax.editing.points import render as render
from gprior_jax.editing.points import stack as stack
