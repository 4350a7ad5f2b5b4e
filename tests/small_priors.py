"""Small priors with random weights under the names of the bundled ones, in a process of its own."""

import functools

import gprior_jax as gp


@functools.cache
def small(name):
    """As many layers, and as long codes w, as the notebooks name."""
    # Made when it is asked for: a notebook may have to say first which devices there are.
    from batteries import random_critic, random_params, random_prior

    from gprior_jax.generators.stylegan2 import StyleGAN2

    if name == "builtin":
        return random_prior("pggan", "pggan")
    module = StyleGAN2((6, 6, 4), 8, gp.zoo.load(name).w_dim, mapping_layers=1, architecture="plain")
    return gp.Prior(random_params(module, 0), module, critic=random_critic("pggan"), name=name)


def take_the_place_of_bundled_ones():
    """From now on ``gp.load`` gives them."""
    load = gp.load
    gp.load = lambda name: small(name) if name in ("builtin", "builtin:portraits") else load(name)
