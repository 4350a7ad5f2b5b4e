"""Recipes: the settings of the papers, and the faster ones measured here, as data; one method a file.

Every recipe has two presets. ``official`` holds the constants of the published code. ``fast``, the default, was chosen
by the measurements in ``benchmarks/RESULTS.md``, unless its docstring calls it provisional.

A file in this folder that has a tuple ``ROWS`` of :class:`Method` is found by itself; a method of your own, in a file
of yours, is made known by :func:`register`.
"""

import importlib
import pkgutil

from gprior_jax.recipes.common import Preset as Preset
from gprior_jax.recipes.diffusion import diffusion as diffusion
from gprior_jax.recipes.features import features as features
from gprior_jax.recipes.image2stylegan import image2stylegan as image2stylegan
from gprior_jax.recipes.image2stylegan_pp import image2stylegan_pp as image2stylegan_pp
from gprior_jax.recipes.in_domain import in_domain as in_domain
from gprior_jax.recipes.latent import latent as latent
from gprior_jax.recipes.method import METHODS as METHODS
from gprior_jax.recipes.method import Method as Method
from gprior_jax.recipes.method import find_method as find_method
from gprior_jax.recipes.method import register as register
from gprior_jax.recipes.mganprior import mganprior as mganprior
from gprior_jax.recipes.projector import projector as projector
from gprior_jax.recipes.pti import pti as pti
from gprior_jax.recipes.pti import tuned_prior as tuned_prior
from gprior_jax.recipes.pulse import pulse as pulse
from gprior_jax.recipes.restoration import FAST_TASKS as FAST_TASKS
from gprior_jax.recipes.restoration import OFFICIAL_TASKS as OFFICIAL_TASKS
from gprior_jax.recipes.restoration import PixelSettings as PixelSettings
from gprior_jax.recipes.restoration import Task as Task
from gprior_jax.recipes.restoration import TaskSettings as TaskSettings
from gprior_jax.recipes.restoration import restoration as restoration
from gprior_jax.recipes.restoration import scaled_layer as scaled_layer
from gprior_jax.recipes.restoration import with_pixels as with_pixels

for _module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
    for _method in getattr(importlib.import_module(f"{__name__}.{_module.name}"), "ROWS", ()):
        register(_method)
        if hasattr(_method.recipe, "__name__"):
            globals()[_method.recipe.__name__] = _method.recipe
