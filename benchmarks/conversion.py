"""Time and memory of converting full-size checkpoints, and of one forward image of the model folder made.

The files hold random weights under the published keys: PGGAN ``.pth`` files, StyleGAN2 ``.pkl`` files of
stylegan2-ada-pytorch with generator, average and discriminator, in classes of the published names, and the files of
BigGAN's two programs. Every stage runs in
a process of its own: ``write`` the file, ``convert`` it, load it and make an image (``forward``). Files are in the page
cache, as after a download.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import biggan_files
import stylegan2_pickles
from common import Report, at_least, note, number, parser, peak_bytes, print_table

Z_DIM = 512
MIB = 2.0**20


def layout(resolution: int) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of a published PGGAN generator file (mGANprior's spelling)."""
    from gprior_jax.generators.pggan import published_channels

    shapes: dict[str, tuple[int, ...]] = {"lod": ()}
    previous = Z_DIM
    for level, features in enumerate(published_channels(resolution)):
        size = 4 if level == 0 else 3
        kernels = {
            f"layer{2 * level}": (features, previous, size, size),
            f"layer{2 * level + 1}": (features, features, 3, 3),
            f"output{level}": (3, features, 1, 1),
        }
        for name, shape in kernels.items():
            shapes |= {f"{name}.conv.weight": shape, f"{name}.wscale.bias": shape[:1]}
        previous = features
    return shapes


def write(file: Path, folder: Path, network: str, resolution: int) -> dict[str, Any]:
    """Write a random checkpoint."""
    if network != "PGGAN":
        tensors = (
            stylegan2_pickles.write(file, resolution)
            if network == "StyleGAN2"
            else biggan_files.write(file, network, resolution)
        )
        return {"file_bytes": file.stat().st_size, "tensors": tensors}
    import torch

    torch.manual_seed(0)
    shapes = layout(resolution)
    torch.save({key: torch.randn(shape) if shape else torch.zeros(()) for key, shape in shapes.items()}, file)
    return {"file_bytes": file.stat().st_size, "tensors": len(shapes)}


def convert(file: Path, folder: Path, network: str, resolution: int) -> dict[str, Any]:
    """Convert it."""
    import torch
    from gprior_converters.convert import convert_file

    before = peak_bytes()
    started = time.perf_counter()
    convert_file(file, folder)
    seconds = time.perf_counter() - started
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"seconds": seconds, "imported_bytes": before, "folder_bytes": size, "torch": torch.__version__}


def forward(file: Path, folder: Path, network: str, resolution: int) -> dict[str, Any]:
    """Load the model folder and make an image twice: with and without compilation."""
    import jax

    from gprior_jax import zoo
    from gprior_jax.generators import synthesis

    before = peak_bytes()
    started = time.perf_counter()
    prior = zoo.load(folder)
    loaded = time.perf_counter() - started
    seconds, images = [], []
    label = 0 if prior.num_classes else None
    for seed in range(2):
        z = jax.block_until_ready(synthesis.sample_z(prior, jax.random.key(seed), 1))
        started = time.perf_counter()
        images.append(jax.block_until_ready(synthesis.synthesize(prior, z, label=label)))
        seconds.append(time.perf_counter() - started)
    if any(image.shape != (1, resolution, resolution, 3) or not jax.numpy.isfinite(image).all() for image in images):
        raise SystemExit(f"forward gave non-finite pixels or images of shape {images[0].shape}")
    return {"load": loaded, "first": seconds[0], "second": seconds[1], "imported_bytes": before}


SUFFIXES = {"PGGAN": ".pth", "StyleGAN2": ".pkl", "BigGAN": ".pth", "BigGAN-deep": ".bin"}

STAGES = {"write": write, "convert": convert, "forward": forward}


def stage(name: str, network: str, resolution: int, work: Path) -> dict[str, Any]:
    """Run one stage in a fresh process."""
    what = ["--networks", network, "--resolutions", str(resolution)]
    command = [sys.executable, __file__, "--stage", name, "--work", str(work), *what]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"stage {name} of {network}-{resolution} failed with exit code {done.returncode}")
    result = json.loads(done.stdout.splitlines()[-1])
    note(f"{network}-{resolution}, {name}: peak {result['peak_bytes'] / MIB:.0f} MiB")
    return result


def serve(args: argparse.Namespace) -> None:
    """Be the fresh process."""
    resolution, network = args.resolutions[0], args.networks[0]
    paths = args.work / f"checkpoint{SUFFIXES[network]}", args.work / "model"
    result = STAGES[args.stage](*paths, network, resolution)
    print(json.dumps(result | {"peak_bytes": peak_bytes()}), flush=True)


def measure(network: str, resolution: int, rounds: int, report: Report) -> list[str]:
    """All stages for one size: a row of the table, of the rounds with the least times."""
    converted, forwarded, written = [], [], {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            written = stage("write", network, resolution, Path(folder))
            converted.append(stage("convert", network, resolution, Path(folder)))
            forwarded.append(stage("forward", network, resolution, Path(folder)))
    report.add(network=network, resolution=resolution, write=written, convert=converted, forward=forwarded)
    conversion = min(converted, key=lambda result: result["seconds"])
    image = min(forwarded, key=lambda result: result["first"])
    memory = (written["file_bytes"], conversion["peak_bytes"], conversion["imported_bytes"], image["peak_bytes"])
    times = (conversion["seconds"], image["load"], image["first"], image["second"])
    return [f"{network}-{resolution}", *(number(b / MIB, 0) for b in memory), *(number(s) for s in times)]


def main() -> None:
    """Measure every size."""
    made = parser(__doc__)
    made.add_argument("--resolutions", type=at_least(8), nargs="+", default=[256, 1024])
    made.add_argument("--networks", choices=tuple(SUFFIXES), nargs="+", default=["PGGAN", "StyleGAN2"])
    made.add_argument("--rounds", type=at_least(1), default=3, help="repetitions, of which the fastest is shown")
    made.add_argument("--stage", choices=tuple(STAGES), help=argparse.SUPPRESS)
    made.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    args = made.parse_args()
    if args.stage:
        serve(args)
        return
    report = Report("Conversion of full-size checkpoints", args, device=False)
    rows = [measure(name, size, args.rounds, report) for name in args.networks for size in args.resolutions]
    memory = ["file, MiB", "convert peak, MiB", "of it imports", "forward peak, MiB"]
    print_table(["network", *memory, "convert, s", "load, s", "first image, s", "second image, s"], rows)


if __name__ == "__main__":
    main()
