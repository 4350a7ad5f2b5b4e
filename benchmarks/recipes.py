"""Settings of training at equal CPU time: the distance of what each gives to images that it was not trained on.

    python benchmarks/recipes.py --data portraits128.zip --perceptual lite0 --start portraits-of-4011a2e --minutes 8

Every recipe is a process on one core, which trains for so many minutes of that core's time (compilation not counted),
then draws images from its averaged generator. The runs stay in ``--runs``, with sheets of samples to be looked at.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from common import Report, at_least, note, number, parser, print_table

PROJECTED = {"projected_weight": 1.0, "projected_rate": 1e-3, "noise_limit": 0.03}


class Recipe(NamedTuple):
    """One row.

    Attributes:
        title: what differs.
        settings: of ``StyleGAN2Config``, beside the common ones.
        fresh: starts from drawn weights, not from the trained prior.
    """

    title: str
    settings: dict[str, Any]
    fresh: bool = False


COMMON = {"base_channels": 1024, "learning_rate": 2.5e-3, "r1_gamma": 0.05}
"""Settings that the portraits of commit 4011a2e were trained with."""

RECIPES = {
    "as before": Recipe("as the portraits of 4011a2e", {}),
    "noise": Recipe("noise limit 0.03", {"noise_limit": 0.03}),
    "r1 0.3": Recipe("noise limit 0.03, R1 0.3", {"noise_limit": 0.03, "r1_gamma": 0.3}),
    "augment": Recipe("noise limit 0.03, augmentation", {"noise_limit": 0.03, "augment": True}),
    "no path": Recipe("noise limit 0.03, no path length penalty", {"noise_limit": 0.03, "path_weight": 0.0}),
    "projected": Recipe("noise limit 0.03, projected", PROJECTED),
    "projected 3": Recipe("the same, weight 3", PROJECTED | {"projected_weight": 3.0}),
    "projected 0.3": Recipe("the same, weight 0.3", PROJECTED | {"projected_weight": 0.3}),
    "projected slow": Recipe("projected, rate 2e-4", PROJECTED | {"projected_rate": 2e-4}),
    "projected no path": Recipe("projected, no path length penalty", PROJECTED | {"path_weight": 0.0}),
    "projected r1 0.3": Recipe("projected, R1 0.3", PROJECTED | {"r1_gamma": 0.3}),
    "projected alone": Recipe("projected, pixels ignored", PROJECTED | {"pixel_weight": 0.0}),
    "fresh": Recipe("from drawn weights, noise limit 0.03", {"noise_limit": 0.03}, fresh=True),
    "fresh projected": Recipe("from drawn weights, projected", PROJECTED, fresh=True),
    "fresh projected alone": Recipe(
        "from drawn weights, projected, pixels ignored", PROJECTED | {"pixel_weight": 0.0}, fresh=True
    ),
    "fresh wide": Recipe(
        "from drawn weights, projected, twice the widths", PROJECTED | {"base_channels": 2048}, fresh=True
    ),
}


class Enough(Exception):
    """The time is over."""


def train_for(minutes: float, config: Any, options: dict[str, Any], every: int) -> None:
    """Train for so much CPU time after the first row; the snapshot of the last row before the end stays."""
    import time

    from gprior_jax.training.loop import train

    started: list[float] = []

    def told(row: dict[str, Any]) -> None:
        if not started:
            started.append(time.process_time())
        if time.process_time() - started[0] > 60 * minutes:
            raise Enough

    try:
        train(config, log_images=every, snapshot_images=every, report=told, **options)
    except Enough:
        return


def one(settings: dict[str, Any]) -> None:
    """The process of one recipe: train, draw, judge; prints one line of JSON."""
    os.sched_setaffinity(0, {settings["core"]})
    import jax

    from gprior_jax import metrics, zoo
    from gprior_jax.perceptual.network import PerceptualNetwork
    from gprior_jax.training.config import StyleGAN2Config
    from gprior_jax.training.data import ImageZip

    recipe, out = RECIPES[settings["name"]], Path(settings["folder"])
    config = StyleGAN2Config(images=10_000_000, **(COMMON | recipe.settings))
    options = {
        "data": settings["data"],
        "out": out,
        "perceptual": settings["perceptual"],
        "init_from": None if recipe.fresh else settings["start"],
    }
    train_for(settings["minutes"], config, options, settings["every"])
    judge, real = zoo.load_perceptual(settings["perceptual"]), ImageZip(settings["data"], "held_out")
    assert isinstance(judge, PerceptualNetwork)
    size = config.resolution
    references = metrics.features_of(judge, lambda i: real.image(i, size) / 255, len(real))
    found = metrics.prior_distance(
        zoo.load(out / "model"), judge, references, jax.random.key(0), num_samples=settings["samples"]
    )
    seen = zoo.read_config(out / "model")["provenance"]["images_seen"]
    print(json.dumps({"images": seen, "fid": found.fid, "kid": found.kid}), flush=True)


def main() -> None:
    """See the module."""
    made = parser(__doc__)
    made.add_argument("--data", type=Path, required=True, help="zip file of images")
    made.add_argument("--perceptual", type=Path, required=True, help="model folder with EfficientNet-Lite0")
    made.add_argument("--start", required=True, help="prior that most of them start from, 1024 base channels")
    made.add_argument("--minutes", type=float, default=8.0, help="of one core for each")
    made.add_argument("--samples", type=at_least(1), default=2000, help="images drawn for the distance")
    made.add_argument("--every", type=at_least(16), default=2000, help="images between snapshots")
    made.add_argument("--core", type=int, default=0, help="the core that they run on, one after the other")
    made.add_argument("--only", nargs="*", choices=list(RECIPES), default=list(RECIPES), help="some of them")
    made.add_argument("--runs", type=Path, default=Path("runs/recipes"), help="their folder")
    made.add_argument("--one", help=argparse.SUPPRESS)
    args = made.parse_args()
    if args.one:
        one(json.loads(args.one))
        return
    report, rows = Report("Recipes of training", args, device=False), []
    for name in args.only:
        settings = {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}
        settings |= {"name": name, "folder": str(args.runs / name.replace(" ", "-"))}
        command = [sys.executable, __file__, "--data", "-", "--perceptual", "-", "--start", "-", "--one"]
        told = subprocess.run([*command, json.dumps(settings)], stdout=subprocess.PIPE, text=True, check=True).stdout
        found = json.loads(told.splitlines()[-1])
        report.add(recipe=name, **found)
        rows.append([RECIPES[name].title, f"{found['images']:,}", number(found["fid"]), number(found["kid"], 4)])
        note("  ".join(rows[-1]))
    print_table(["recipe", "images", "FID", "KID"], rows, f"{args.minutes:g} minutes of one core each")


if __name__ == "__main__":
    main()
