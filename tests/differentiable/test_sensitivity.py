"""Sensitivity maps against the whole Jacobian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from differentiable.problems import EXACT, SIGMA, blur, smooth_problem
from gprior_jax import differentiable
from gprior_jax.compiling import jit
from gprior_jax.errors import ArgumentError
from gprior_jax.operators import Mask, box_mask


def test_against_the_whole_jacobian():
    inversion, observed, found = smooth_problem()

    # What is found has eight numbers: as many rows say everything.
    def latents(observed):
        return differentiable.attached(inversion, found, observed, blur(SIGMA), curvature=EXACT).variables["z"]

    rows = jit(jax.jacrev(latents), use="once")(observed)  # [8, 16, 16, 3]
    render = inversion.problem.parametrization.render
    columns = jit(jax.jacfwd(lambda z: render(inversion.problem.prior, {"z": z})), use="once")(found["z"])
    metric = jnp.einsum("hwci,hwcj->ij", columns, columns)
    exact = np.sqrt(np.einsum("ihwc,ij,jhwc->hw", rows, metric, rows))
    options = {"key": jax.random.key(0), "probes": 400, "curvature": EXACT}
    measured = jit(lambda v, o: differentiable.sensitivity(inversion, v, o, blur(SIGMA), **options), use="once")(
        found, observed
    )
    assert measured.shape == (16, 16)
    # 400 probes are off by 3.5 % in a pixel.
    np.testing.assert_allclose(measured, exact, rtol=0.2)
    np.testing.assert_allclose(np.mean(measured), np.mean(exact), rtol=0.05)


def test_what_is_hidden_does_not_count():
    inversion, observed, found = smooth_problem()
    inversion = inversion.with_weights(own=0.0)  # It looks at the mean of all that was observed.
    mask = Mask(box_mask(16, 6))
    options = {"key": jax.random.key(0), "probes": 2, "region": 1 - mask.known}
    seen = jit(lambda v, o: differentiable.sensitivity(inversion, v, o, mask, **options), use="once")(found, observed)
    hidden = np.asarray(mask.known[..., 0] == 0)
    assert (np.asarray(seen)[hidden] == 0).all()
    assert (np.asarray(seen)[~hidden] > 0).all()


def test_no_probes_are_refused():
    inversion, observed, found = smooth_problem()
    with pytest.raises(ArgumentError, match="probes 0"):
        differentiable.sensitivity(inversion, found, observed, key=jax.random.key(0), probes=0)
