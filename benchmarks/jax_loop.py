"""The same inversion as ``torch_loop.py`` in this library, as a worker with the same protocol.

The first reply also says how long the step took to compile.
"""

import argparse
import json
import resource
import sys
import time

import jax
import numpy as np
import random_networks

from gprior_jax import glibc, recipes
from gprior_jax.inversion.driver import Inverter
from gprior_jax.inversion.inputs import Inputs
from gprior_jax.inversion.problem import Measurement
from gprior_jax.inversion.solver import State
from gprior_jax.operators import Identity


def start(inverter: Inverter, images: np.ndarray) -> tuple[State, Measurement]:
    """States and measurements of images, observed as such."""
    ids = np.arange(len(images))
    started = inverter.start(0, jax.random.key(0), Inputs(ids, images, Identity(), {}, None), samples=1)
    return jax.block_until_ready(started)


def main() -> None:
    """Serve steps on request."""
    glibc.restart_with_large_pages()  # As ``gprior`` does.
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--codes", type=int, default=20)
    parser.add_argument("--layer", type=int, default=6)
    parser.add_argument("--images", type=int, default=1)
    parser.add_argument("--perceptual", choices=("vgg", "none"), default="vgg")
    parser.add_argument("--preset", choices=("official", "fast"), default="official")
    parser.add_argument("--codes-per-call", type=int, default=None)
    parser.add_argument("--remat", action="store_true")
    args = parser.parse_args()
    recipe = recipes.mganprior(
        args.codes,
        args.layer,
        preset=args.preset,
        perceptual=random_networks.vgg() if args.perceptual == "vgg" else None,
        codes_per_call=args.codes_per_call,
        remat=args.remat,
    )
    inverter = Inverter(random_networks.pggan(args.resolution), recipe)
    steps = inverter.steps_per_call
    shape = (args.images, args.resolution, args.resolution, 3)
    states, measurements = start(inverter, np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32))
    started = time.perf_counter()
    take = inverter.steps(0, steps, states, measurements, images=args.images)
    states, _ = jax.block_until_ready(take(states, measurements))
    first = time.perf_counter() - started
    print(json.dumps({"ready": f"jax {jax.__version__}", "first_call_seconds": first}), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(0, json.loads(line)["steps"], steps):
            started = time.perf_counter()
            states, _ = jax.block_until_ready(take(states, measurements))
            seconds += [(time.perf_counter() - started) / steps] * steps
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "peak_bytes": peak}), flush=True)


if __name__ == "__main__":
    main()
