"""Distances between images, for one pair in [0, 1], channels last; batch with ``jax.vmap``."""

from gprior_jax.metrics.pixel import psnr as psnr
