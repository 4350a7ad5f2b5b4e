"""Translators beside the same networks in PyTorch: the forward pass, training steps, and a large photograph.

    python benchmarks/translation.py                        # forward and steps, in turns with PyTorch
    python benchmarks/translation.py --photograph 2048 1365 # whole and in bands: seconds, memory, differences

Weights are random, in the published sizes: CycleGAN's ResNet of nine blocks, pix2pix' U-Net, discriminators of 70 x 70
pixels, 256 px. Every run in pieces of the photograph is a process of its own, so that its peak memory is. So is every
contender of a training step, once as any program and once with the settings of malloc of ``gprior train translation``.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, note, number, parser, peak_bytes, print_table

from gprior_jax.inversion.devices import use_cores
from gprior_jax.nn.whole import OWN
from gprior_jax.training import translation
from gprior_jax.training.translation_config import translation_config
from gprior_jax.translation import ResNetTranslator, Translator, UNetTranslator, prepare_translator, translate
from gprior_jax.translation.network import TranslationNetwork
from gprior_jax.zoo.networks import abstract_params

SIDE = 256
SETTLE_SECONDS = 0.05
"""Pause between contenders, in which the idle threads of the other library stop spinning."""

KEEPING = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2000000000"}
"""Settings of glibc by which freed memory stays with a process of either library."""

Call = Callable[[], Any]


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument(
        "--batches", type=at_least(1), nargs="*", default=[1, 4], help="images at once, of the forward pass"
    )
    made.add_argument("--rounds", type=at_least(1), default=5, help="measurements of every contender, in turns")
    made.add_argument("--steps", type=at_least(0), default=3, help="of those of training steps; 0 leaves them out")
    made.add_argument("--methods", nargs="+", choices=("pix2pix", "cyclegan"), default=("pix2pix", "cyclegan"))
    made.add_argument("--processes", type=at_least(1), default=1, help="of every contender, after one another")
    made.add_argument(
        "--photograph", type=at_least(2), nargs=2, metavar=("WIDTH", "HEIGHT"), help="measure one instead"
    )
    made.add_argument("--stage", help=argparse.SUPPRESS)
    return made.parse_args()


def random_params(module: Any) -> Any:
    """Weights that keep the size of features."""
    rng = np.random.default_rng(0)

    def one(leaf: Any) -> np.ndarray:
        deviation = 1.0 / np.prod(leaf.shape[-4:-1]) ** 0.5 if len(leaf.shape) >= 4 else 0.1
        return (deviation * rng.standard_normal(leaf.shape)).astype(np.float32)

    return jax.tree.map(one, abstract_params(module))


def images(number: int, seed: int = 0) -> np.ndarray:
    """Random pictures ``[B, 256, 256, 3]``."""
    return np.random.default_rng(seed).uniform(-1, 1, (number, SIDE, SIDE, 3)).astype(np.float32)


def nchw(pictures: np.ndarray) -> Any:
    """For PyTorch."""
    import torch

    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())


def applied(module: TranslationNetwork, image: jax.Array, weights: Any) -> jax.Array:
    """One picture through a network of prepared weights."""
    return cast(jax.Array, module.apply({}, image, OWN, None, weights))


def forward_calls(number: int) -> dict[str, dict[str, Call]]:
    """The forward passes of both networks, of PyTorch and ours."""
    import torch
    import torch_translation as plain

    nets = {
        "ResNet, 9 blocks": (ResNetTranslator(), plain.ResNet(64, 9)),
        "U-Net, 8 halvings": (UNetTranslator(dropout=False), plain.UNet(64, 8)),
    }
    made = {}
    for name, (module, net) in nets.items():
        weights = prepare_translator(Translator(random_params(module), module)).weights
        run = jax.jit(lambda x, w, module=module: jax.vmap(lambda image: applied(module, image, w))(x))
        ours = partial(run, jnp.asarray(images(number)), weights)
        theirs = nchw(images(number))

        def torch_call(net: Any = net, theirs: Any = theirs) -> Any:
            with torch.no_grad():
                return net(theirs)

        made[name] = {"PyTorch": torch_call, "gprior_jax": lambda ours=ours: jax.block_until_ready(ours())}
    return made


def step_call(method: str, side: str) -> Call:
    """A training step of one method, of PyTorch or ours."""
    before, after = images(1), images(1, 1)
    if side == "PyTorch":
        import torch_translation as plain

        if method == "pix2pix":
            model: Any = plain.Pix2Pix(plain.UNet(64, 8, dropout=True), plain.Patches(64))
        else:
            judges = [plain.Patches(64, 3, 3, plain.instance) for _ in range(2)]
            model = plain.CycleGAN(plain.ResNet(64, 9), plain.ResNet(64, 9), judges)
        return partial(model.step, nchw(before), nchw(after))
    use_cores()  # As the command does.
    config = translation_config(cast(Any, method))
    state = [translation.init(config, jax.random.key(0))]

    def ours() -> None:
        state[0], _ = translation.train_step(config, state[0], before, after, jax.random.key(1))
        jax.block_until_ready(state[0])

    return ours


def answer_steps(method: str, side: str) -> None:
    """Be the process of a contender: a step, and what it took, for every line that comes."""
    call = step_call(method, side)
    call()
    call()
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        call()
        print(time.perf_counter() - started, flush=True)


class Contender:
    """A process that takes a training step when it is asked."""

    def __init__(self, method: str, side: str, keeps: bool):
        """Start it and wait until it has compiled."""
        plain = {name: value for name, value in os.environ.items() if name not in KEEPING}
        stage = json.dumps({"step": method, "side": side})
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--stage", stage],
            env=plain | (KEEPING if keeps else {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._line()

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise SystemExit("A contender ended early; its message is above.")
        return line

    def step(self) -> float:
        """Seconds of one more."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def compare_steps(args: argparse.Namespace, report: Report) -> None:
    """Training steps beside PyTorch's, each with and without memory that is kept."""
    rows = []
    names = [(side, keeps) for side in ("PyTorch", "gprior_jax") for keeps in (False, True)]
    for method in args.methods:
        seconds: dict[tuple[str, bool], list[float]] = {name: [] for name in names}
        for _ in range(args.processes):
            sides = {name: Contender(method, *name) for name in names}
            for _ in range(args.steps):
                for name, side in sides.items():
                    time.sleep(SETTLE_SECONDS)
                    seconds[name].append(side.step())
            for side in sides.values():
                side.close()
        found = [statistics.median(seconds[name]) for name in names]
        note(f"a step of {method}: {dict(zip(names, found, strict=True))}")
        report.add(what=method, seconds=found)
        rows.append([method, *map(number, found), number(found[0] / found[2]), number(found[0] / found[3])])
    columns = ["PyTorch, s", "memory kept", "gprior_jax, s", "memory kept", "times as fast", "as the command runs"]
    print_table(["a training step, 256 px", *columns], rows)


def measure(calls: dict[str, Call], rounds: int) -> dict[str, float]:
    """Median seconds of every contender, measured in turns; the first calls compile."""
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(SETTLE_SECONDS)
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def compare(args: argparse.Namespace, report: Report) -> None:
    """Forward passes beside PyTorch's."""
    rows = []
    for batch in args.batches:
        for name, calls in forward_calls(batch).items():
            found = measure(calls, args.rounds)
            note(f"{name}, {batch} images: {found}")
            report.add(what=name, images=batch, seconds=found)
            theirs, ours = found["PyTorch"], found["gprior_jax"]
            rows.append([name, batch, number(theirs), number(ours), number(theirs / ours)])
    print_table(["256 px", "images", "PyTorch, s", "gprior_jax, s", "times as fast"], rows)


def photograph(width: int, height: int) -> np.ndarray:
    """A large picture of smooth and of busy parts, in [-1, 1]."""
    rows, columns = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    waves = np.stack([np.sin(20 * rows * columns), np.cos(9 * columns), rows * 2 - 1], axis=-1)
    noise = np.random.default_rng(0).uniform(-1, 1, (height, width, 3)) * columns[..., None]
    return (0.6 * waves + 0.4 * noise).astype(np.float32)


def of_photograph(args: argparse.Namespace) -> None:
    """One run in a process of its own: prints what it took, and keeps the picture."""
    stage = json.loads(args.stage)
    module = ResNetTranslator()
    translator = prepare_translator(Translator(random_params(module), module))
    picture, before = photograph(*args.photograph), peak_bytes()
    options = {"run": stage["run"]} | ({"band_bytes": stage["band_bytes"]} if stage["band_bytes"] else {})
    seconds, found = [], picture
    for _ in range(2):
        started = time.perf_counter()
        found = np.asarray(translate(translator, picture, **options))
        seconds.append(time.perf_counter() - started)
    np.save(stage["out"], found)
    print(json.dumps({"first": seconds[0], "again": seconds[1], "peak": peak_bytes(), "before": before}))


def compare_pieces(args: argparse.Namespace, report: Report) -> None:
    """Whole and in bands."""
    folder = Path(args.out.parent if args.out else ".")
    rows, whole = [], None
    for name, stage in (
        ("whole", {"run": "whole", "band_bytes": 0}),
        ("bands of 32 MB", {"run": "bands", "band_bytes": 32 << 20}),
        ("bands of 8 MB", {"run": "bands", "band_bytes": 8 << 20}),
    ):
        kept = folder / f"translated-{stage['run']}-{stage['band_bytes']}.npy"
        size = [str(side) for side in args.photograph]
        told = json.dumps(stage | {"out": str(kept)})
        command = [sys.executable, __file__, "--photograph", *size, "--stage", told]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        picture = np.load(kept)
        kept.unlink()
        whole = picture if whole is None else whole
        found["grey_levels"] = float(np.abs(picture - whole).max() * 127.5)
        note(f"{name}: {found}")
        report.add(what=name, **found)
        peak, before = (number(found[key] / 1e9) for key in ("peak", "before"))
        rows.append(
            [name, number(found["first"], 1), number(found["again"], 1), peak, before, f"{found['grey_levels']:.1e}"]
        )
    columns = ["first run, s", "again, s", "peak, GB", "before it, GB", "grey levels from the whole run"]
    print_table(["ResNet, 9 blocks", *columns], rows, f"A photograph of {args.photograph[0]} x {args.photograph[1]}")


def main() -> None:
    """Measure what is asked for."""
    args = arguments()
    stage = json.loads(args.stage) if args.stage else {}
    if "step" in stage:
        answer_steps(stage["step"], stage["side"])
        return
    if stage:
        of_photograph(args)
        return
    report = Report("Translators", args)
    if args.photograph:
        compare_pieces(args, report)
        return
    compare(args, report)
    if args.steps:
        compare_steps(args, report)


if __name__ == "__main__":
    main()
