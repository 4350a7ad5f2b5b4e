"""What geometry is of: a function of one latent, an array of any shape, that gives an array of any shape.

Any function will do. :func:`outputs` makes one of a prior, whose output are pixels or the features of a network, and
:func:`outputs_of` of the variables of any parametrisation.
"""

from collections.abc import Callable
from typing import Any, Literal

import flax.struct
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from gprior_jax.checks import check_one
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior, prepare
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.styles import as_styles, check_styles
from gprior_jax.latents.parametrization import FIXED, Parametrization, Variables
from gprior_jax.perceptual.lpips import LPIPS
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.typing import Array, ArrayLike

Function = Callable[[Array], Array]
"""A latent of any one shape to an output of any one shape; distances are those of outputs, root of summed squares."""

Space = Literal["z", "w", "w_plus"]
Network = PerceptualNetwork | LPIPS | None


@flax.struct.dataclass
class Outputs:
    """A prior's output as a function of a latent; a pytree, to be passed to transformed functions.

    Attributes:
        prior: the generator, prepared; held to a class where it has some.
        network: whose features are the output; None gives the pixels.
        space: of the latent: ``"z"``, ``"w"`` or ``"w_plus"`` (static).
        noise: of layers that take some, ``"const"`` or ``"none"`` (static).
    """

    prior: Prior
    network: Network = None
    space: Space = flax.struct.field(pytree_node=False, default="z")
    noise: Literal["const", "none"] = flax.struct.field(pytree_node=False, default="const")

    def __call__(self, latent: Array) -> Array:
        """Pixels ``[R, R, C]`` in [-1, 1], or features ``[M]``, of a latent ``[z_dim]``, ``[w_dim]`` or W+."""
        styles = None if self.space == "z" else as_styles(self.prior, latent, self.space)
        image = run_layers(self.prior, latent if styles is None else None, styles=styles, noise=self.noise)
        return seen(image, self.network)


@flax.struct.dataclass
class Rendered:
    """The output of a parametrisation as a function of its variables in a row; a pytree, see :func:`outputs_of`."""

    prior: Prior
    fixed: Variables
    network: Network
    parametrization: Parametrization = flax.struct.field(pytree_node=False)
    unravel: Any = flax.struct.field(pytree_node=False)
    size: int = flax.struct.field(pytree_node=False)

    def __call__(self, latent: Array) -> Array:
        """Pixels or features of ``[D]``, D the numbers of all variables that move."""
        check_one("latent", latent, (self.size,))
        image = self.parametrization.render(self.prior, self.fixed | self.unravel(latent))
        return seen(image, self.network)


def outputs(
    prior: Prior,
    space: Space | None = None,
    network: Network = None,
    noise: Literal["const", "none"] = "const",
) -> Outputs:
    """The output of a prior as a function of one latent.

    Args:
        prior: the generator; one with classes is held to one of them where the space is z.
        space: of the latent; None is w where the prior has styles, else z.
        network: whose features are the output, see :func:`seen`; None gives the pixels.
        noise: of layers that take some: the stored maps, or none.

    Raises:
        ValueError: an unknown space, or w of a prior that has no styles.

    >>> import gprior_jax as gp
    >>> outputs(gp.load("builtin:portraits")).space, outputs(gp.load("builtin")).space
    ('w', 'z')
    """
    space = space or ("w" if prior.num_styles else "z")
    if space not in ("z", "w", "w_plus"):
        raise ArgumentError(f"space={space!r}: use 'z', 'w' or 'w_plus'.")
    if space != "z":
        check_styles(prior)
    return Outputs(prepare(prior), None if network is None else network.prepare(), space, noise)


def outputs_of(
    prior: Prior, parametrization: Parametrization, variables: Variables, network: Network = None
) -> tuple[Rendered, Array]:
    """The output as a function of the variables of a parametrisation, and these as its latent.

    Args:
        prior: the generator.
        parametrization: any, such as :class:`gprior_jax.latents.MultiCode`.
        variables: of one image; those whose names begin with an underscore stay as they are.
        network: see :func:`outputs`.

    Returns:
        the function, and the latent ``[D]`` that stands for the variables; ``function.unravel`` gives them back.

    >>> import gprior_jax as gp, jax
    >>> prior, codes = gp.load("builtin"), gp.latents.MultiCode(2)
    >>> function, latent = outputs_of(prior, codes, codes.fit(prior).init(prior, jax.random.key(0)))
    >>> latent.shape, function.unravel(latent)["codes"].shape
    ((512,), (2, 128))
    """
    moving = {name: value for name, value in variables.items() if not name.startswith(FIXED)}
    fixed = {name: value for name, value in variables.items() if name.startswith(FIXED)}
    latent, unravel = ravel_pytree(moving)
    prepared = None if network is None else network.prepare()
    return Rendered(prepare(prior), fixed, prepared, parametrization.fit(prior), unravel, latent.size), latent


def seen(image: Array, network: Network) -> Array:
    """An image as a network sees it, such that summed squared differences are its distance.

    Args:
        image: ``[R, R, C]`` in [-1, 1].
        network: None gives the image itself.

    Returns:
        ``[M]``, the features of all layers, each over the root of its size, and all times the root of the network's
        scale: the squared distance of two of them is that of :class:`gprior_jax.objectives.Perceptual` with
        ``kind="mse"``, and of LPIPS its own.
    """
    if network is None:
        return image
    layers = [layer.ravel() / layer.size**0.5 for layer in network.features(image)]
    return network.scale**0.5 * jnp.concatenate(layers)


def as_floats(latent: ArrayLike) -> Array:
    """An array of numpy or jax, of float32 at least: what rounds to fewer digits has no singular values here.

    >>> as_floats(jnp.ones(2, jnp.float16)).dtype, as_floats([1, 2]).dtype
    (dtype('float32'), dtype('float32'))
    """
    array = jnp.asarray(latent)
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def flattened(function: Function, latent: Array) -> tuple[Function, Array]:
    """The function as one of ``[D]`` that gives ``[M]``, and the latent as ``[D]``.

    >>> function, latent = flattened(lambda x: 2 * x, jnp.ones((2, 3)))
    >>> function(latent).shape
    (6,)
    """
    latent = as_floats(latent)
    shape = latent.shape
    return lambda flat: function(flat.reshape(shape)).ravel(), latent.ravel()
