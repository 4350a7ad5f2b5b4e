"""Images decoded and augmented ahead of training: by threads, as the training loop does it, and by Grain.

    pip install grain
    python benchmarks/input_pipeline.py --data portraits128.zip

First how many images either gives when nothing else runs, then what a training step waits for its images, and what it
takes with the same images again and again.
"""

import importlib
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from common import Report, at_least, number, parser, print_table

from gprior_jax.inversion.devices import use_cores
from gprior_jax.training import data as pipeline
from gprior_jax.training.data import ImageZip, batch_order, stream

BATCH = 16


def by_threads(images: ImageZip, resolution: int, threads: int) -> Iterator[np.ndarray]:
    """The loop's own stream."""

    def requests() -> Iterator[tuple[int, int, int]]:
        position = 0
        while True:
            yield position, BATCH, resolution
            position += BATCH

    for batch, _ in stream(images, requests(), 0, mirror=True, threads=threads):
        yield batch


def by_grain(images: ImageZip, resolution: int, threads: int) -> Iterator[np.ndarray]:
    """The same batches through Grain's threads."""
    grain = importlib.import_module("grain")  # Only compared with here: no extra brings it.

    def decode(step: int) -> np.ndarray:
        return images.batch(batch_order(len(images), step * BATCH, BATCH, 0, mirror=True), resolution)

    read = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=pipeline._PREFETCH)
    return iter(grain.MapDataset.range(10**6).map(decode).to_iter_dataset(read))


SOURCES: dict[str, Callable[[ImageZip, int, int], Iterator[np.ndarray]]] = {"threads": by_threads, "grain": by_grain}


def rate(batches: Iterator[np.ndarray], number_of_batches: int) -> float:
    """Images a second, once it runs."""
    for _ in range(8):
        next(batches)
    started = time.perf_counter()
    for _ in range(number_of_batches):
        next(batches)
    return number_of_batches * BATCH / (time.perf_counter() - started)


def steps(batches: Iterator[np.ndarray], number_of_steps: int, resolution: int) -> tuple[float, float]:
    """Seconds of a training step, and of these the part in which it waited for its images; medians."""
    import jax

    from gprior_jax.training import stylegan2
    from gprior_jax.training.config import StyleGAN2Config
    from gprior_jax.training.lanes import lanes_for

    config = StyleGAN2Config(resolution=resolution, base_channels=1024, batch_size=BATCH, path_weight=0.0, r1_gamma=0.0)
    lanes = lanes_for(config)
    state, key = lanes.place((stylegan2.init(config, jax.random.key(0)), jax.random.key(1)))
    waits, whole = [], []
    for step in range(number_of_steps + 3):
        started = time.perf_counter()
        real = next(batches)
        waits.append(time.perf_counter() - started)
        given = lanes.place(jax.numpy.asarray(real)[None])
        state, _ = stylegan2.train_steps(config, state, step * BATCH, 1, given, None, key)
        jax.block_until_ready(state)
        whole.append(time.perf_counter() - started)
    return statistics.median(whole[3:]), statistics.median(waits[3:])


def main() -> None:
    """See the module."""
    made = parser(__doc__)
    made.add_argument("--data", type=Path, required=True, help="zip file of images")
    made.add_argument("--resolution", type=int, default=64, help="pixels")
    made.add_argument("--batches", type=at_least(1), default=200, help="of 16 images, decoded for a rate")
    made.add_argument("--steps", type=at_least(1), default=40, help="training steps")
    args = made.parse_args()
    use_cores()
    report, rows = Report("Input of training", args), []
    images = ImageZip(args.data)
    fixed = images.batch(batch_order(len(images), 0, BATCH, 0), args.resolution)
    for name, threads in (("threads", 1), ("threads", 2), ("threads", 4), ("grain", 1), ("grain", 2), ("grain", 4)):
        found = rate(SOURCES[name](images, args.resolution, threads), args.batches)
        whole, wait = steps(SOURCES[name](images, args.resolution, threads), args.steps, args.resolution)
        report.add(source=name, threads=threads, images_per_second=found, step=whole, wait=wait)
        rows.append([f"{name}, {threads}", number(found, 0), number(1000 * whole, 1), number(1000 * wait, 2)])
    whole, wait = steps(itertools.repeat(fixed), args.steps, args.resolution)
    report.add(source="none", threads=0, images_per_second=None, step=whole, wait=wait)
    rows.append(["the same images", "-", number(1000 * whole, 1), number(1000 * wait, 2)])
    print_table(["source, its threads", "images a second", "ms a step", "of these waiting"], rows)


if __name__ == "__main__":
    main()
