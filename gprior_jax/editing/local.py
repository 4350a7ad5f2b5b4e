"""Local edits of photographs through a style-based prior, as in Image2StyleGAN++ (Abdal et al. 2020, arXiv:1911.11544).

Images are ``[B, R, R, C]`` in [-1, 1]. A mask is ``[B, R, R, 1]`` or, for all images, ``[R, R, 1]``.
"""

import dataclasses
from typing import Any

import flax.struct
import jax.numpy as jnp
import numpy as np

from gprior_jax import recipes
from gprior_jax.checks import check_finite
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.noise import Noise
from gprior_jax.generators.prior import Prior, check_layer
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import as_styles, check_styles
from gprior_jax.images import arrays as im
from gprior_jax.inversion.driver import invert
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.result import Result
from gprior_jax.objectives import Pixel
from gprior_jax.operators import Mask, as_masks
from gprior_jax.typing import Array, ArrayLike, Key


@flax.struct.dataclass
class Weighted:
    """The image itself was observed, but not everywhere with the same weight: an operator for two target images.

    With a composite of two images, ``known`` being a where the first is and b where the second is, a pixel term is
    Image2StyleGAN++'s ``a * |M (x - x1)|^2 + b * |(1 - M) (x - x2)|^2``, scaled to weights of mean 1.

    Attributes:
        known: ``[H, W, 1]``, weights from 0 up.

    >>> Weighted(jnp.ones((4, 4, 1)))(jnp.ones((4, 4, 3))).shape
    (4, 4, 3)
    """

    known: Array
    linear = True
    pixelwise = True

    def __call__(self, image: Array) -> Array:
        """Return ``image``."""
        return image


def composite(first: ArrayLike, second: ArrayLike, mask: ArrayLike) -> np.ndarray:
    """The first image where the mask is 1, the second where it is 0; on the host.

    >>> composite(np.ones((1, 2, 2, 3)), np.zeros((1, 2, 2, 3)), np.zeros((2, 2, 1))).max()
    np.float32(0.0)
    """
    masks, a, b = (np.asarray(array, np.float32) for array in (mask, first, second))
    return masks * a + (1.0 - masks) * b


def local_edit(
    prior: Prior,
    images: ArrayLike,
    mask: ArrayLike,
    *,
    key: Key,
    edited: ArrayLike | None = None,
    recipe: Recipe | None = None,
    weights: tuple[float, float] = (1.0, 1.0),
    init: dict[str, Array] | None = None,
    **options: Any,
) -> Result:
    """Keep images where a mask is 1, and let the prior draw the rest.

    First a w for every layer is found, of the known pixels or of the edited image: the masked loss in W+. Then the
    noise maps are fitted to two images: the photograph where the mask is 1, and elsewhere what w drew, so that a
    filling or a scribble is made plausible and the photograph is kept to the pixel.

    Args:
        prior: a style-based generator.
        images: the photographs.
        mask: 1 where they are to stay, 0 where they are edited.
        key: the run's key.
        edited: the photographs as edited (a scribble, a part of another image), of which only what the mask hides
            counts; None gives the prior a free hand there.
        recipe: of two stages, the second with fitted noise; None takes
            :func:`gprior_jax.recipes.image2stylegan_pp`.
        weights: of the two images in the second stage: the photograph, what w drew.
        init: variables to start from, see :func:`gprior_jax.invert`: the embedding of the unedited image.
        **options: ``ids``, ``batch_size``, ``devices``, ``progress``, see :func:`gprior_jax.invert`.

    Returns:
        The second stage's result; its variables hold ``w_plus`` and the noise maps.

    Raises:
        ValueError: masks or images of other shapes, pixels of another range, or a recipe of one stage.

    >>> import gprior_jax as gp, jax, jax.numpy as jnp
    >>> from gprior_jax.generators.stylegan2 import StyleGAN2
    >>> module = StyleGAN2((6, 4), z_dim=8, w_dim=5, mapping_layers=1)
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(8), method="init_all")["params"], module)
    >>> images = gp.synthesize(prior, gp.sample_z(prior, jax.random.key(1), 1))
    >>> kept = gp.operators.box_mask(8, 4)  # Redraw 4 x 4 pixels in the middle.
    >>> recipe = gp.recipes.image2stylegan_pp(num_steps=2, noise_steps=2, perceptual=None)
    >>> found = local_edit(prior, images, kept, key=jax.random.key(2), recipe=recipe)
    >>> found.images.shape, sorted(found.variables)[-1]
    ((1, 8, 8, 3), 'w_plus')
    """
    check_styles(prior)
    check_finite(weights=weights)
    recipe = recipes.image2stylegan_pp(perceptual="auto") if recipe is None else recipe
    if len(recipe.stages) != 2 or recipe.then is None:
        raise ArgumentError(f"the recipe {recipe.name} has not two stages: give one that image2stylegan_pp makes.")
    for pixels, what in ((images, "photographs"), (edited, "edited photographs")):
        if pixels is not None:  # Their range is looked at where they count: what is hidden may hold anything.
            im.check_dtype(pixels, "f", im.FLOATS, what)
    photographs = np.asarray(images, np.float32)
    if photographs.ndim != 4:
        raise ArgumentError(f"images of shape {photographs.shape}: give [B, R, R, C].")
    masks = as_masks(mask, photographs.shape[:3], some_known=False)
    first = dataclasses.replace(recipe, then=None)
    known = masks if edited is None else np.ones_like(masks)
    target = composite(photographs, 0.0 if edited is None else edited, masks)
    found = invert(prior, target, first, key=key, operator=Mask(jnp.asarray(known)), init=init, **options)
    second = composite(photographs, found.images, masks)
    operator = Weighted(jnp.asarray(weights[0] * masks + weights[1] * (1.0 - masks)))
    start = {name: jnp.asarray(value) for name, value in found.variables.items()}
    return invert(prior, second, _weighted(recipe.then), key=key, operator=operator, init=start, **options)


def _weighted(recipe: Recipe) -> Recipe:
    """The recipe with all its pixel terms weighted as the operator says; weights of 1 leave the published means."""
    terms = tuple(dataclasses.replace(term, masked=True) if isinstance(term, Pixel) else term for term in recipe.terms)
    return dataclasses.replace(recipe, terms=terms)


def copy_activations(
    prior: Prior,
    styles: Array,
    source: Array,
    layer: int,
    region: Array,
    *,
    noise: Noise = "const",
    source_noise: Noise = "const",
) -> Array:
    """The image of some styles, with a region of the features at a layer copied from another image.

    Image2StyleGAN++'s attribute transfer. For one image; batch it with ``jax.vmap``.

    Args:
        prior: a style-based generator.
        styles: ``[num_styles, w_dim]``, which the layers from ``layer`` on take too.
        source: ``[num_styles, w_dim]``, of the image to copy from.
        layer: the features are those after the first ``layer`` layers, 1 to the number of layers less one.
        region: ``[R, R, 1]`` at any resolution, 1 where features are copied; reduced by area.
        noise: of the image.
        source_noise: of the image to copy from.

    Returns:
        ``[R, R, C]``.

    Raises:
        ValueError: a prior without styles, a layer out of range, or styles of another shape.

    >>> import gprior_jax as gp, jax, jax.numpy as jnp
    >>> from gprior_jax.generators.stylegan2 import StyleGAN2
    >>> module = StyleGAN2((6, 4), z_dim=8, w_dim=5, mapping_layers=1)
    >>> prior = gp.Prior(module.init(jax.random.key(0), jnp.zeros(8), method="init_all")["params"], module)
    >>> one, other = gp.map_latents(prior, gp.sample_z(prior, jax.random.key(1), 2))
    >>> everywhere = jnp.ones((8, 8, 1))
    >>> copied = jax.jit(copy_activations, static_argnums=3)(prior, one, other, 2, everywhere)
    >>> copied.shape
    (8, 8, 3)
    """
    check_styles(prior)
    check_layer(prior, layer, lowest=1, highest=prior.num_layers - 1)
    own, other = (as_styles(prior, each, "w_plus") for each in (styles, source))
    kept = run_layers(prior, None, stop=layer, styles=own, noise=noise)
    copied = run_layers(prior, None, stop=layer, styles=other, noise=source_noise)
    area = im.resize(region, (kept.shape[0], kept.shape[1]), "area")
    return run_layers(prior, area * copied + (1.0 - area) * kept, start=layer, styles=own, noise=noise)
