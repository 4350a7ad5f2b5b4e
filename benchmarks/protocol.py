"""Embedding by refinement, as GANInverter lays inversion out: which code to begin with, and what is done from there.

    python benchmarks/protocol.py --data portraits128.zip
    python benchmarks/protocol.py --data portraits128.zip --conventional other/model --edits

Portraits kept out of training. Embeddings: the mean style, a conventional encoder (of drawn images alone) where one is
given, and the encoder of the prior. Refinements: none, the styles of all layers, those held in the domain, features of
a layer too, the weights of the generator around the styles (PTI). Told are the mean squared error (of pixels in
[-1, 1]), PSNR, SSIM, the distance of features of another prior's discriminator, the sliced Wasserstein distance (mean
of its levels), seconds of all; with ``--edits``, for four bundled boundaries, two deviations up and down in w, the
change of the attribute's score as a part of that of W+ from the mean, the change of the other attributes' scores as a
part of it (both in deviations of the scores), and the discriminator's mean logit of the edited pictures.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from common import Report, at_least, note, number, parser, print_table
from embeddings import held_out
from portrait_attributes import ATTRIBUTES

import gprior_jax as gp
from gprior_jax import differentiable, recipes
from gprior_jax.compiling import jit
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator, logits
from gprior_jax.encoders.encoder import Encoder
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
from gprior_jax.typing import Params

EDITED = ("bright", "fair_hair", "blue_ground", "warm")
DEVIATIONS = 2.0


REFINEMENTS = ("none", "W+", "in-domain", "features", "PTI")


class Way(NamedTuple):
    """One row of the table."""

    embedding: str
    refinement: str
    prior: Prior
    recipe: Recipe


def arguments() -> argparse.Namespace:
    """The program's arguments."""
    made = parser(__doc__)
    made.add_argument("--model", default="builtin:portraits", help="a prior with its domain-guided encoder")
    made.add_argument("--conventional", default=None, help="the same prior with an encoder of drawn images alone")
    made.add_argument("--data", type=Path, required=True, metavar="ZIP")
    made.add_argument("--limit", type=at_least(1), default=32)
    made.add_argument("--steps", type=at_least(3), default=100, help="of all stages of a refinement together")
    made.add_argument("--refinements", nargs="+", choices=REFINEMENTS, default=REFINEMENTS)
    made.add_argument("--codes", type=int, default=0, help="composed codes, for a row beside these")
    made.add_argument("--edits", action="store_true", help="measure edits, too")
    made.add_argument("--judge", default="builtin", help="prior whose discriminator measures the distance")
    return made.parse_args()


def refinements(steps: int) -> dict[str, Recipe]:
    """Recipes by their names, as many steps each; that of none is where the others begin."""
    first = int(0.4 * steps)
    styles = recipes.latent("w_plus", start="mean", num_steps=steps)
    pivot = recipes.latent("w_plus", start="mean", num_steps=first)
    return {
        "none": styles,
        "W+": styles,
        "in-domain": recipes.in_domain(num_steps=steps),
        "features": recipes.features(start="mean", style_steps=first, num_steps=steps - first),
        "PTI": recipes.pti(pivot=pivot, num_steps=steps - first),
    }


def ways(args: argparse.Namespace) -> list[Way]:
    """All embeddings by all refinements, W+ from the mean first: edits are parts of its."""
    prior = gp.load(args.model)
    embeddings: dict[str, tuple[Prior, Encoder | None]] = {"mean": (prior, None)}
    if args.conventional is not None:
        other = gp.load(args.conventional)
        embeddings["conventional encoder"] = other, other.encoder
    embeddings["encoder"] = prior, prior.encoder
    if any(encoder is None for name, (_, encoder) in embeddings.items() if name != "mean"):
        sys.exit(f"{args.model} or {args.conventional} comes without an encoder: gprior train encoder makes one.")
    made = [
        Way(embedding, name, own, dataclasses.replace(recipe, encoder=encoder))
        for embedding, (own, encoder) in embeddings.items()
        for name, recipe in refinements(args.steps).items()
        if name in args.refinements
    ]
    if args.codes:
        made.append(Way("drawn", f"{args.codes} codes", prior, recipes.mganprior(args.codes, 4, num_steps=args.steps)))
    return sorted(made, key=lambda way: (way.embedding, way.refinement) != ("mean", "W+"))


def main() -> None:
    """Run all ways on all images."""
    args = arguments()
    if args.edits and "W+" not in args.refinements:
        sys.exit("--edits are told as parts of those of W+: name W+ among --refinements.")
    use_cores()
    if args.edits:
        critic_of(gp.load(args.model))  # Before the hours that embeddings take.
    chosen = ways(args)
    images = held_out(args.data, args.limit, chosen[0].prior.resolution)
    report = Report(f"Embedding by refinement, {len(images)} portraits", args)
    judge, rows, edits, reference = network.default(gp.load(args.judge)), [], [], {}
    for way in chosen:
        started = time.perf_counter()
        found, search, variables = solved(way, images)
        seconds = time.perf_counter() - started
        facts, names = measured(found, images, judge) | {"seconds": seconds}, [way.embedding, way.refinement]
        rows.append([*names, *(number(value, 4) for value in facts.values())])
        report.add(embedding=way.embedding, refinement=way.refinement, **facts)
        note(str(rows[-1]))
        if args.edits and isinstance(search, WPlus) and (way.embedding, way.refinement) != ("mean", "none"):
            told = edited(gp.load(args.model), search, variables, reference)
            edits.append([*names, *(number(value, 2) for value in told.values())])
            report.add(embedding=way.embedding, refinement=way.refinement, **told)
    headers = ["embedding", "refinement", "MSE", "PSNR", "SSIM", "distance", "SWD", "seconds"]
    print_table(headers, rows, f"{len(images)} portraits, {args.steps} steps")
    if edits:
        print_table([*headers[:2], *EDITED, "others", "logit", "domain"], edits, "Edits, against W+ from the mean")


def solved(way: Way, images: np.ndarray) -> tuple[np.ndarray, Parametrization, Variables]:
    """Images, parametrisation and variables ``[B, ...]`` that a way finds."""
    if way.refinement == "none":
        made = differentiable.inversion(way.prior, way.recipe)
        begin = jit(jax.vmap(lambda image: differentiable.start(made, jax.random.key(0), image)), use="once")
        variables = begin(jnp.asarray(images))
        drawn = gp.synthesize(way.prior, variables["w_plus"], space="w_plus")
        return np.asarray(drawn), WPlus(), variables
    result = gp.invert(way.prior, images, way.recipe, key=jax.random.key(0), batch_size=8)
    found: Variables = jax.tree.map(jnp.asarray, result.variables)
    return result.images, way.recipe.fit(way.prior).stages[-1].parametrization, found


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
    module, params = critic_of(prior)
    real = logits(module, params, jnp.asarray(np.concatenate(seen)))
    told = {"others": float(np.mean(others)), "logit": float(real.mean())}
    return strengths | told | {"domain": domain_distance(prior, own["w_plus"], draw(own))}


def critic_of(prior: Prior) -> tuple[StyleGAN2Discriminator, Params]:
    """The discriminator that tells how real edited pictures look, and its weights; ends the program without one."""
    critic = prior.critic
    if critic is None or not isinstance(critic.module, StyleGAN2Discriminator):
        sys.exit(f"--edits asks the discriminator of a StyleGAN2, which {prior} does not have: leave it out.")
    return critic.module, critic.params


def domain_distance(prior: Prior, styles: jax.Array, images: jax.Array) -> float:
    """Root mean square of styles less the encoder's of their images, in deviations of drawn styles."""
    assert prior.encoder is not None
    again = jax.vmap(prior.encoder.encode)(jnp.clip(images, -1.0, 1.0))["w_plus"]
    drawn = gp.map_latents(prior, gp.sample_z(prior, jax.random.key(2), 1000))
    return float(jnp.sqrt(jnp.mean(jnp.square(styles - again)) / jnp.mean(jnp.var(drawn, axis=0))))


if __name__ == "__main__":
    main()
