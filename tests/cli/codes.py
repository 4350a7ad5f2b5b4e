"""What the tests of the commands on codes share."""

import numpy as np

from cli import priors
from cli.restoring import pixels
from gprior_jax.cli.main import main
from gprior_jax.generators.synthesis import map_latents, synthesize
from gprior_jax.images import arrays as im
from gprior_jax.inversion.batching import in_batches
from gprior_jax.runs.sources import read_points

BATCH = 4
"""Images at once in all commands and their checks: one compilation serves them."""


def run(command, model, out, *words):
    own = [] if "--batch-size" in words else ["--batch-size", str(BATCH)]
    return main([command, "--model", str(model), "--out", str(out), *map(str, words), *own])


def codes_of(prior, source):
    """Codes z that a source names, one a row."""
    return np.stack([point.variables["z"] for point in read_points(prior, source)])


def mapped(source, **options):
    """Styles of codes, one by one."""
    prior = priors.styled()
    return np.stack([np.asarray(map_latents(prior, code, **options)) for code in codes_of(prior, source)])


def drawn(prior, *arrays, size=BATCH, **options):
    """Images of codes (and labels)."""
    return in_batches(lambda z, label=None: synthesize(prior, z, label=label, **options), size, *arrays)


def same(path, images):
    """Whether a picture holds these, row by row, up to rounding."""
    rows, columns, side = images.shape[:3]
    sheet = images.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)
    np.testing.assert_allclose(pixels(path).astype(int), im.to_uint8(sheet), atol=1)
