"""Holes filled and small images enlarged by deepinv's CSGM and by us: the same prior, measurements and wall time.

deepinv (0.5, BSD) finds the one code whose image explains a measurement, by Adam on the latent code (Bora et al. 2017).
It takes one measurement at a time, as many steps of it as fit into the time that we took, compilation included; with
--shipped also as it is, until its error hardly changes or 2,500 steps are done. Both compare pixels alone.

deepinv and what it needs (torchvision, torchmetrics, einops, natsort, h5py) may lie in a folder of their own, --extra.
"""

import argparse
import importlib
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from common import Report, at_least, note, number, parser, print_table
from intervals import held_out
from torch_pggan import Generator

import gprior_jax as gp
from gprior_jax import recipes, tasks
from gprior_jax.images import arrays as im
from gprior_jax.metrics.fidelity import fidelity
from gprior_jax.operators import box_mask

FACTOR = 4

TRIED = 10
"""Steps that tell how long one takes."""


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--data", type=Path, required=True, metavar="ZIP", help="images; those held out are restored")
    made.add_argument("--limit", type=at_least(1), default=16, help="images")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--shipped", action="store_true", help="deepinv's own stopping, too: half an hour more")
    made.add_argument("--extra", type=Path, metavar="DIR", help="where deepinv lies")
    return made.parse_args()


def deepinv(extra: Path | None) -> Any:
    """The package; operators of torchvision, which need PyTorch's build for CUDA, are left out."""
    if extra is not None:
        sys.path.append(str(extra))
    sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
    return importlib.import_module("deepinv")


class Case(NamedTuple):
    """A task: ours, its arrays, and the forward operator in PyTorch, ``[B, C, H, W] -> [B, C, h, w]``."""

    task: tasks.Task
    arrays: tasks.Arrays
    forward: Callable[[torch.Tensor], torch.Tensor]


def cases(images: np.ndarray) -> dict[str, Case]:
    """Both tasks, measured once for both programs."""
    size = images.shape[1]
    side = 3 * size // 8
    known = np.broadcast_to(np.asarray(box_mask(size, side)), (*images.shape[:3], 1))
    mask = torch.from_numpy(np.asarray(known[0]).transpose(2, 0, 1)[None].copy())
    upscaling = tasks.upscaling(FACTOR, "area")
    small = jax.vmap(upscaling.degrade, (0, None))(jnp.asarray(images), jax.random.key(0))
    return {
        f"a box of {side} px": Case(
            tasks.inpainting(), {"observed": images * known, "known": known}, lambda x: x * mask
        ),
        f"enlarging by {FACTOR}": Case(
            upscaling,
            {"observed": im.from_uint8(im.to_uint8(small))},
            lambda x: torch.nn.functional.avg_pool2d(x, FACTOR),
        ),
    }


class Answers(NamedTuple):
    """Images ``[B, R, R, 3]``, seconds, and steps of each."""

    images: np.ndarray
    seconds: float
    steps: float


def csgm(package: Any, generator: Generator, case: Case, seed: int, **options: Any) -> Answers:
    """Deepinv's answers, one measurement after the other."""
    calls = []
    handle = generator.register_forward_hook(lambda *_: calls.append(None))
    network = package.models.CSGMGenerator(generator, **options).eval()
    physics = package.physics.Physics(A=case.forward)
    torch.manual_seed(seed)
    measured = torch.from_numpy(np.ascontiguousarray(case.arrays["observed"].transpose(0, 3, 1, 2)))
    started = time.perf_counter()
    found = [network(one[None], physics).detach() for one in measured]
    seconds = time.perf_counter() - started
    handle.remove()
    images = torch.cat(found).numpy().transpose(0, 2, 3, 1)
    return Answers(np.clip(images, -1.0, 1.0), seconds, len(calls) / len(found) - 1)


def ours(prior: Any, case: Case, seed: int) -> Answers:
    """Our answers to all measurements at once, by the task's own recipe on pixels."""
    recipe = recipes.restoration(case.task.name, prior, perceptual=None)
    started = time.perf_counter()
    found = case.task.restore(prior, case.arrays, jax.random.key(seed), {"recipe": recipe})
    steps = recipes.FAST_TASKS[case.task.name].num_steps
    return Answers(np.asarray(found.images), time.perf_counter() - started, steps)


def finished(case: Case, images: np.ndarray) -> np.ndarray:
    """Answers with what was observed put in place, as our tasks do."""
    observed = jnp.asarray(case.arrays["observed"])
    return np.asarray(jax.vmap(case.task.finish)(jnp.asarray(images), observed, case.task.operator(case.arrays)))


def main() -> None:
    """Restore by both programs."""
    args = arguments()
    package, prior = deepinv(args.extra), gp.load("builtin")
    generator = Generator(prior.params, prior.resolution.bit_length() - 2).eval()
    images = held_out(args.data, args.limit, prior.resolution, args.seed)
    report = Report(f"deepinv {package.__version__}, {len(images)} images", args)
    _check_same(prior, generator)
    rows = []
    for name, case in cases(images).items():
        mine = ours(prior, case, args.seed)
        tried = csgm(package, generator, case, args.seed, inf_tol=-1.0, inf_max_iter=TRIED)
        most = max(1, int(mine.seconds / tried.seconds * TRIED))
        longer = csgm(package, generator, case, args.seed, inf_tol=-1.0, inf_max_iter=most)
        kept = longer._replace(images=finished(case, longer.images))
        told = {"CSGM, as long": longer, "as long, finished as ours": kept, "ours": mine}
        if args.shipped:
            told["CSGM as shipped"] = csgm(package, generator, case, args.seed)
        for way, answers in told.items():
            figures = {key: float(np.mean(value)) for key, value in fidelity(answers.images, images).items()}
            report.add(task=name, way=way, seconds=answers.seconds, steps=answers.steps, **figures)
            note(f"{name}, {way}: {figures['psnr']:.2f} dB in {answers.seconds:.0f} s")
            cells = [number(figures["psnr"]), f"{figures['ssim']:.3f}", number(answers.steps, 0)]
            rows.append([name, way, *cells, number(answers.seconds, 1)])
    print_table(["task", "program", "PSNR, dB", "SSIM", "steps an image", "seconds"], rows)


def _check_same(prior: Any, generator: Generator) -> None:
    """Both generators draw the same images."""
    z = gp.sample_z(prior, jax.random.key(0), 2)
    wanted = np.asarray(gp.synthesize(prior, z))
    with torch.no_grad():
        found = generator(torch.from_numpy(np.array(z))[..., None, None]).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, wanted, atol=1e-3)


if __name__ == "__main__":
    main()
