import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import normal, random_prior
from encoders.toys import toy_encoder

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


PLAIN, STYLED = random_prior("own"), random_prior("stylegan2_residual")
CODES, STYLES = jnp.zeros((2, PLAIN.z_dim)), jnp.zeros((2, STYLED.num_styles, STYLED.w_dim))
KEY, FUNCTION = jax.random.key(0), gp.geometry.outputs(PLAIN)
MADE = gp.differentiable.inversion(PLAIN, gp.recipes.latent("z", num_steps=1, perceptual=None))
MANY = gp.editing.Point("both", {"z": np.asarray(CODES)})

OF_ONE = {
    "outputs": ("code", lambda: FUNCTION(CODES)),
    "outputs of w": ("styles", lambda: gp.geometry.outputs(STYLED)(STYLES[:, 0])),
    "outputs of w_plus": ("styles", lambda: gp.geometry.outputs(STYLED, "w_plus")(STYLES)),
    "outputs of variables": (
        "latent",
        lambda: gp.geometry.outputs_of(PLAIN, gp.latents.Z(), {"z": CODES[0]})[0](CODES),
    ),
    "metric": ("code", lambda: gp.geometry.metric(FUNCTION, CODES)),
    "spectrum": ("code", lambda: gp.geometry.spectrum(FUNCTION, CODES, 2)),
    "geodesic": ("code", lambda: gp.geometry.geodesic(FUNCTION, CODES, CODES + 1)),
    "exponential": ("code", lambda: gp.geometry.exponential(FUNCTION, CODES, CODES)),
    "typicality": ("latent", lambda: gp.geometry.typicality(PLAIN, CODES, KEY, num_samples=10)),
    "local_directions": ("code", lambda: gp.editing.local_directions(PLAIN, np.asarray(CODES))),
    "copy_activations": (
        "styles",
        lambda: gp.editing.copy_activations(STYLED, STYLES, STYLES, 2, jnp.ones((8, 8, 1))),
    ),
    "rendered": ("z", lambda: gp.differentiable.rendered(MADE, {"z": CODES})),
    "start": ("z", lambda: gp.differentiable.start(MADE, KEY, hint={"z": CODES})),
    "encode": ("image", lambda: toy_encoder(code=(8,), side=16).encode(jnp.zeros((2, 16, 16, 3)))),
}
"""Functions of one image that are given two, and what they say is of two."""


@pytest.mark.parametrize(("name", "function"), OF_ONE.values(), ids=OF_ONE)
def test_a_batch_is_to_be_mapped(name, function):
    told = rf"^{name} of shape \(2, .*\): give that of one image, \(.*\); map over a batch with jax\.vmap\."
    with pytest.raises(gp.ArgumentError, match=told):
        function()


@pytest.mark.parametrize(
    "function",
    [
        lambda: gp.editing.codes(PLAIN, [MANY]),
        lambda: gp.editing.movable(PLAIN, MANY, "z"),
        lambda: gp.editing.between(PLAIN, MANY, MANY, 0.5),
    ],
    ids=["codes", "movable", "between"],
)
def test_a_point_is_one(function):
    with pytest.raises(
        gp.ArgumentError, match=r"^z of shape \(2, 8\): give that of one image, \(8,\); make a point of"
    ):
        function()


def test_many_points_are_drawn_one_a_row():
    assert gp.editing.render(PLAIN, MANY.variables).shape == (2, *PLAIN.image_shape)
    with pytest.raises(gp.ArgumentError, match=r"z of shape \(8,\): give codes of points, one a row"):
        gp.editing.render(PLAIN, {"z": MANY.variables["z"][0]})
