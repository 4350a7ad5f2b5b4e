"""A training step spread over devices: each has its part of the batch, and the weights are the same on all.

Small convolutions leave the cores of a CPU idle when one batch has them all: on two cores, halves of a batch side by
side take 0.7 of the time of the whole (benchmarks/RESULTS.md, "Training"). The same serves several accelerators. Every
device draws the numbers of the whole batch and takes its own, and images whose minibatch deviation is taken together
stay together, so that a step is the same for any number of devices, up to the order of float32 sums.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import jax
from jax.sharding import NamedSharding, PartitionSpec

from gprior_jax.compiling import at_level, for_one_core, give_back_after_compiling, uncollected
from gprior_jax.inversion.devices import IMAGES, fill_cores, image_mesh
from gprior_jax.training.gan_config import GANConfig
from gprior_jax.typing import Array

T = TypeVar("T")

_LEVEL = 1
"""On a CPU the last levels of LLVM's optimisation take a quarter of the compilation and gain nothing here
(benchmarks/RESULTS.md, "Training")."""

_EVERYWHERE = PartitionSpec()


class Lanes(NamedTuple):
    """The devices of a step; inside it, what is this device's.

    Attributes:
        devices: number of devices.
        group: images of the batch that must stay together.
        single_threaded: every device is one core of a CPU and shall not ask the others for help.
    """

    devices: int = 1
    group: int = 1
    single_threaded: bool = False

    def own(self, batch: T) -> T:
        """This device's part of arrays that all have: ``[B, ...]`` to ``[B / devices, ...]``.

        Images i, i + B / group, i + 2 B / group, ... stay together, in this order, which is how
        :func:`gprior_jax.discriminators.minibatch.minibatch_stddev` groups them.
        """
        return self._part(batch, self.group)

    def own_single(self, batch: T) -> T:
        """:meth:`own` where no image depends on another."""
        return self._part(batch, 1)

    def _part(self, batch: T, group: int) -> T:
        if self.devices == 1:
            return batch

        def of_array(x: Array) -> Array:
            apart = x.reshape(group, self.devices, -1, *x.shape[1:])
            mine = jax.lax.dynamic_index_in_dim(apart, jax.lax.axis_index(IMAGES), 1, keepdims=False)
            return mine.reshape(-1, *x.shape[1:])

        return jax.tree.map(of_array, batch)

    def mean(self, tree: T) -> T:
        """The mean over the devices, of numbers that are means over a device's images."""
        return tree if self.devices == 1 else cast(T, jax.lax.pmean(tree, IMAGES))

    def gather(self, batch: T) -> T:
        """Arrays of all images, ``[B, ...]``, from those of every device's."""
        if self.devices == 1:
            return batch
        return jax.tree.map(lambda x: jax.lax.all_gather(x, IMAGES, tiled=True), batch)

    def place(self, tree: T) -> T:
        """Arrays on all devices of the step."""
        if self.devices == 1:
            return tree
        return jax.device_put(tree, NamedSharding(image_mesh(self.devices), _EVERYWHERE))


ONE = Lanes()


def lanes_for(config: GANConfig) -> Lanes:
    """As many of this process's devices as the batch can be split over evenly, groups of images kept together."""
    count = max(n for n in range(1, jax.local_device_count() + 1) if config.groups % n == 0)
    return Lanes(count, config.kept_together, fill_cores(count))


def spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function(plan, lanes, state, *arrays)``, and run it on every device of ``lanes``.

    The state is donated. Every argument and every result is the same on all devices.
    """

    @functools.cache
    def compiled(lanes: Lanes) -> Callable[..., Any]:
        options = at_level(_LEVEL) if jax.default_backend() == "cpu" else {}
        if lanes.single_threaded:
            options = options | for_one_core()
        give_back_after_compiling()

        def run(plan: Any, state: Any, *arrays: Any) -> Any:
            step = functools.partial(function, plan, lanes)
            if lanes.devices == 1:
                return step(state, *arrays)
            mesh = image_mesh(lanes.devices)
            # The means are taken in the step, where they belong: nothing is to be inferred about replication.
            return jax.shard_map(step, mesh=mesh, in_specs=_EVERYWHERE, out_specs=_EVERYWHERE, check_vma=False)(
                state, *arrays
            )

        return jax.jit(run, static_argnums=0, donate_argnums=1, compiler_options=options)

    @functools.wraps(function)
    def call(plan: Any, lanes: Lanes, state: Any, *arrays: Any) -> Any:
        with uncollected():
            return compiled(lanes)(plan, state, *arrays)

    return call
