"""SeFa against its definition, GANSpace against a singular value decomposition, local directions against a Jacobian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batteries import random_prior
from latents.priors import conditional_prior, plain_prior, styled_prior, tiny_prior

from gprior_jax.editing import ganspace, local_directions, sefa
from gprior_jax.editing.unsupervised import signed
from gprior_jax.errors import ArgumentError
from gprior_jax.generators.synthesis import features, map_latents, sample_z, synthesize
from gprior_jax.keys import purpose, seeded


def published_sefa(matrices):
    """Eigenvalues and vectors (rows) of the matrices ``[D, O]`` side by side, columns of length 1; largest first."""
    whole = np.concatenate([np.asarray(m, np.float64).reshape(len(m), -1) for m in matrices], axis=1)
    whole = whole / np.linalg.norm(whole, axis=0)
    values, vectors = np.linalg.eig(whole @ whole.T)
    order = np.argsort(-values.real)
    return values.real[order], vectors.real.T[order]


def check(found, values, vectors, tolerance=1e-5):
    for each, value, vector in zip(found, values, vectors, strict=False):
        assert each.value == pytest.approx(value, rel=1e-4)
        np.testing.assert_allclose(each.direction.vector, signed(vector), atol=tolerance)


def styles_of(prior, name, layers):
    return [prior.params[layer][name]["kernel"] for layer in layers]


@pytest.mark.parametrize("layers", [None, (1, 3), (0,)])
def test_sefa_of_stylegan2_takes_the_last_output_alone(layers):
    prior = styled_prior()  # Layers 0 to 2 and the output of 8 px; that of 4 px shares style 1.
    names = ["layer0", "layer1", "layer2", "output1"]
    found = sefa(prior, 3, layers)
    check(found, *published_sefa(styles_of(prior, "affine", [names[i] for i in layers or range(4)])))
    assert [each.direction.layers for each in found] == [layers] * 3
    assert [each.direction.name for each in found] == ["sefa_0", "sefa_1", "sefa_2"]
    assert {each.direction.space for each in found} == {"w"}


def test_sefa_of_stylegan():
    prior = random_prior("stylegan")
    check(sefa(prior, 4), *published_sefa(styles_of(prior, "style", [f"layer{i}" for i in range(6)])))


def test_sefa_of_generators_without_styles_is_of_the_first_layer():
    for prior, layer in ((plain_prior(), "layer0"), (random_prior("dcgan_described"), "layer0")):
        found = sefa(prior, 2)
        check(found, *published_sefa([prior.params[layer]["kernel"]]))
        assert found[0].direction.space == "z"
    prior = random_prior("dcgan")
    kernel = np.asarray(prior.params["layer0"]["kernel"])  # [4, 4, z_dim, C]
    check(sefa(prior, 2), *published_sefa([kernel.transpose(2, 0, 1, 3)]))


def test_principal_components_of_w():
    prior = styled_prior()
    found = ganspace(prior, 3, samples=50, seed=2)
    z = sample_z(prior, purpose(seeded(2), "directions"), 50)
    w = np.asarray(map_latents(prior, z))[:, 0].astype(np.float64)
    _, values, vectors = np.linalg.svd(w - w.mean(0))
    check(found, values**2 / np.sum(values**2), vectors, 1e-4)
    assert [each.direction.name for each in found] == ["pca_0", "pca_1", "pca_2"]


@pytest.mark.parametrize("prior", [plain_prior(), styled_prior()], ids=["z", "w"])
def test_components_of_features_are_regressed_back(prior):
    found = ganspace(prior, 2, features_at=2, samples=40, batch_size=7)
    z = sample_z(prior, purpose(seeded(0), "directions"), 40)
    rows = np.asarray(features(prior, z, 2), np.float64).reshape(40, -1)
    codes = np.asarray(map_latents(prior, z))[:, 0] if prior.num_styles else np.asarray(z)
    codes = codes.astype(np.float64) - codes.mean(0)
    left, values, _ = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    back = np.linalg.lstsq(left[:, :2] * values[:2], codes, rcond=None)[0]
    for each, row, value in zip(found, back, values, strict=False):
        row = row / np.linalg.norm(row)
        np.testing.assert_allclose(np.abs(each.direction.vector @ row), 1, atol=1e-4)
        assert each.value == pytest.approx(value**2 / np.sum(values**2), rel=1e-3)


def test_classes_are_drawn():
    prior = conditional_prior()
    assert len(ganspace(prior, 2, samples=20)) == len(ganspace(prior, 2, features_at=1, samples=20)) == 2


@pytest.mark.parametrize("features_at", [None, 1])
@pytest.mark.parametrize("layers", [None, (0, 3)])
def test_local_directions_are_singular_vectors_of_the_jacobian(features_at, layers):
    prior = styled_prior()
    code = np.asarray(map_latents(prior, sample_z(prior, jax.random.key(3), 1)))[0, 0]
    rows = np.isin(np.arange(4), layers)[:, None] if layers else np.ones((4, 1))

    def image(step):
        styles = code + rows * step
        if features_at is None:
            return synthesize(prior, styles, space="w_plus").ravel()
        from gprior_jax.generators.running import run_layers

        return run_layers(prior, None, 0, features_at, styles=styles).ravel()

    _, values, vectors = np.linalg.svd(np.asarray(jax.jacfwd(image)(jnp.zeros(5)), np.float64))
    found = local_directions(prior, code, num=3, layers=layers, features_at=features_at)
    for each, value, vector in zip(found, values, vectors, strict=False):
        assert each.value == pytest.approx(value, rel=1e-3)
        assert abs(each.direction.vector @ vector) > 0.999
        assert each.direction.vector[np.argmax(np.abs(each.direction.vector))] > 0


def test_local_directions_of_z():
    prior = tiny_prior()
    z = sample_z(prior, jax.random.key(0), 1)[0]
    jacobian = jax.jacfwd(lambda z: synthesize(prior, z).ravel())(z)
    _, values, vectors = np.linalg.svd(np.asarray(jacobian, np.float64))
    found = local_directions(prior, np.asarray(z), num=2)
    assert [each.value for each in found] == pytest.approx(values[:2], rel=1e-3)
    assert abs(found[0].direction.vector @ vectors[0]) > 0.999


def test_refusals():
    prior, plain = styled_prior(), plain_prior()
    for call, sentence in (
        (lambda: sefa(prior, 6), "6 directions in w of tiny stylegan2: ask for 1 to 5"),
        (lambda: sefa(prior, 0), "0 directions"),
        (lambda: sefa(prior, 2, (4,)), r"layers \[4\]: tiny stylegan2 has style layers 0 to 3"),
        (lambda: sefa(prior, 2, ()), r"layers \[\]"),
        (lambda: sefa(plain, 2, (0,)), "has no styles"),
        (lambda: ganspace(plain, 2), "has no styles, and its codes vary alike"),
        (lambda: ganspace(prior, 5, samples=5), "5 samples for 5 directions: draw more"),
        (lambda: ganspace(prior, 2, features_at=9), "layer 9 is out of range"),
        (lambda: local_directions(prior, np.zeros(5), num=5), "ask for 1 to 4"),
        (lambda: local_directions(prior, np.zeros(4), num=1), r"w of shape \(4,\)"),
        (
            lambda: local_directions(plain, np.zeros(4), num=1),
            r"code of shape \(4,\): give that of one image",
        ),
    ):
        with pytest.raises(ArgumentError, match=sentence):
            call()
    with pytest.raises(ArgumentError, match="does not tell what its codes are multiplied with"):
        sefa(random_prior("own"))
