"""Boundaries of the bundled priors: trained on what they draw, measured on what was left out, and written.

    python benchmarks/boundaries.py portraits
    python benchmarks/boundaries.py synthetic

``portraits``: attributes that regions of a picture score (``portrait_attributes.py``), in w of
``builtin:portraits``. Told are the accuracy on the codes kept out of training, and on other draws whose scores are in
the highest or the lowest quarter; on how many of 64 faces the score rises with every step from -3 to 3 deviations; and
what a conditional edit leaves of the change of the attribute that it is to keep. With ``--save`` the boundaries go to
the folder, an ``.npz`` each. ``synthetic``: angles between the normals of all methods and the true axis. Those of
``builtin:cells`` are found by ``cell_boundaries.py``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from common import Report, number, parser, print_table
from edited import PICTURES, SEED, draw, rises, write
from portrait_attributes import ATTRIBUTES

import gprior_jax as gp
from gprior_jax.editing import Direction, measure_deviations, project_out, train_boundary
from gprior_jax.editing.boundaries import Method
from gprior_jax.editing.spread import own_codes
from gprior_jax.editing.strips import STRENGTHS, drawn, moved
from gprior_jax.storage.atomic import read_json
from gprior_jax.zoo import bundled_folder

METHODS: tuple[tuple[Method, float], ...] = (
    *(("svm", c) for c in (1.0, 1e-1, 1e-2, 1e-3)),
    ("mean", 1.0),
    *(("logistic", c) for c in (1.0, 1e-2)),
)
"""And regularisation, of ``synthetic``."""
PAIRS = (
    ("bright", "bright_ground"),
    ("bright", "fair_hair"),
    ("fair_hair", "bright"),
    ("bright_ground", "bright"),
    ("blue_ground", "warm"),
    ("warm", "blue_ground"),
    ("open_mouth", "contrast"),
    ("contrast", "open_mouth"),
)
"""An attribute, and one that goes along with it and is to be kept."""


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("what", choices=("portraits", "synthetic"))
    made.add_argument("--draws", type=int, default=20_000, help="codes to train on; a fifth of them more is left out")
    made.add_argument("--method", default="svm", choices=("svm", "mean", "logistic"))
    made.add_argument("--save", type=Path, metavar="FOLDER", help="write the boundaries")
    return made.parse_args()


def scores_along(prior: Any, codes: dict[str, np.ndarray], direction: Direction) -> dict[str, np.ndarray]:
    """Every score of codes moved along a direction, ``[K, S]``."""
    pictures = draw(prior, moved(codes, direction, STRENGTHS)["w_plus"])
    return {name: score(pictures).reshape(-1, len(STRENGTHS)) for name, score in ATTRIBUTES.items()}


def change(scores: np.ndarray) -> float:
    """Mean change from -2 to 2 deviations, without its sign."""
    ends = [STRENGTHS.index(-2.0), STRENGTHS.index(2.0)]
    return float(np.abs(scores[:, ends[1]] - scores[:, ends[0]]).mean())


def portraits(args: argparse.Namespace, report: Report) -> None:
    """See the module."""
    prior = gp.prepare(gp.load("builtin:portraits"))
    truncation = read_json(bundled_folder("builtin:portraits") / "config.json")["provenance"].get("truncation", 1.0)
    w = own_codes(prior, "w", args.draws + args.draws // 5)
    pictures = draw(prior, np.repeat(w[:, None], prior.num_styles, 1))
    faces = drawn(prior, PICTURES, SEED, truncation)
    rows, along, found = [], {}, {}
    for name, score in ATTRIBUTES.items():
        scores = score(pictures)
        boundary = train_boundary(w[: args.draws], scores[: args.draws], "w", method=args.method, name=name)
        [direction] = measure_deviations(prior, [boundary.direction])
        order = args.draws + np.argsort(scores[args.draws :])
        ends = np.concatenate([order[: len(order) // 4], order[-(len(order) // 4) :]])
        high = np.arange(len(ends)) >= len(ends) // 2
        left_out = float(((w[ends] @ direction.vector > direction.offset) == high).mean())
        along[name], found[name] = scores_along(prior, faces, direction), direction
        facts = {"validation": boundary.validation, "rest": boundary.rest, "left_out": left_out}
        facts |= {"rises": rises(along[name][name]), "deviation": direction.deviation}
        rows.append([name, *(number(value, 3) for value in facts.values())])
        report.add(**({"attribute": name} | facts))
        write(args.save, prior, direction, facts | {"method": args.method, "draws": args.draws, "scored by": name})
    heads = ["attribute", "kept out", "rest", "left-out quarters", f"rises, of {PICTURES}", "deviation"]
    print_table(heads, rows, f"Boundaries in w, {args.method}, {args.draws} draws")
    rows = []
    for name, kept in PAIRS:
        [both] = measure_deviations(prior, [project_out(found[name], [found[kept]])])
        after = scores_along(prior, faces, both)
        plain, conditional = change(along[name][kept]), change(after[kept])
        own = change(after[name]) / change(along[name][name])
        facts = {"plain": plain, "conditional": conditional, "part": conditional / plain, "own": own}
        rows.append([name, kept, *(number(value, 3) for value in facts.values()), number(rises(after[name]), 3)])
        report.add(**({"attribute": name, "kept": kept} | facts))
    heads = ["attribute", "kept", "changes, plain", "conditional", "part", "own change", "rises"]
    print_table(heads, rows, "Conditional edits, from -2 to 2 deviations")


def synthetic(report: Report) -> None:
    """See the module."""
    rng, rows = np.random.default_rng(0), []
    for dim, draws, noise in (
        (128, 2000, 0.0),
        (128, 2000, 1.0),
        (128, 20_000, 0.0),
        (128, 20_000, 1.0),
        (512, 20_000, 0.0),
        (512, 20_000, 1.0),
    ):
        codes, axis = rng.normal(size=(draws, dim)), rng.normal(size=dim)
        axis /= np.linalg.norm(axis)
        scores = codes @ axis + noise * rng.normal(size=draws)
        angles = {}
        for method, regularization in METHODS:
            found = train_boundary(codes, scores, "z", method=method, regularization=regularization)
            angles[f"{method} {regularization:g}"] = float(np.degrees(np.arccos(found.direction.vector @ axis)))
        rows.append([dim, draws, noise, *(number(angle, 1) for angle in angles.values())])
        report.add(**({"dim": dim, "draws": draws, "noise": noise} | angles))
    heads = [
        "numbers",
        "codes",
        "noise",
        *(f"{method}, C {c:g}" if method != "mean" else method for method, c in METHODS),
    ]
    print_table(heads, rows, "Degrees between the normal and the true axis, 1,000 codes of each end")


def main() -> None:
    """Measure."""
    args = arguments()
    report = Report(f"boundaries of {args.what}", args)
    if args.what == "synthetic":
        synthetic(report)
    else:
        portraits(args, report)


if __name__ == "__main__":
    main()
