"""A term of a user's own: it looks at the image, at what is seen through the operator, and at the variables."""

import flax.struct
import jax.numpy as jnp

from gprior_jax.objectives import Term


@flax.struct.dataclass
class OwnTerm(Term):
    """Mean brightness, roughness of the image, and size of the variables; ``wanted`` is an array of its own."""

    wanted: jnp.ndarray
    weight: float = 1.0
    roughness: float = flax.struct.field(pytree_node=False, default=0.1)

    @property
    def name(self):
        return "own"

    def target(self, observation):
        return observation.pixels.mean(axis=(0, 1)) + self.wanted

    def loss(self, image, observed, target, variables):
        brightness = jnp.mean(jnp.square(observed.mean(axis=(0, 1)) - target))
        rough = jnp.mean(jnp.square(image[1:] - image[:-1]))
        size = sum(jnp.mean(jnp.square(value)) for value in variables.values())
        return brightness + self.roughness * rough + 1e-3 * size
