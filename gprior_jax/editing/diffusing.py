"""A part of one image put into another, and what is around it made to fit: in-domain inversion's semantic diffusion."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from gprior_jax import recipes
from gprior_jax.editing.local import composite
from gprior_jax.encoders.encoder import Encoder
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.styles import as_styles, check_styles
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.operators import Mask, as_masks
from gprior_jax.recipes.diffusion import DIFFUSION_BOX
from gprior_jax.typing import Array, ArrayLike, Key


def default_box(resolution: int) -> tuple[int, int, int, int]:
    """``(top, left, height, width)`` of what the published command takes of a target, at another resolution.

    >>> default_box(256)
    (90, 70, 110, 110)
    """
    side, across, down = (round(part * resolution) for part in DIFFUSION_BOX)
    return down - side // 2, across - side // 2, side, side


def diffuse(
    prior: Prior,
    targets: ArrayLike,
    contexts: ArrayLike,
    region: ArrayLike,
    *,
    key: Key,
    recipe: Recipe | None = None,
    encoder: Encoder | Literal["default"] | None = "default",
    init: dict[str, Array] | None = None,
    **options: Any,
) -> Result:
    """Images that show the targets in a region, and around it what of the contexts goes with them.

    Optimisation starts from the encoder's code of the composite of both; of a prior without an encoder from the w that
    explains the composite best, one for all layers, whose image is one of the prior's own as well. Only the region is
    compared, so that what is around it follows.

    Args:
        prior: a style-based generator.
        targets: ``[B, R, R, C]`` in [-1, 1], whose region is kept.
        contexts: likewise, which it is put into.
        region: ``[R, R, 1]`` or ``[B, R, R, 1]``: 1 where the target is, else 0.
        key: the run's key.
        recipe: None takes :func:`gprior_jax.recipes.diffusion`.
        encoder: of the start; ``"default"`` is the prior's own where it has one; None does without.
        init: ``{"w_plus": [B, num_styles, w_dim]}`` to start from instead.
        **options: ``ids``, ``batch_size``, ``devices``, ``progress``, see :func:`gprior_jax.invert`.

    Returns:
        See :func:`gprior_jax.invert`; ``images`` are whole, nothing is pasted.

    Raises:
        ValueError: images or regions of other shapes, pixels of another range, or an encoder of other images.

    >>> import gprior_jax as gp
    >>> from gprior_jax.generators.stylegan2 import StyleGAN2
    >>> module = StyleGAN2((6, 4), z_dim=8, w_dim=5, mapping_layers=1)
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(8), method="init_all")["params"], module)
    >>> targets, contexts = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 2))[:, None]
    >>> region = 1 - np.asarray(gp.operators.box_mask(8, 4))  # 1 where the target is.
    >>> recipe = gp.recipes.diffusion(num_steps=2, perceptual=None)
    >>> start = {"w_plus": gp.map_latents(prior, gp.sample_z(prior, jax.random.key(2), 1))}
    >>> diffuse(prior, targets, contexts, region, key=jax.random.key(3), recipe=recipe, init=start).images.shape
    (1, 8, 8, 3)
    """
    check_styles(prior)
    inside, around = np.asarray(targets, np.float32), np.asarray(contexts, np.float32)
    if inside.shape != around.shape or inside.ndim != 4:
        raise ArgumentError(
            f"targets of shape {inside.shape} and contexts of shape {around.shape}: give both as [B, R, R, C]."
        )
    shares = as_masks(region, inside.shape[:3])
    together = composite(inside, around, shares)
    recipe = recipes.diffusion() if recipe is None else recipe
    start = init or first_codes(prior, together, key=key, encoder=encoder, **options)
    return invert(
        prior,
        shares * together,
        recipe,
        key=key,
        operator=Mask(jnp.asarray(shares)),
        init={name: jnp.asarray(value) for name, value in start.items()},
        **options,
    )


def first_codes(
    prior: Prior,
    images: np.ndarray,
    *,
    key: Key,
    encoder: Encoder | Literal["default"] | None = "default",
    **options: Any,
) -> dict[str, Array]:
    """``{"w_plus": [B, num_styles, w_dim]}`` of an encoder, or of the w that explains images best.

    Raises:
        ValueError: an encoder of another space or of other images.

    >>> import gprior_jax as gp
    >>> prior = gp.load("builtin:portraits")
    >>> images = np.zeros((2, 64, 64, 3), np.float32)
    >>> {name: code.shape for name, code in first_codes(prior, images, key=jax.random.key(1)).items()}
    {'w_plus': (2, 10, 128)}
    """
    chosen = prior.encoder if encoder == "default" else encoder
    if chosen is None:
        found = invert(prior, images, recipes.latent("w"), key=key, **options)
        return {"w_plus": as_styles(prior, jnp.asarray(found.variables["w"]), "w")}
    assert not isinstance(chosen, str)
    if tuple(chosen.module.input_shape) != images.shape[1:]:
        raise ArgumentError(f"the encoder takes images of shape {chosen.module.input_shape}: give it others, or none.")
    if chosen.module.space == "codes":
        raise ArgumentError("the encoder gives several codes, and styles are searched for: give it others, or none.")
    ((space, code),) = jax.jit(jax.vmap(chosen.encode))(jnp.asarray(images)).items()
    return {"w_plus": as_styles(prior, code, space)}
