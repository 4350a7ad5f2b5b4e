"""Pictures on the way: taken for those who look, and let go of."""

import numpy as np
from batteries import random_params
from cli import priors

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.encoders.residual import ResidualEncoder
from gprior_jax.generators.synthesis import synthesize
from gprior_jax.images.arrays import to_uint8
from gprior_jax.studio import views
from gprior_jax.studio.views import FirstLook, View


def test_a_picture_is_taken_while_somebody_looks(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(views.time, "monotonic", lambda: clock[0])
    view = View()
    film = view.film()
    assert not film.is_due(0, 1, 10)
    with view.watched():
        assert film.is_due(0, 1, 10)
        film.take(np.zeros((1, 2, 2, 3), np.float32))
        assert (view.version, view.picture.shape, view.picture.dtype) == (1, (2, 2, 3), np.uint8)
        clock[0] += 0.2
        assert not film.is_due(1, 2, 10)
        clock[0] += 0.2
        assert film.is_due(1, 2, 10)
    assert not film.is_due(1, 2, 10)
    view.look()
    assert film.is_due(1, 2, 10)
    clock[0] += 3.0
    assert not film.is_due(1, 2, 10)
    view.end()
    film.take(np.zeros((1, 2, 2, 3), np.float32))  # The last step of a job that was cancelled.
    assert view.picture is None


def test_the_first_look_is_what_the_encoder_answers():
    prior = priors.plain()
    assert FirstLook(prior)(np.zeros((8, 8, 3), np.float32)) is None
    module = ResidualEncoder(8, (4, 4), (8,), "z")
    encoder = Encoder(random_params(module, 3), module)
    look = FirstLook(prior.replace(encoder=encoder))
    image = np.random.default_rng(0).uniform(-1, 1, (8, 8, 3)).astype(np.float32)
    wanted = to_uint8(np.asarray(synthesize(prior, encoder.encode(image)["z"])))
    np.testing.assert_allclose(look(image).astype(int), wanted.astype(int), atol=1)
    gray, small = np.repeat(image[..., :1], 3, axis=-1), image[::4, ::4]
    np.testing.assert_array_equal(look(gray), look(image[..., :1]))
    np.testing.assert_array_equal(look(small), look(np.repeat(np.repeat(small, 4, 0), 4, 1)))
    assert look(np.zeros((3, 3, 3), np.float32)) is None
