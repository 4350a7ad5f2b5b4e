"""Ways to the code of a portrait: encoders, optimisation, and both; what they reconstruct, and how they are edited.

    python benchmarks/encoders.py --model run/model --conventional other/model --data portraits128.zip

Portraits kept out of training. Told are the mean squared error (of pixels in [-1, 1]), PSNR, SSIM, the distance of
features of another prior's discriminator, the sliced Wasserstein distance (mean of its levels), seconds of all; and for
four bundled boundaries, two deviations up and down in w, the change of the attribute's score as a part of that of W+
from the mean, the change of the other attributes' scores as a part of it (both in deviations of the scores), and the
discriminator's mean logit of the edited pictures.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, number, parser, print_table
from embeddings import held_out
from portrait_attributes import ATTRIBUTES

import gprior_jax as gp
from gprior_jax import recipes
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator, logits
from gprior_jax.generators.prior import Prior
from gprior_jax.images import arrays as im
from gprior_jax.inversion.devices import use_cores
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.latents import Features, WPlus
from gprior_jax.latents.parametrization import Parametrization, Variables
from gprior_jax.metrics.attribution import feature_distances
from gprior_jax.metrics.fidelity import fidelity
from gprior_jax.metrics.swd import sliced_wasserstein
from gprior_jax.perceptual import network
from gprior_jax.runs.directions_file import bundled_directions, load_direction

EDITED = ("bright", "fair_hair", "blue_ground", "warm")
DEVIATIONS = 2.0


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--model", required=True, help="a prior with its domain-guided encoder")
    made.add_argument("--conventional", default=None, help="the same prior with an encoder of drawn images alone")
    made.add_argument("--data", type=Path, required=True, metavar="ZIP")
    made.add_argument("--limit", type=at_least(1), default=32)
    made.add_argument("--steps", type=at_least(1), default=100)
    made.add_argument("--judge", default="builtin", help="prior whose discriminator measures the distance")
    return made.parse_args()


def ways(args: argparse.Namespace) -> dict[str, Recipe | None]:
    """Recipes by their names; None is an encoder alone."""
    steps = args.steps
    return {
        "W+ from the mean": recipes.latent("w_plus", start="mean", num_steps=steps),
        "conventional encoder": None,
        "domain-guided encoder": None,
        "W+ from the encoder": recipes.latent("w_plus", num_steps=steps),
        "in-domain": recipes.in_domain(num_steps=steps),
        "features": recipes.features(style_steps=int(0.4 * steps), num_steps=steps - int(0.4 * steps)),
        "20 codes": recipes.mganprior(20, 4, num_steps=steps),
    }


def main() -> None:
    """Run all ways on all images."""
    args = arguments()
    use_cores()
    prior = gp.load(args.model)
    images = held_out(args.data, args.limit, prior.resolution)
    report = Report(f"Encoders and optimisation, {len(images)} portraits", args)
    judge, rows, edits, reference = network.default(gp.load(args.judge)), [], [], {}
    for name, recipe in ways(args).items():
        own = prior
        if name == "conventional encoder":
            if args.conventional is None:
                continue
            own = gp.load(args.conventional)
        started = time.perf_counter()
        found, search, variables = solved(own, recipe, images)
        seconds = time.perf_counter() - started
        facts = measured(found, images, judge) | {"seconds": seconds}
        rows.append([name, *(number(value, 4) for value in facts.values())])
        report.add(way=name, **facts)
        if isinstance(search, WPlus):
            told = edited(prior, search, variables, reference)
            edits.append([name, *(number(value, 2) for value in told.values())])
            report.add(way=name, **told)
    print_table(
        ["way", "MSE", "PSNR", "SSIM", "distance", "SWD", "seconds"],
        rows,
        f"{len(images)} portraits, {args.steps} steps",
    )
    print_table(["way", *EDITED, "others", "logit", "domain"], edits, "Edits, against W+ from the mean")


def solved(prior: Prior, recipe: Recipe | None, images: np.ndarray) -> tuple[np.ndarray, Parametrization, Variables]:
    """Images, parametrisation and variables ``[B, ...]`` that a way finds."""
    if recipe is None:
        assert prior.encoder is not None
        styles = jax.jit(jax.vmap(prior.encoder.encode))(images)["w_plus"]
        drawn = gp.synthesize(prior, styles, space="w_plus")
        return np.asarray(drawn), WPlus(), {"w_plus": styles}
    result = gp.invert(prior, images, recipe, key=jax.random.key(0), batch_size=8)
    found: Variables = jax.tree.map(jnp.asarray, result.variables)
    return result.images, recipe.fit(prior).stages[-1].parametrization, found


def measured(found: np.ndarray, images: np.ndarray, judge: network.PerceptualNetwork) -> dict[str, float]:
    """What results are as good as."""
    shown = np.clip(found, -1.0, 1.0)
    numbers = fidelity(shown, images)
    swd = sliced_wasserstein(im.to_unit(jnp.asarray(shown)), im.to_unit(jnp.asarray(images)), jax.random.key(1))
    return {
        "mse": float(np.mean(np.square(shown - images))),
        "psnr": float(np.mean(numbers["psnr"])),
        "ssim": float(np.mean(numbers["ssim"])),
        "distance": float(np.mean(feature_distances(judge, shown, images))),
        "swd": float(np.mean([float(value) for value in swd.values()])),
    }


def edited(prior: Prior, search: WPlus, variables: Variables, reference: dict[str, float]) -> dict[str, float]:
    """Strength of edits as parts of the first way's, what else changes, and how real the edited pictures look."""
    fitted = search.fit(prior)
    draw: Callable = jax.jit(jax.vmap(lambda own: fitted.render(prior, own)))
    own = {
        name: jnp.asarray(variables[name]) for name in ("w_plus", *(["offset"] if isinstance(fitted, Features) else []))
    }
    strengths, others, seen = {}, [], []
    for name in EDITED:
        direction = load_direction(bundled_directions("builtin:portraits")[name])
        step = DEVIATIONS * (direction.deviation or 1.0) * direction.vector
        ends = [np.clip(draw(own | {"w_plus": own["w_plus"] + sign * step}), -1.0, 1.0) for sign in (-1, 1)]
        change = {each: float(np.mean(score(ends[1]) - score(ends[0]))) for each, score in ATTRIBUTES.items()}
        spread = {each: float(np.std(score(ends[0]))) for each, score in ATTRIBUTES.items()}
        strengths[name] = change[name] / reference.setdefault(name, change[name])
        others += [abs(change[e]) / spread[e] / (abs(change[name]) / spread[name]) for e in EDITED if e != name]
        seen += ends
    critic = prior.critic
    assert critic is not None
    assert isinstance(critic.module, StyleGAN2Discriminator)
    real = logits(critic.module, critic.params, jnp.asarray(np.concatenate(seen)))
    told = {"others": float(np.mean(others)), "logit": float(real.mean())}
    return strengths | told | {"domain": domain_distance(prior, own["w_plus"], draw(own))}


def domain_distance(prior: Prior, styles: jax.Array, images: jax.Array) -> float:
    """Root mean square of styles less the encoder's of their images, in deviations of drawn styles."""
    assert prior.encoder is not None
    again = jax.vmap(prior.encoder.encode)(jnp.clip(images, -1.0, 1.0))["w_plus"]
    drawn = gp.map_latents(prior, gp.sample_z(prior, jax.random.key(2), 1000))
    return float(jnp.sqrt(jnp.mean(jnp.square(styles - again)) / jnp.mean(jnp.var(drawn, axis=0))))


if __name__ == "__main__":
    main()
