"""What ``gprior geometry`` measures, where there is little to measure."""

import flax.struct
import jax
import jax.numpy as jnp

from gprior_jax.runs.geometry import Plan, explore, facts


@flax.struct.dataclass
class Flat:
    """Three numbers of a latent, the last of which changes nothing."""

    scale: jax.Array

    def __call__(self, latent: jax.Array) -> jax.Array:
        """Two numbers."""
        return self.scale * latent[:2]


def test_one_code_twice_and_a_singular_metric():
    """No plane goes through one point, and there is no volume: neither is given as a number."""
    code = jnp.array([0.5, -1.0, 2.0])
    measured = explore(Flat(jnp.array([1.0, 2.0])), code, code, Plan(segments=2, steps=1, directions=1, cells=2))
    assert measured.area is None
    told = facts(measured)
    assert told["energy_ratio"] is None
    assert told["start"]["log_volume"] is None
    assert told["start"]["condition_number"] is None
