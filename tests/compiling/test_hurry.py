import contextlib
import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from gprior_jax.compiling import already_split, uncollected


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_it_was(enabled):
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with contextlib.suppress(RuntimeError), uncollected():
            assert not gc.isenabled()
            raise RuntimeError
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_programs_of_several_devices_are_the_same_with_either_partitioner():
    mesh, everywhere = jax.make_mesh((jax.local_device_count(),), ("x",)), PartitionSpec()

    def mean(x):
        own = x * (1.0 + jax.lax.axis_index("x"))
        return jax.lax.pmean(own, "x")

    run = jax.jit(jax.shard_map(mean, mesh=mesh, in_specs=everywhere, out_specs=everywhere, check_vma=False))
    before = jax.config.values.get("jax_use_shardy_partitioner")
    with already_split():
        found = run(jnp.arange(3.0))
        assert not jax.config.values.get("jax_use_shardy_partitioner")
    assert jax.config.values.get("jax_use_shardy_partitioner") == before
    np.testing.assert_allclose(found, run(jnp.arange(3.0)))
    np.testing.assert_allclose(found, np.arange(3.0) * (1 + jax.local_device_count()) / 2)
