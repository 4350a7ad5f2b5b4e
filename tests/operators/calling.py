"""Operators and noise, compiled: those of one structure and shape share a program."""

import jax


@jax.jit
def apply(operator, image):
    """What an operator gives of an image."""
    return operator(image)


@jax.jit
def add_noise(noise, key, image):
    """What a noise model makes of an image."""
    return noise(key, image)


apply_each = jax.jit(jax.vmap(apply))
"""Every image through the operator of its own."""
