"""Geometry of latent spaces."""

from gprior_jax.geometry.path_length import PathLength as PathLength
from gprior_jax.geometry.path_length import perceptual_path_length as perceptual_path_length
