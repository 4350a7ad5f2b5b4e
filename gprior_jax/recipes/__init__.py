"""Recipes: the settings of the papers, and the faster ones measured here, as data.

Every recipe has two presets. ``official`` holds the constants of the published code. ``fast``, the default, was chosen
by the measurements in ``benchmarks/RESULTS.md``, unless its docstring calls it provisional.
"""

from gprior_jax.recipes.common import Preset as Preset
from gprior_jax.recipes.embedding import image2stylegan as image2stylegan
from gprior_jax.recipes.embedding import image2stylegan_pp as image2stylegan_pp
from gprior_jax.recipes.multicode import FAST_OPTIMIZER as FAST_OPTIMIZER
from gprior_jax.recipes.multicode import FAST_STEPS as FAST_STEPS
from gprior_jax.recipes.multicode import OFFICIAL_OPTIMIZER as OFFICIAL_OPTIMIZER
from gprior_jax.recipes.multicode import OFFICIAL_STEPS as OFFICIAL_STEPS
from gprior_jax.recipes.multicode import default_layer as default_layer
from gprior_jax.recipes.multicode import mganprior as mganprior
from gprior_jax.recipes.projection import projector as projector
from gprior_jax.recipes.projection import pti as pti
from gprior_jax.recipes.projection import tuned_prior as tuned_prior
from gprior_jax.recipes.restoring import FAST_TASKS as FAST_TASKS
from gprior_jax.recipes.restoring import OFFICIAL_TASKS as OFFICIAL_TASKS
from gprior_jax.recipes.restoring import Task as Task
from gprior_jax.recipes.restoring import TaskSettings as TaskSettings
from gprior_jax.recipes.restoring import restoration as restoration
from gprior_jax.recipes.restoring import scaled_layer as scaled_layer
from gprior_jax.recipes.single import latent as latent
from gprior_jax.recipes.single import pulse as pulse
