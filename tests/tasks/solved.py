"""Every task on a tiny prior of 8 pixels whose own images are degraded, solved once for all tests of a process."""

import functools
from typing import Any

import jax
import numpy as np
from batteries import own_images, random_params

from gprior_jax import operators, recipes, tasks
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.operators import Downsample
from gprior_jax.tasks import Restoration

CRITIC = PGGANDiscriminator((8, 8), dense_features=8, group_size=1)
GENERATOR = PGGAN((8, 8), z_dim=8)
PRIOR = Prior(
    random_params(GENERATOR, 0), GENERATOR, critic=Critic(random_params(CRITIC, 1), CRITIC), name="tiny pggan"
)
KEY = jax.random.key(2)
SIDE, COUNT = 8, 3
MASKS = np.stack([np.asarray(operators.box_mask(SIDE, box)) for box in (2, 4, (0, 0, 4, 4))])


@functools.cache
def images() -> np.ndarray:
    return np.tanh(own_images(PRIOR, COUNT) * 0.5)


def reduced(factor: int = 4) -> np.ndarray:
    return np.asarray(jax.jit(jax.vmap(Downsample(factor, "bicubic")))(images()))


def recipe(task: str, **settings: Any) -> Recipe:
    # The number of steps is part of what is compiled: one for all.
    return recipes.restoration(task, PRIOR, num_codes=2, layer=2, num_steps=6, **settings)


CALLS = {
    "colorize": lambda **o: tasks.colorize(PRIOR, images(), key=KEY, recipe=recipe("colorize", perceptual=None), **o),
    "upscale": lambda **o: tasks.upscale(PRIOR, reduced(), key=KEY, recipe=recipe("upscale"), **o),
    "inpaint": lambda **o: tasks.inpaint(PRIOR, images(), MASKS, key=KEY, recipe=recipe("inpaint"), **o),
    "denoise": lambda **o: tasks.denoise(PRIOR, images(), key=KEY, recipe=recipe("denoise", floor="noise"), **o),
    "deblur": lambda **o: tasks.deblur(
        PRIOR, images(), operators.gaussian_kernel(0.7), key=KEY, recipe=recipe("deblur"), **o
    ),
}


SEVERAL = {"samples": COUNT, "batch_size": 1}
"""Options for three solutions of every image, one image after the other: arrays of the shape of three images at once,
each with one solution, so that one program optimises both."""


@functools.cache
def one(name: str) -> Restoration:
    return CALLS[name]()


@functools.cache
def several(name: str) -> Restoration:
    return CALLS[name](**SEVERAL)
