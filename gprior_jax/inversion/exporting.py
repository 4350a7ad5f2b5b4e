"""A whole inversion as one program in a file: StableHLO that JAX, and what else reads it, runs without this package."""

import dataclasses
from collections.abc import Callable
from functools import partial

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from gprior_jax.errors import ArgumentError, CheckpointError, require
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.inversion import programs
from gprior_jax.inversion.problem import Problem
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import Solution
from gprior_jax.inversion.stages import NEXT_STAGE
from gprior_jax.keys import purpose
from gprior_jax.latents import Variables
from gprior_jax.objectives import Objective
from gprior_jax.operators import Identity
from gprior_jax.typing import Array, ArrayLike, Key


def export_inversion(prior: Prior, recipe: Recipe, images: int = 1) -> bytes:
    """Export all steps of a recipe, with the weights of the prior, as one program.

    It takes the data of a key (uint32 ``[2]``, ``jax.random.key_data``) and images ``[B, R, R, C]`` in [-1, 1], and
    gives a dict: ``"images"``, ``"loss"`` ``[B]``, ``"step"`` ``[B]`` and the variables by their names, as
    :func:`gprior_jax.invert` does for ids from 0 on. It is for the platform that JAX runs on here.

    Args:
        prior: the generator.
        recipe: how.
        images: B.

    Raises:
        ArgumentError: no images, or a prior with classes that is held to none.
        MissingExtraError: flatbuffers is not installed.

    >>> import gprior_jax as gp
    >>> recipe = gp.recipes.mganprior(num_codes=2, layer=4, num_steps=2, perceptual=None)
    >>> content = export_inversion(gp.load("builtin"), recipe)  # load_inversion makes a function of it
    >>> len(content) > 5_000_000  # The weights are in it.
    True
    """
    require("flatbuffers", "export")
    if images < 1:
        raise ArgumentError(f"images {images}: use at least 1.")
    if prior.num_classes:
        raise ArgumentError(f"{prior} has classes: hold it to one, see gprior_jax.with_label.")
    bare = prepare(dataclasses.replace(prior, critic=None, encoder=None, multi_encoder=None))
    pixels = jax.ShapeDtypeStruct((images, *prior.image_shape), jnp.float32)
    program = jax.jit(partial(_invert, bare, recipe.fit(prior)))
    return bytes(jax.export.export(program)(jax.ShapeDtypeStruct((2,), jnp.uint32), pixels).serialize())


def load_inversion(content: bytes) -> Callable[[Key, ArrayLike], dict[str, Array]]:
    """What :func:`export_inversion` gave, as a function of a key and images; it is compiled when it is first called.

    Raises:
        CheckpointError: that is no such program.
    """
    require("flatbuffers", "export")
    try:
        program = jax.jit(jax.export.deserialize(bytearray(content)).call)
    except Exception as error:  # Of flatbuffers, whatever it meets.
        raise CheckpointError("this is no exported program, or a damaged one: export it again.") from error
    return lambda key, images: program(jax.random.key_data(key), np.asarray(images, np.float32))


def _invert(bare: Prior, recipe: Recipe, key_data: Array, observed: Array) -> dict[str, Array]:
    """All stages of a fitted recipe."""
    key, hints, found = jax.random.wrap_key_data(key_data), {}, None
    for stage in recipe.stages:
        found = _run(bare, stage, key, observed, hints)
        key, hints = purpose(key, NEXT_STAGE), {name: value[:, None] for name, value in found.variables.items()}
    assert found is not None
    return {"images": found.image, "loss": found.loss, "step": found.step} | found.variables


def _run(bare: Prior, stage: Recipe, key: Key, observed: Array, hints: Variables) -> Solution:
    """One stage; see :class:`gprior_jax.inversion.driver.Inverter`."""
    problem = Problem(bare, Objective(stage.terms), stage.fitted_encoder, stage.parametrization, stage.coordinates)
    config, ids = stage.solver, jnp.arange(len(observed))
    states, measurements = programs.start(problem, config, stage.restarts, key, ids, observed, Identity(), hints, None)
    states = jax.lax.fori_loop(
        0,
        config.num_steps,
        lambda _, states: programs.advance(problem, config, 1, None, states, measurements)[0],
        states,
    )
    return programs.finish(problem, stage.restarts, states, measurements)[0]
