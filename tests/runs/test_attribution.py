"""Projection of files and of what a prior drew, and how far off it is."""

import jax
import numpy as np
import pytest
from batteries import random_params

import gprior_jax as gp
from gprior_jax.discriminators.critic import Critic
from gprior_jax.discriminators.pggan import PGGANDiscriminator
from gprior_jax.errors import ArgumentError
from gprior_jax.images import arrays as im
from gprior_jax.images.files import load_image
from gprior_jax.inversion.driver import invert
from gprior_jax.metrics.attribution import draw_images, feature_distances
from gprior_jax.perceptual import network
from gprior_jax.runs import Projection, find_items, generated_items, read_record, run
from runs.records import SIDE, pictures, results, times, tiny_prior

KEY, DRAWN = jax.random.key(7), jax.random.key(8)
CRITIC = PGGANDiscriminator((8, 8), dense_features=8, group_size=1)
NETWORK = network.discriminator(Critic(random_params(CRITIC, 1), CRITIC)).prepare()
RECIPE = gp.recipes.mganprior(2, 2, num_steps=3, perceptual=None)


def projection(**options):
    return Projection(tiny_prior(), RECIPE, KEY, NETWORK, devices=1, **options)


class Drawn:
    """A whole run over five images of the prior, in batches of two."""

    def __init__(self, out):
        self.items, self.read = generated_items(tiny_prior(), DRAWN, 5)
        self.out, self.job = out, projection(read=self.read)
        self.outcome = run(self.job, self.items, out, batch_size=2)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return Drawn(tmp_path_factory.mktemp("drawn") / "out")


def test_generated_items_are_the_images_that_the_key_draws(drawn):
    images = draw_images(tiny_prior(), DRAWN, np.arange(5))
    for item, image in zip(drawn.items, images, strict=True):
        np.testing.assert_array_equal(drawn.read(item), image)
        np.testing.assert_array_equal(read_record(drawn.out / f"{item.name}.npz").target, im.to_uint8(image))
    assert [item.name for item in drawn.items] == [f"generated_{i}" for i in range(5)]
    assert len({item.digests()[0] for item in drawn.items}) == 5
    # Another key draws others, and they are known to be others.
    others, read = generated_items(tiny_prior(), jax.random.key(9), 5)
    assert (read(others[0]) != images[0]).any()
    assert all(a.digests() != b.digests() for a, b in zip(others, drawn.items, strict=True))


def test_distances_are_those_of_the_projections(drawn):
    images = np.stack([drawn.read(item) for item in drawn.items[:2]])
    result = invert(tiny_prior(), images, RECIPE, key=KEY)
    distances = feature_distances(NETWORK, result.images, images)
    for i in range(2):
        record = read_record(drawn.out / f"generated_{i}.npz")
        np.testing.assert_array_equal(record.image, result.images[i])
        assert record.metrics == {"distance": pytest.approx(float(distances[i]), rel=1e-5)}
    assert [entry.metrics["distance"] > 0 for entry in drawn.outcome.entries] == [True] * 5


def test_a_run_of_generated_images_goes_on(drawn, tmp_path):
    out = tmp_path / "out"
    run(drawn.job, drawn.items[:2], out, batch_size=2)
    before = times(out)
    assert len([name for name in before if name.endswith("npz")]) == 2
    asked = []

    def read(item):
        asked.append(item.id)
        return drawn.read(item)

    outcome = run(projection(read=read), drawn.items, out, batch_size=2)
    assert asked == [2, 3, 4]
    assert times(out).items() >= before.items()
    assert results(out) == results(drawn.out)
    assert [entry.metrics for entry in outcome.entries] == [entry.metrics for entry in drawn.outcome.entries]
    run(projection(read=read), drawn.items, out, batch_size=2)
    assert asked == [2, 3, 4]


def test_images_of_another_key_are_done_again(drawn, tmp_path):
    run(drawn.job, drawn.items[:2], tmp_path, batch_size=2)
    before = results(tmp_path)
    items, read = generated_items(tiny_prior(), jax.random.key(9), 2)
    run(projection(read=read), items, tmp_path, batch_size=2)
    after = results(tmp_path)
    assert all(after[name] != before[name] for name in before)


def test_files_are_projected_too(drawn, tmp_path):
    pictures(tmp_path / "in", "ab")
    items = find_items([tmp_path / "in"])
    outcome = run(projection(), items, tmp_path / "out", batch_size=2)
    images = np.stack([load_image(item.source, SIDE) for item in items])
    ids = [item.id for item in items]
    found = gp.metrics.attribution.project(tiny_prior(), images, RECIPE, key=KEY, network=NETWORK, ids=ids)
    distances = [entry.metrics["distance"] for entry in outcome.entries]
    np.testing.assert_allclose(distances, found.distances, rtol=1e-5)


def test_the_network_of_the_distance_is_among_the_settings(drawn):
    assert drawn.job.settings()["distance"]["module"]["kind"] == "PGGANDiscriminator"
    other = network.discriminator(Critic(random_params(CRITIC, 2), CRITIC)).prepare()
    job = Projection(tiny_prior(), RECIPE, KEY, other, read=drawn.read)
    with pytest.raises(ArgumentError, match=r"another distance\.weights \(.*\): give another folder"):
        run(job, drawn.items, drawn.out)
