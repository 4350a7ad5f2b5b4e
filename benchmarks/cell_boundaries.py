"""Boundaries between each class of ``builtin:cells`` and the rest, in W+, measured on cells that nothing has seen.

    python benchmarks/cell_boundaries.py --data cells64.zip
    python benchmarks/cell_boundaries.py --data cells64.zip --save gprior_jax/data/builtin-cells/directions

A logistic regression of styles that the mapping network gave with their classes, and of those that the encoder gives
for the photographs that the prior was trained on. Either way to styles has an equal say, as have the class and the
rest. Which side codes lie on says little of what pictures become in between, so slopes have a say too: gradients of the
class's score at moved codes are to point to the boundary's positive side. Scores are those of a judge, linear in the
pooled features of the prior's discriminator, that has learned from photographs and drawn pictures.

Told are accuracies on other draws, and on the photographs kept out of the training of the prior, of its encoder and of
everything here, as they come (the mean of both sides too, as saying no to all is right of seven classes in eight); and
on how many of 64 cells the score rises with every step from -3 to 3 deviations. ``--bundled`` measures the files that
the prior comes with. ``--inverted N`` inverts N of each class that were kept out, and asks on which side they are.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, number, parser, print_table
from edited import PICTURES, SEED, draw, rises, write
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import gprior_jax as gp
from gprior_jax import recipes
from gprior_jax.editing import Direction, measure_deviations
from gprior_jax.editing.spread import drawn_labels, own_codes
from gprior_jax.editing.strips import STRENGTHS, drawn, moved
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.images import arrays as im
from gprior_jax.inversion.batching import in_batches
from gprior_jax.inversion.devices import use_cores
from gprior_jax.metrics.frechet import network_features
from gprior_jax.perceptual import network
from gprior_jax.perceptual.network import PerceptualNetwork
from gprior_jax.runs.directions_file import bundled_directions, load_direction
from gprior_jax.storage.atomic import read_json
from gprior_jax.training.data import ImageZip, Split
from gprior_jax.typing import Array
from gprior_jax.zoo import resolve

LEFT_OUT = 4000
"""Draws that accuracies are measured on."""

JUDGED_DRAWS, JUDGED_PHOTOGRAPHS = 4000, 500
"""That the judge learns from; photographs of each class."""

JUDGE_C = 0.1
"""Of 0.001, 0.01 and 0.1 the best on photographs and draws kept from the judge."""

WEIGHT = 200.0
"""Of the mean loss of either way to styles, and of slopes, beside half of the squared normal, for codes in units of
their deviation."""

SLOPES, ROUNDS = 192, 2
"""Codes whose slopes are taken in a round, along the boundary of the round before; the first has none."""

SLOPE_LENGTH = 3.0
"""Slopes are told in a third of their median length."""

CONSTANT = 10.0
"""Beside codes, in place of an intercept, which slopes have none of; so large that the penalty does not see it."""


class Labelled(NamedTuple):
    """Styles ``[N, L, D]``, or images, uint8 ``[N, R, R, C]``, and their classes ``[N]``."""

    values: np.ndarray
    labels: np.ndarray


class Judge(NamedTuple):
    """A score for every class, linear in features: weights ``[F, classes]`` and constants ``[classes]``."""

    features: PerceptualNetwork
    weights: np.ndarray
    constants: np.ndarray

    def scores(self, pictures: np.ndarray) -> np.ndarray:
        """``[N, classes]`` of pictures in [-1, 1]."""
        return features_of(self.features, pictures) @ self.weights + self.constants


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--model", default="builtin:cells", help="a prior with classes and an encoder to W+")
    made.add_argument("--data", type=Path, required=True, metavar="ZIP", help="photographs with their classes")
    made.add_argument("--draws", type=at_least(8), default=8_000, help="codes to train on")
    made.add_argument("--photographs", type=at_least(2), default=1_000, help="to train on, of each class at most")
    made.add_argument("--rounds", type=at_least(0), default=ROUNDS, help="of slopes")
    made.add_argument("--bundled", action="store_true", help="measure the boundaries that the prior comes with")
    made.add_argument("--inverted", type=at_least(0), default=0, metavar="N", help="invert N kept out of each class")
    made.add_argument("--save", type=Path, metavar="FOLDER", help="write the boundaries")
    return made.parse_args()


def photographs(path: Path, split: Split, side: int, most: int | None = None) -> Labelled:
    """Photographs of a split, at most so many of each class, drawn by chance."""
    found = ImageZip(path, split)
    labels, names = found.labels()
    rng = np.random.default_rng(0)
    rows = np.sort(np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:most] for c in range(len(names))]))
    return Labelled(np.stack([found.image(int(row), side) for row in rows]), labels[rows])


def encoded(prior: Prior, real: Labelled) -> Labelled:
    """The styles that the encoder gives for photographs."""
    encoder = prior.encoder
    if encoder is None or encoder.module.space != "w_plus":
        raise SystemExit(f"{prior} has no encoder to W+: train one with 'gprior train encoder'.")

    @jax.jit
    def encode(images: Array) -> Array:
        return jax.vmap(encoder.encode)(images)["w_plus"]

    return Labelled(in_batches(lambda rows: encode(from_bytes(rows)), 32, real.values), real.labels)


def from_bytes(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1]."""
    return np.asarray(im.from_uint8(images))


def features_of(features: PerceptualNetwork, pictures: np.ndarray) -> np.ndarray:
    """Pooled features ``[N, F]`` of pictures in [-1, 1]."""
    return network_features(features, (np.clip(pictures, -1.0, 1.0) + 1.0) / 2.0, 64)


def judge_of(prior: Prior, real: Labelled, own: Labelled) -> Judge:
    """A judge that has learned from photographs, and from what drawn styles show."""
    features = network.default(prior).prepare()
    few = np.concatenate([np.flatnonzero(real.labels == c)[:JUDGED_PHOTOGRAPHS] for c in range(prior.num_classes)])
    pictures = draw(prior, own.values[:JUDGED_DRAWS])
    seen = np.concatenate([features_of(features, shown) for shown in (from_bytes(real.values[few]), pictures)])
    labels = np.concatenate([real.labels[few], own.labels[:JUDGED_DRAWS]])
    scaler = StandardScaler().fit(seen)
    weights: list[np.ndarray] = []
    constants: list[float] = []
    for index in range(prior.num_classes):
        model = LogisticRegression(C=JUDGE_C, class_weight="balanced", solver="newton-cholesky")
        model.fit(scaler.transform(seen), labels == index)
        weights.append(np.asarray(model.coef_)[0] / scaler.scale_)
        constants.append(float(np.asarray(model.intercept_)[0] - weights[-1] @ scaler.mean_))
    return Judge(features, np.stack(weights, 1).astype(np.float32), np.array(constants, np.float32))


@jax.jit
def _gradients(prior: Prior, features: PerceptualNetwork, weights: Array, codes: Array) -> Array:
    def score(styles: Array) -> Array:
        picture = run_layers(prior, None, styles=styles)
        return features.vector(jnp.clip(picture, -1.0, 1.0)) @ weights

    return jax.vmap(jax.grad(score))(codes)


def slopes_along(
    prior: Prior, judge: Judge, index: int, direction: Direction, codes: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Gradients ``[N, L * D]`` of a class's score at styles, each moved along a direction by -3 to 3 deviations."""
    strengths = rng.uniform(STRENGTHS[0], STRENGTHS[-1], (len(codes), 1, 1)) * (direction.deviation or 1.0)
    at, weights = (codes + strengths * direction.vector).astype(np.float32), judge.weights[:, index]
    return flat(in_batches(lambda rows: _gradients(prior, judge.features, weights, rows), 32, at))


def flat(codes: np.ndarray) -> np.ndarray:
    """``[N, L * D]``, float64."""
    return codes.reshape(len(codes), -1).astype(np.float64)


def fit(ways: list[Labelled], index: int, slopes: list[np.ndarray], name: str) -> Direction:
    """The boundary between a class and the rest; see the module."""
    deviation, data, right, weights = float(np.std(ways[0].values)), [], [], []
    for way in ways:
        own = way.labels == index
        data.append(np.c_[flat(way.values) / deviation, np.full(len(own), CONSTANT)])
        right.append(own)
        weights.append(np.where(own, 0.5 / own.sum(), 0.5 / (~own).sum()))
    if slopes:
        steep = np.concatenate(slopes)
        steep *= SLOPE_LENGTH / np.median(np.linalg.norm(steep, axis=1))
        data.append(np.c_[steep, np.zeros(len(steep))])
        right.append(np.full(len(steep), True))
        weights.append(np.full(len(steep), 1.0 / len(steep)))
    model = LogisticRegression(C=WEIGHT, fit_intercept=False, solver="newton-cholesky")
    model.fit(np.concatenate(data), np.concatenate(right), sample_weight=np.concatenate(weights))
    *flattened, constant = np.asarray(model.coef_)[0]
    normal = np.reshape(flattened, ways[0].values.shape[1:])
    scale = np.sqrt(len(normal)) / np.linalg.norm(normal)  # A row is then as long as a direction of w.
    return Direction(normal * scale, "w_plus", name=name, offset=-float(constant * CONSTANT * deviation * scale))


def found(
    args: argparse.Namespace, prior: Prior, judge: Judge, ways: list[Labelled], index: int, name: str
) -> Direction:
    """The boundary of a class."""
    if args.bundled:
        return load_direction(bundled_directions(args.model)[name])
    rng, slopes = np.random.default_rng(index), []
    psi, mean = recommended(args.model), ways[0].values.mean(0)
    [direction] = measure_deviations(prior, [fit(ways, index, slopes, name)])
    for turn in range(args.rounds):
        codes = mean + psi * (ways[0].values[turn * SLOPES : (turn + 1) * SLOPES] - mean)
        slopes.append(slopes_along(prior, judge, index, direction, codes, rng))
        [direction] = measure_deviations(prior, [fit(ways, index, slopes, name)])
    return direction


def recommended(model: str) -> float:
    """The truncation that a model folder recommends."""
    return float(read_json(resolve(model) / "config.json")["provenance"].get("truncation", 1.0))


def accuracies(direction: Direction, codes: Labelled, index: int) -> dict[str, float]:
    """Parts of codes on the right side: of all, of the class, of the others, and the mean of these two."""
    at = flat(codes.values) @ flat(direction.vector[None])[0]
    positive, own = at > (direction.offset or 0.0), codes.labels == index
    sides = float(positive[own].mean()), float((~positive[~own]).mean())
    return {"all": float((positive == own).mean()), "own": sides[0], "others": sides[1], "balanced": sum(sides) / 2}


def repeated(prior: Prior, w: np.ndarray) -> np.ndarray:
    """Styles of w."""
    return np.repeat(np.asarray(w)[:, None], prior.num_styles, 1)


def inverted(prior: Prior, images: np.ndarray) -> dict[str, np.ndarray]:
    """Styles that are found in some ways."""
    ways = {
        "w, from the mean": recipes.latent("w", num_steps=40, perceptual="default"),
        "w, from the encoder": recipes.latent("w", num_steps=40, perceptual="default").from_encoder(),
        "in-domain, weight 2": recipes.in_domain(num_steps=40, encoder_weight=2.0),
    }
    codes = {}
    for name, recipe in ways.items():
        result = gp.invert(prior, images, recipe, key=jax.random.key(0), batch_size=16).variables
        codes[name] = result["w_plus"] if "w_plus" in result else repeated(prior, result["w"])
    return codes


def measure_inverted(prior: Prior, kept: Labelled, few: int, directions: list[Direction], report: Report) -> None:
    """A table of ways to invert: accuracies of all boundaries, on as many photographs of each class."""
    rows = np.concatenate([np.flatnonzero(kept.labels == index)[:few] for index in range(prior.num_classes)])
    codes = {"encoder": encoded(prior, kept).values[rows]} | inverted(prior, from_bytes(kept.values[rows]))
    table = []
    for way, values in codes.items():
        some = Labelled(values, kept.labels[rows])
        each = [accuracies(direction, some, index) for index, direction in enumerate(directions)]
        facts = {"accuracy": float(np.mean([one["all"] for one in each]))}
        facts |= {"lowest": min(one["all"] for one in each)}
        facts |= {"balanced": float(np.mean([one["balanced"] for one in each]))}
        table.append([way, *(number(value, 3) for value in facts.values())])
        report.add(way=way, **facts)
    print_table(["way", "accuracy, mean", "lowest", "balanced, mean"], table, f"{few} kept out of each class")


def main() -> None:
    """Find and measure."""
    args = arguments()
    use_cores()
    prior = gp.prepare(gp.load(args.model))
    names = ImageZip(args.data).labels()[1]
    codes, labels = own_codes(prior, "w_plus", args.draws + LEFT_OUT), drawn_labels(prior, args.draws + LEFT_OUT, 0)
    assert labels is not None
    own, rest = (Labelled(codes[part], labels[part]) for part in (slice(args.draws), slice(args.draws, None)))
    real = photographs(args.data, "train", prior.resolution, args.photographs)
    kept = photographs(args.data, "held_out", prior.resolution)
    judge, ways, left = judge_of(prior, real, own), [own, encoded(prior, real)], encoded(prior, kept)
    cells = drawn(prior, PICTURES, SEED, recommended(args.model))
    report, rows, directions = Report("boundaries of cells", args), [], []
    for index, name in enumerate(names):
        direction = found(args, prior, judge, ways, index, name)
        on_draws, on_real = accuracies(direction, rest, index), accuracies(direction, left, index)
        scores = judge.scores(draw(prior, moved(cells, direction, STRENGTHS)["w_plus"]))[:, index]
        facts = {
            "left_out": on_draws["all"],
            "left_out_balanced": on_draws["balanced"],
            "left_out_real": on_real["all"],
        }
        facts |= {"own": on_real["own"], "others": on_real["others"], "left_out_real_balanced": on_real["balanced"]}
        facts |= {"rises": rises(scores.reshape(-1, len(STRENGTHS))), "deviation": direction.deviation or 1.0}
        rows.append([name, *(number(value, 3) for value in facts.values())])
        report.add(**({"class": name} | facts))
        about = {"method": "logistic", "draws": args.draws, "photographs": len(real.labels), "rounds": args.rounds}
        write(args.save, prior, direction, facts | about | {"positive": name})
        directions.append(direction)
    heads = ["class", "draws", "balanced", "real", "of the class", "of others", "balanced", "rises", "deviation"]
    print_table(
        heads, rows, f"Classes against the rest in W+, {len(rest.labels)} draws and {len(kept.labels)} cells left out"
    )
    if args.inverted:
        measure_inverted(prior, kept, args.inverted, directions, report)


if __name__ == "__main__":
    main()
