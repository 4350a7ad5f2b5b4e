"""One table of everything that can be combined: generators, parametrisations, operators, objectives, discriminators.

A new member is a new row; ``test_batteries.py`` then holds it to every property. Networks have random weights and are
tiny: at most 16 pixels and 8 channels.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from own.generator import OwnGenerator
from own.operator import OwnOperator
from own.parametrization import OwnSum
from own.term import OwnTerm

from gprior_jax import recipes
from gprior_jax.discriminators import pggan, stylegan2
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.dcgan import DCGANDiscriminator
from gprior_jax.discriminators.dcgan import example_layers as discriminator_layers
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.discriminators.stylegan2 import StyleGAN2Discriminator
from gprior_jax.generators.biggan import BigGAN
from gprior_jax.generators.biggan_deep import BigGANDeep
from gprior_jax.generators.dcgan import DCGAN, example_layers
from gprior_jax.generators.labels import with_label
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import LatentDistribution, Prior
from gprior_jax.generators.running import run_layers
from gprior_jax.generators.stylegan import StyleGAN
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.inversion.optimizer import Optimizer
from gprior_jax.inversion.recipe import Recipe
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.latents import DeepImagePrior, Features, MultiCode, Projector, Sphere, Tuning, W, WPlus, Z
from gprior_jax.nn.stack import StackLayer
from gprior_jax.objectives import Objective, Observation, Perceptual, Pixel, Style
from gprior_jax.operators import (
    Blur,
    Downsample,
    Identity,
    Jpeg,
    Luma,
    Mask,
    Operator,
    Quantize,
    box_mask,
    compose,
    gaussian_kernel,
    motion_kernel,
)
from gprior_jax.perceptual import network
from gprior_jax.perceptual.vgg import VGG16
from gprior_jax.recipes.mganprior import FREE_OPTIMIZER
from gprior_jax.zoo.networks import abstract_params

NORMAL, UNIFORM = LatentDistribution("normal"), LatentDistribution("uniform", -1.0, 1.0)

DESCRIBED_LAYERS = (
    StackLayer("dense", 8, size=4, bias=True, then=("batch_norm_units", "relu")),
    StackLayer("conv", 6, 3, 1, 1, then=("leaky_relu", "batch_norm")),
    StackLayer("conv_transpose", 8, 3, 2, 1, output_padding=1, then=("batch_norm", "leaky_relu"), slope=0.1),
    StackLayer("conv_transpose", 3, 4, 2, 1, bias=True, then=("sigmoid",)),
)

BIGGAN_DEEP = BigGANDeep((8, 8, 4), (False, True), 8, 3, 4, attention=(1,), num_sets=3, truncation=0.7)

UPSAMPLING_LAYERS = (
    StackLayer("dense", 8, size=4, bias=True, then=("batch_norm",)),
    StackLayer("conv", 6, 3, 1, 1, upsample=2, bias=True, then=("batch_norm", "leaky_relu"), epsilon=0.8),
    StackLayer("conv", 6, 5, 1, 2, upsample=2, interpolation="bilinear", then=("relu",)),
    StackLayer("conv", 3, 3, 1, 1, bias=True, then=("tanh",)),
)

DENSE_LAYERS = (
    StackLayer("dense", 6, bias=True, then=("leaky_relu",)),
    StackLayer("dense", 8, bias=True, then=("batch_norm", "leaky_relu"), epsilon=0.8),
    StackLayer("dense", 3, size=16, bias=True, then=("tanh",)),
)

MAXOUT_LAYERS = (
    StackLayer("dense", 6, pieces=3, bias=True),
    StackLayer("dense", 5, pieces=2, bias=True),
    StackLayer("dense", 1, bias=True),
)

GENERATORS: dict[str, tuple[Any, LatentDistribution]] = {
    "pggan": (PGGAN((8, 8, 8), z_dim=8), NORMAL),
    "pggan_winograd": (PGGAN((6, 4), z_dim=8, final_tanh=True, conv_path="winograd"), UNIFORM),
    "pggan_neighbour": (PGGAN((8, 6), z_dim=8, unit_bias=True, norm_in_first_block=False), NORMAL),
    "dcgan": (DCGAN(example_layers(width=4, resolution=16), z_dim=8), NORMAL),
    "dcgan_described": (DCGAN(DESCRIBED_LAYERS, z_dim=8), UNIFORM),
    "dcgan_conditional": (DCGAN(UPSAMPLING_LAYERS, z_dim=8, num_classes=3), NORMAL),
    "dense": (DCGAN(DENSE_LAYERS, z_dim=8), UNIFORM),
    "stylegan": (StyleGAN((8, 8, 6), 8, 6, mapping_layers=2), NORMAL),
    "stylegan_w_per_layer": (StyleGAN((6, 4), 8, 5, mapping_layers=2, w_per_layer=True, final_tanh=True), NORMAL),
    "stylegan2": (StyleGAN2((8, 8, 6), 8, 6, mapping_layers=2), NORMAL),
    "stylegan2_residual": (StyleGAN2((6, 4), 8, 5, mapping_layers=2, architecture="residual"), NORMAL),
    "stylegan2_plain": (StyleGAN2((6, 4), 8, 5, mapping_layers=2, architecture="plain", clamp=256.0), NORMAL),
    "stylegan2_conditional": (StyleGAN2((6, 4), 8, 5, mapping_layers=2, num_classes=3), NORMAL),
    "biggan": (BigGAN((8, 8, 6), 6, 3, 4, attention=(1,)), NORMAL),
    "biggan_deep": (BIGGAN_DEEP, BIGGAN_DEEP.latent),
    "own": (OwnGenerator(), NORMAL),
}
"""Module and latent distribution; those with classes are held to one. ``own`` rows are of a user's, outside the
package."""

DISCRIMINATORS: dict[str, Any] = {
    "pggan": PGGANDiscriminator((8, 8, 8), dense_features=8, group_size=1),
    "pggan_unfused": PGGANDiscriminator((8, 6, 4), dense_features=8, group_size=1, fused=False),
    "dcgan": DCGANDiscriminator(discriminator_layers(4, 16), resolution=16),
    "maxout": DCGANDiscriminator(MAXOUT_LAYERS, resolution=16),
    "stylegan2": StyleGAN2Discriminator((8, 6, 4), group_size=1),
}

PARAMETRIZATIONS: dict[str, Any] = {
    "z": Z(),
    "z_remat": Z(remat=True),
    "codes": MultiCode(4, 2),
    "codes_average": MultiCode(4, 2, average=True),
    "codes_in_groups": MultiCode(4, 2, codes_per_call=2),
    "codes_remat": MultiCode(4, 2, remat=True),
    "codes_in_groups_remat": MultiCode(4, 2, average=True, codes_per_call=1, remat=True),
    "deep_image_prior": DeepImagePrior(),
    "own": OwnSum(),
}

STYLE_PARAMETRIZATIONS: dict[str, Any] = {
    "w": W(),
    "w_remat": W(start="random", noise="none", remat=True),
    "w_plus": WPlus(start="random"),
    "features": Features(layer=2, offset_weight=0.1),
    "w_plus_noise": WPlus(noise="free", noise_weight=10.0),
    "w_plus_fitted": WPlus(start="uniform", noise="fitted"),
    "projector": Projector(20, noise_weight=10.0, statistics_samples=100),
    "projector_w_plus": Projector(20, "w_plus", noise_weight=10.0, statistics_samples=100, remat=True),
    "tuning": Tuning(),
    "sphere": Sphere(num_noise=2, zero_noise=(2,), statistics_samples=100),
    "sphere_tiled": Sphere(tiled=True, num_noise=None, statistics_samples=100),
    "codes_w": MultiCode(4, 2, space="w"),
    "codes_weighted_styles": MultiCode(4, 2, later_styles="weighted", codes_per_call=2),
    "codes_free_styles": MultiCode(4, 3, later_styles="free", remat=True),
}
"""Those that only style-based generators have."""

BOX = Mask(box_mask(16, 6))

OPERATORS: dict[str, Operator] = {
    "identity": Identity(),
    "luma": Luma(),
    "luma_one_channel": Luma(channels=1),
    "area_4": Downsample(4, "area"),
    "bilinear_2": Downsample(2),
    "bicubic_4": Downsample(4, "bicubic"),
    "lanczos_2": Downsample(2, "lanczos"),
    "pulse_4": Downsample(4, "pulse"),
    "mask": BOX,
    "blur_gaussian": Blur(gaussian_kernel(1.2)),
    "blur_motion": Blur(motion_kernel(5.0, 30.0)),
    "quantize": Quantize(),
    "jpeg": Jpeg(75.0),
    "luma_then_bilinear": compose(Luma(), Downsample(4)),
    "blur_then_bicubic_then_mask": compose(Blur(gaussian_kernel(0.8)), Downsample(2, "bicubic"), Mask(box_mask(8, 3))),
    "mask_then_luma_then_quantize": compose(BOX, Luma(channels=1), Quantize(16)),
    "own": OwnOperator(jnp.array([1.0, 0.5, -0.5])),
}

STRAIGHT_THROUGH: dict[str, Operator] = {
    "quantize": Identity(),
    "jpeg": Identity(),
    "mask_then_luma_then_quantize": compose(BOX, Luma(channels=1)),
}
"""Operators that round, with the operator whose gradient theirs must be; a difference quotient of steps is 0."""


def normal(seed: int, *shape: int) -> np.ndarray:
    """Float32 normal numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def random_params(module: Any, seed: int) -> dict[str, Any]:
    """Weights that keep signals at unit size: equalised layers N(0, 1), the others by their fan-in; no compilation."""
    rng = np.random.default_rng(seed)
    equalised = isinstance(module, PGGAN | PGGANDiscriminator | StyleGAN | StyleGAN2 | StyleGAN2Discriminator)

    def draw(path: tuple, leaf: jax.ShapeDtypeStruct) -> jax.Array:
        name = path[-1].key
        if path[0].key == "mapping" and equalised:  # Stored larger by the inverse of their learning rate.
            values = rng.normal(size=leaf.shape) * 100
        elif name in ("const", "noise"):
            values = rng.normal(size=leaf.shape)
        elif name == "kernel":
            values = rng.normal(size=leaf.shape) * (1 if equalised else math.sqrt(2 / math.prod(leaf.shape[:-1])))
        elif name.endswith("_var"):
            values = rng.uniform(0.5, 1.5, leaf.shape)
        else:
            values = float(name.endswith("_scale")) + 0.1 * rng.normal(size=leaf.shape)
        return jnp.asarray(values, jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, abstract_params(module))


@functools.cache
def random_critic(name: str, seed: int = 1) -> Critic:
    """A discriminator of the table with random weights."""
    return Critic(random_params(DISCRIMINATORS[name], seed), DISCRIMINATORS[name])


@functools.cache
def random_prior(name: str, critic: str | None = None, seed: int = 0) -> Prior:
    """A generator of the table with random weights, and a discriminator where one is named."""
    module, latent = GENERATORS[name]
    params, beside = random_params(module, seed), critic and random_critic(critic)
    prior = Prior(params, module, latent, critic=beside, name=f"tiny {name}")
    return with_label(prior, 1) if prior.num_classes else prior


@functools.cache
def random_vgg(depth: int = 3) -> network.PerceptualNetwork:
    """The first convolutions of VGG-16 (three: across one maximum) with random weights, at the image's own size."""
    module = VGG16(depth)
    return network.vgg16(module, random_params(module, 2), module.layer_names[-1:], size=None)


OBJECTIVES: dict[str, Callable[[], Objective]] = {
    "pixel_mse": lambda: Objective((Pixel(),)),
    "pixel_l1": lambda: Objective((Pixel(2.0, kind="l1"),)),
    "pixel_huber": lambda: Objective((Pixel(0.5, kind="huber"),)),
    "discriminator_l1": lambda: Objective((Perceptual(network.discriminator(random_critic("pggan"))),)),
    "discriminator_mse": lambda: Objective((Perceptual(network.discriminator(random_critic("dcgan")), 0.5, "mse"),)),
    "vgg": lambda: Objective((Pixel(), Perceptual(random_vgg(), 100.0))),
    "style": lambda: Objective((Style(random_vgg()), Perceptual(random_vgg(), kind="mse", max_side=8))),
    "own": lambda: Objective((Pixel(), OwnTerm(jnp.full(3, 0.1), 2.0))),
}
"""Built when asked for, as they hold weights."""


class Probe(NamedTuple):
    """A pure function of the library for one image, to be held to the properties of all of them.

    Attributes:
        function: ``function(context, x)``, a pytree of arrays; differentiable in ``x``.
        context: what all images share (weights).
        samples: values of ``x``, a pytree with three on the leading axis.
    """

    function: Callable[[Any, Any], Any]
    context: Any
    samples: Any


def _generator_probe(name: str) -> Probe:
    return Probe(run_layers, random_prior(name), normal(3, 3, random_prior(name).z_dim))


def _styles_probe(name: str) -> Probe:
    prior = random_prior(name)
    sizes = prior.noise_sizes
    samples = {"styles": normal(4, 3, prior.num_styles, prior.w_dim)}
    samples["noise"] = tuple(normal(30 + i, 3, size, size) for i, size in enumerate(sizes))
    return Probe(lambda prior, x: run_layers(prior, None, **x), prior, samples)


def _render_probe(generator: str, name: str) -> Probe:
    prior, parametrization = random_prior(generator), (PARAMETRIZATIONS | STYLE_PARAMETRIZATIONS)[name]
    samples = jax.vmap(lambda key: parametrization.init(prior, key))(jax.random.split(jax.random.key(4), 3))
    # Channel weights that differ, as they start equal.
    samples |= {"alpha": samples["alpha"] * (1 + normal(5, *samples["alpha"].shape))} if "alpha" in samples else {}

    def image_and_penalty(prior: Prior, variables: dict) -> Any:
        return parametrization.render(prior, variables), parametrization.penalty(prior, variables)

    return Probe(image_and_penalty, prior, samples)


def _objective_probe(name: str) -> Probe:
    def loss(context: tuple, image: jax.Array) -> Any:
        objective, target = context
        return objective(image, image, objective.targets(Observation(target, None)), {"image": image}, {})

    return Probe(loss, (OBJECTIVES[name](), normal(6, 16, 16, 3) * 0.5), normal(7, 3, 16, 16, 3) * 0.5)


def _operator_probe(name: str) -> Probe:
    return Probe(lambda operator, image: operator(image), OPERATORS[name], normal(8, 3, 16, 16, 3))


def _discriminator_probe(name: str) -> Probe:
    def run(critic: Critic, image: jax.Array) -> dict[str, Any]:
        module, variables = critic.module, {"params": critic.params}
        features = module.apply(variables, image, module.layer_names, method="features")
        for family in (pggan, stylegan2):
            if type(module).__module__ == family.__name__:
                return {"features": features, "logit": family.logits(module, critic.params, image[None])}
        return {"features": features, "logit": module.apply(variables, image)}

    return Probe(run, random_critic(name), normal(9, 3, 16, 16, 3) * 0.5)


def _probes() -> dict[str, Callable[[], Probe]]:
    table = {f"generator-{name}": functools.partial(_generator_probe, name) for name in GENERATORS}
    # The codes of another generator are the same code around a generator that has a row of its own.
    pairs = [("pggan", name) for name in PARAMETRIZATIONS] + [("own", "codes"), ("stylegan2_residual", "codes")]
    # On one of two blocks, as compilation is nearly all that a row costs.
    pairs += [("stylegan2_residual", name) for name in STYLE_PARAMETRIZATIONS]
    table |= {f"{name}-{pair}": functools.partial(_render_probe, name, pair) for name, pair in pairs}
    styled = [name for name, (module, _) in GENERATORS.items() if hasattr(module, "num_styles")]
    table |= {f"styles-{name}": functools.partial(_styles_probe, name) for name in styled}
    table |= {f"operator-{name}": functools.partial(_operator_probe, name) for name in OPERATORS}
    table |= {f"objective-{name}": functools.partial(_objective_probe, name) for name in OBJECTIVES}
    return table | {f"discriminator-{name}": functools.partial(_discriminator_probe, name) for name in DISCRIMINATORS}


PROBES: dict[str, Callable[[], Probe]] = _probes()
"""Every row of the tables above as a function with inputs."""


ONE_OF_EACH = (
    "generator-own",
    "pggan-codes_in_groups",
    "operator-blur_gaussian",
    "objective-style",
    "discriminator-dcgan",
)
"""One row of every table, for a property that compiles every operation by itself."""

FAMILIES = (
    *ONE_OF_EACH,
    *("generator-pggan_winograd", "generator-stylegan2_residual", "stylegan2_residual-sphere"),
    *("objective-discriminator_l1", "discriminator-stylegan2"),
)
"""Rows that have among them every layer that there is, for a property that compiles a row once more."""


def pixel_recipe(num_steps: int = 20, optimizer: Optimizer | None = None, **solver: Any) -> Recipe:
    """Four codes at layer 2 of any generator of the table, pixel loss, the fast preset's optimiser unless given."""
    config = SolverConfig(optimizer or FREE_OPTIMIZER, num_steps, **solver)
    return Recipe("test", PARAMETRIZATIONS["codes"], (Pixel(),), config)


def own_images(prior: Prior, count: int, seed: int = 11) -> np.ndarray:
    """Images that the prior makes itself: white noise under random weights would be a chaotic problem."""
    codes = normal(seed, count, prior.z_dim)
    return np.asarray(jax.jit(jax.vmap(run_layers, (None, 0)))(prior, codes))


METHODS = {
    "mganprior": (recipes.mganprior(num_steps=2), [{"codes", "alpha"}]),
    "z": (recipes.latent("z", num_steps=2), [{"z"}]),
    "w": (recipes.latent("w", num_steps=2), [{"w"}]),
    "w_plus": (recipes.latent("w_plus", num_steps=2), [{"w_plus"}]),
    "projector": (recipes.projector(num_steps=2), [{"w", "noise_0", "_step"}]),
    "image2stylegan": (recipes.image2stylegan(num_steps=2), [{"w_plus"}]),
    "image2stylegan_pp": (recipes.image2stylegan_pp(num_steps=2), [{"w_plus"}, {"w_plus", "noise_2"}]),
    "pulse": (recipes.pulse(num_steps=2), [{"latents", "noise_0", "_mean"}]),
    "in_domain": (recipes.in_domain(num_steps=2), [{"w_plus"}]),
    "features": (recipes.features(num_steps=2), [{"w_plus"}, {"w_plus", "offset"}]),
    "pti": (recipes.pti(num_steps=2), [{"w", "noise_0"}, {"_w_plus", "weights/layer0/kernel"}]),
}
"""What each method makes by its name, and variables of its stages."""
