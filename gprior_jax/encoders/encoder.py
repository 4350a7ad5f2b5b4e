"""An encoder with its weights: from an image to the latent code that a generator draws it from."""

from typing import Any, Literal, Protocol

import flax.struct
import numpy as np

from gprior_jax.checks import check_one
from gprior_jax.images.arrays import check_pixels
from gprior_jax.summary import fingerprint, summarise
from gprior_jax.typing import Array, Params

Space = Literal["z", "w", "w_plus", "codes"]


class EncoderModule(Protocol):
    """What a Linen module must offer to serve as an encoder. It takes one image, through ``apply``."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image, ``(R, R, C)``."""
        ...

    @property
    def space(self) -> Space:
        """What it gives: ``"z"`` ``[z_dim]``, ``"w"`` ``[w_dim]``, ``"w_plus"`` ``[num_styles, w_dim]`` or ``"codes"``.

        The last are several codes for all images, with features that they are to compose for this one.
        """
        ...

    @property
    def code_shape(self) -> tuple[int, ...]:
        """Shape of the code."""
        ...

    def __call__(self, image: Array) -> Any:
        """The code of one image ``[R, R, C]`` in [-1, 1]; of several a dictionary with what belongs to them."""
        ...

    def apply(self, variables: Any, *args: Any, **kwargs: Any) -> Any:
        """Linen's."""
        ...


@flax.struct.dataclass
class Encoder:
    """An encoder with its weights; a pytree.

    Attributes:
        params: weights, nested dicts.
        module: the Linen module (static).

    >>> import gprior_jax as gp, jax
    >>> prior = gp.load("builtin")
    >>> encode = jax.jit(jax.vmap(prior.encoder.encode))  # Of one image; of a batch by vmap.
    >>> {name: code.shape for name, code in encode(jax.numpy.zeros((2, 64, 64, 3))).items()}
    {'z': (2, 128)}
    """

    params: Params
    module: EncoderModule = flax.struct.field(pytree_node=False)

    def summary(self) -> dict[str, Any]:
        """The encoder as JSON: what decides its codes."""
        return {"module": summarise(self.module), "space": self.module.space, "weights": fingerprint(self.params)}

    def encode(self, image: Array) -> dict[str, Array]:
        """The code of one image ``[R, R, C]`` in [-1, 1], under the name of its space, and what belongs to it.

        Raises:
            ValueError: pixels of another range, or a batch.
        """
        if np.ndim(image) != len(self.module.input_shape):
            check_one("image", image, self.module.input_shape)
        check_pixels(image, "the image")
        found = self.module.apply({"params": self.params}, image)
        return found if isinstance(found, dict) else {self.module.space: found}

    def shared(self) -> dict[str, Array]:
        """What is the same for all images: several codes, which each composes in its own way."""
        return {"codes": self.params["codes"]} if self.module.space == "codes" else {}
