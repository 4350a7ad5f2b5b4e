"""The distance of a code from what an encoder makes of its image."""

import numpy as np
import pytest
from batteries import normal, random_prior
from encoders.toys import toy_encoder

from gprior_jax.encoders.encoder import Encoder
from gprior_jax.encoders.multi_code import MultiCodeEncoder
from gprior_jax.errors import ArgumentError
from gprior_jax.objectives import Encoded, Objective, Observation, Pixel


def test_is_the_mean_squared_difference_of_the_codes():
    encoder = toy_encoder(space="w_plus", code=(2, 3))
    image, code = normal(1, 4, 4, 3) * 0.3, normal(2, 2, 3)
    own = np.tensordot(image.mean((0, 1)), np.asarray(encoder.params["kernel"]), 1)
    objective = Objective((Pixel(), Encoded(encoder)))
    targets = objective.targets(Observation(image, None))
    total, terms = objective(image, image, targets, {"w_plus": code}, {})
    np.testing.assert_allclose(terms["encoder"], np.mean(np.square(code - own)), rtol=1e-5)
    np.testing.assert_allclose(total, 2.0 * terms["encoder"], rtol=1e-5)


def test_says_what_is_missing():
    with pytest.raises(ArgumentError, match=r"comes without an encoder: train one \(gprior train encoder\)"):
        Encoded().fit(random_prior("stylegan2"))
    term = Encoded(toy_encoder(space="w_plus", code=(2, 3)))
    with pytest.raises(ArgumentError, match=r"gives w_plus \(2, 3\), but what is searched for is z \(4,\)"):
        term.loss(np.zeros((4, 4, 3)), None, (), {"z": np.zeros(4)})
    module = MultiCodeEncoder(8, (4,), (8, 8, 4), layer=3, num_codes=3, z_dim=5, num_directions=4)
    with pytest.raises(ArgumentError, match="several codes, no code to compare with"):
        Encoded(Encoder({}, module)).fit(random_prior("stylegan2"))
