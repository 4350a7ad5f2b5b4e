"""Pretrained GAN generators as priors for image processing.

A generator that was trained on images knows what images look like. This package finds the latent codes that explain
a given image, batched and on any JAX device:

>>> import gprior_jax as gp, jax
>>> prior = gp.load("builtin")
>>> key = jax.random.key(0)
>>> images = gp.synthesize(prior, gp.sample_z(prior, key, 2))  # [2, 64, 64, 3] in about [-1, 1]
>>> recipe = gp.recipes.mganprior(num_codes=5, layer=4, num_steps=3)
>>> result = gp.invert(prior, images, recipe, key=key)
>>> result.images.shape
(2, 64, 64, 3)
"""

from gprior_jax import glibc, interrupts

if interrupts.is_program():
    glibc.restart_with_large_pages()
    interrupts.install()  # Before the imports that take seconds.

from gprior_jax import differentiable as differentiable
from gprior_jax import editing as editing
from gprior_jax import geometry as geometry
from gprior_jax import latents as latents
from gprior_jax import metrics as metrics
from gprior_jax import objectives as objectives
from gprior_jax import operators as operators
from gprior_jax import perceptual as perceptual
from gprior_jax import recipes as recipes
from gprior_jax import runs as runs
from gprior_jax import tasks as tasks
from gprior_jax import zoo as zoo
from gprior_jax._version import __version__ as __version__
from gprior_jax.discriminators.critic import Critic as Critic
from gprior_jax.encoders.encoder import Encoder as Encoder
from gprior_jax.errors import ArgumentError as ArgumentError
from gprior_jax.errors import CheckpointError as CheckpointError
from gprior_jax.errors import GPriorError as GPriorError
from gprior_jax.errors import GPriorWarning as GPriorWarning
from gprior_jax.errors import ImageFileError as ImageFileError
from gprior_jax.errors import Status as Status
from gprior_jax.generators.labels import with_label as with_label
from gprior_jax.generators.prior import LatentDistribution as LatentDistribution
from gprior_jax.generators.prior import Prior as Prior
from gprior_jax.generators.prior import astype as astype
from gprior_jax.generators.prior import prepare as prepare
from gprior_jax.generators.standing import with_standing_statistics as with_standing_statistics
from gprior_jax.generators.synthesis import features as features
from gprior_jax.generators.synthesis import from_features as from_features
from gprior_jax.generators.synthesis import map_latents as map_latents
from gprior_jax.generators.synthesis import sample_z as sample_z
from gprior_jax.generators.synthesis import synthesize as synthesize
from gprior_jax.generators.truncation import with_truncation as with_truncation
from gprior_jax.images.files import load_image as load_image
from gprior_jax.images.files import save_image as save_image
from gprior_jax.inversion.classes import ClassSearch as ClassSearch
from gprior_jax.inversion.classes import find_classes as find_classes
from gprior_jax.inversion.driver import Inverter as Inverter
from gprior_jax.inversion.driver import invert as invert
from gprior_jax.inversion.optimizer import Optimizer as Optimizer
from gprior_jax.inversion.recipe import Recipe as Recipe
from gprior_jax.inversion.result import Result as Result
from gprior_jax.inversion.solver import SolverConfig as SolverConfig
from gprior_jax.translation.translator import Translator as Translator
from gprior_jax.translation.translator import translate as translate
from gprior_jax.zoo import load as load
from gprior_jax.zoo import load_translator as load_translator
from gprior_jax.zoo import save as save
from gprior_jax.zoo import save_translator as save_translator
