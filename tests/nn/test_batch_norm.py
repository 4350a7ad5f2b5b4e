"""Batch normalisation against torch's."""

import jax
import numpy as np
import pytest
from batteries import normal

from gprior_jax.nn.batch_norm import EPSILON, STATISTICS, BatchNorm

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("shape", [(3, 5, 4, 6), (4, 6)])
def test_equals_torch_in_training_and_after_it(shape):
    batch, features = normal(1, *shape) * 2 + 0.3, shape[-1]
    module = BatchNorm(features)
    params = {
        "scale": 1 + 0.2 * normal(2, features),
        "bias": normal(3, features),
        "mean": normal(4, features),
        "variance": np.square(normal(5, features)) + 0.5,
    }
    theirs = (torch.nn.BatchNorm2d if len(shape) == 4 else torch.nn.BatchNorm1d)(features, eps=EPSILON)
    names = {"scale": "weight", "bias": "bias", "mean": "running_mean", "variance": "running_var"}
    theirs.load_state_dict({names[k]: torch.tensor(v) for k, v in params.items()}, strict=False)
    order = (0, 3, 1, 2) if len(shape) == 4 else (0, 1)
    given = torch.tensor(batch.transpose(order))

    def one(x):
        return module.apply({"params": params}, x, "batch", mutable=[STATISTICS])

    found, own = jax.vmap(one, axis_name="batch")(batch)
    expected = theirs(given).detach().numpy()
    np.testing.assert_allclose(np.asarray(found).transpose(order), expected, rtol=1e-4, atol=1e-5)
    own = jax.tree.map(lambda leaf: np.asarray(leaf[0]), own[STATISTICS])
    for name in ("mean", "variance"):
        running = 0.9 * params[name] + 0.1 * own[name]
        np.testing.assert_allclose(running, getattr(theirs, names[name]).numpy(), rtol=1e-5, atol=1e-6)
    theirs.eval()
    params |= {name: getattr(theirs, names[name]).numpy() for name in ("mean", "variance")}
    stored = jax.vmap(lambda x: module.apply({"params": params}, x))(batch)
    np.testing.assert_allclose(
        np.asarray(stored).transpose(order), theirs(given).detach().numpy(), rtol=1e-4, atol=1e-5
    )
