import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior

import gprior_jax as gp
from gprior_jax import checks
from gprior_jax.inversion.solver import SolverConfig
from gprior_jax.metrics import ssim
from gprior_jax.objectives import Pixel
from gprior_jax.training.config import PGGANConfig, StyleGAN2Config

BAD = [float("nan"), float("inf"), float("-inf"), 1e39]


@pytest.mark.parametrize("value", [*BAD, np.float32("nan"), np.array([1.0, np.nan])])
def test_no_finite_number(value):
    with pytest.raises(gp.ArgumentError, match="strength must be a finite number, got"):
        checks.check_finite(strength=value)


@pytest.mark.parametrize("value", [0, 1.5, -3, np.float64(2.0), np.ones(3), jnp.ones(2), True and 1])
def test_finite_numbers(value):
    checks.check_finite(strength=value)
    jax.jit(lambda x: checks.check_finite(strength=x))(1.0)


@dataclasses.dataclass(frozen=True)
class Inner:
    rate: float = 1.0


@dataclasses.dataclass(frozen=True)
class Outer:
    inner: Inner = Inner()
    rates: tuple = ()
    options: dict = dataclasses.field(default_factory=dict)
    missing: float | None = None


@pytest.mark.parametrize(
    "settings",
    [Outer(Inner(float("nan"))), Outer(rates=(("rate", float("inf")),)), Outer(options={"rate": float("nan")})],
)
def test_numbers_anywhere_in_settings(settings):
    with pytest.raises(gp.ArgumentError, match=r"rates? (nan|inf): use a finite number"):
        checks.check_fields(settings)
    checks.check_fields(Outer(Inner(2.0), (("a", 1.0),), {"b": 2.0}))


STYLED = random_prior("stylegan2")
CODES = normal(0, 2, 8)

CALLS = {
    "truncation": lambda bad: gp.synthesize(STYLED, CODES, truncation_psi=bad),
    "styles": lambda bad: gp.map_latents(STYLED, CODES, truncation_psi=bad),
    "strength": lambda bad: gp.editing.arithmetic([CODES], [], bad),
    "transfer": lambda bad: gp.editing.transfer(CODES[0], CODES[0], CODES[1], bad),
    "scatter": lambda bad: gp.editing.scatter(CODES[0], jax.random.key(0), bad),
    "perceptual_weight": lambda bad: gp.recipes.mganprior(perceptual_weight=bad),
    "noise_weight": lambda bad: gp.recipes.projector(noise_weight=bad),
    "learning_rate": lambda bad: gp.recipes.projector(learning_rate=bad),
    "geocross_weight": lambda bad: gp.recipes.pulse(geocross_weight=bad),
    "pixel_weight": lambda bad: gp.recipes.image2stylegan(pixel_weight=bad),
    "locality_weight": lambda bad: gp.recipes.pti(locality_weight=bad),
    "tolerance": lambda bad: SolverConfig(tolerance=bad),
    "optimizer": lambda bad: gp.Recipe("r", gp.latents.Z(), (Pixel(),), SolverConfig(gp.Optimizer(learning_rate=bad))),
    "term": lambda bad: gp.Recipe("r", gp.latents.Z(), (Pixel(bad),)),
    "latent": lambda bad: gp.LatentDistribution("uniform", -1.0, bad),
    "pggan": lambda bad: PGGANConfig(learning_rate=bad),
    "stylegan2": lambda bad: StyleGAN2Config(path_weight=bad),
    "noise_limit": lambda bad: StyleGAN2Config(noise_limit=bad),
    "ssim": lambda bad: ssim(jnp.zeros((16, 16, 3)), jnp.zeros((16, 16, 3)), sigma=bad),
    "sigma": lambda bad: gp.tasks.denoising("gaussian", bad),
    "rate": lambda bad: gp.tasks.denoising("impulse", rate=bad),
    "missing": lambda bad: gp.operators.random_mask(jax.random.key(0), 8, bad),
}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", CALLS)
def test_functions_refuse_what_is_no_number(name, bad):
    with pytest.raises(gp.ArgumentError, match=r"nan|inf"):
        CALLS[name](bad)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**64])
@pytest.mark.parametrize("config", [PGGANConfig, StyleGAN2Config])
def test_seeds_of_training(config, seed):
    with pytest.raises(gp.ArgumentError, match=r"seed .*: use a whole number from 0 to 4294967295"):
        config(seed=seed)
