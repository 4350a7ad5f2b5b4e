"""Boundaries against known axes and what InterFaceGAN computes."""

import dataclasses
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.editing import Direction, project_out, train_boundary
from gprior_jax.errors import ArgumentError, MissingExtraError

METHODS = ["mean", "svm", "logistic"]


def needs(method):
    if method != "mean":
        pytest.importorskip("sklearn", reason="scikit-learn, the extra 'edit', is not installed")


def data(count=3000, dim=16, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    codes, axis = rng.normal(size=(count, dim)).astype(np.float32), rng.normal(size=dim)
    axis /= np.linalg.norm(axis)
    return codes, codes @ axis + 0.5 + noise * rng.normal(size=count), axis


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_normal_is_the_true_axis_towards_higher_scores(method, sign):
    needs(method)
    codes, scores, axis = data()
    found = train_boundary(codes, sign * scores, "z", method=method, name="x")
    direction = found.direction
    assert direction.vector @ (sign * axis) > np.cos(np.radians(8))
    assert np.linalg.norm(direction.vector) == pytest.approx(1, abs=1e-6)
    assert (direction.space, direction.name, found.method, found.trained, found.validated) == (
        "z",
        "x",
        method,
        1400,
        600,
    )
    assert abs(direction.offset) < 0.1  # Scores of both ends are as far from their middle.
    assert found.validation > 0.98
    assert found.rested == 1000
    assert 0.6 < found.rest < 0.95


@pytest.mark.parametrize("method", METHODS)
def test_accuracies_are_those_of_the_plane(method):
    needs(method)
    codes, scores, _ = data(noise=3.0)
    classes = (scores > np.median(scores)).astype(int)
    found = train_boundary(codes, classes[:, None], "w", method=method, chosen=200, seed=4)
    right = (codes @ found.direction.vector > found.direction.offset) == classes
    seen = found.trained + found.validated
    assert seen == 400
    # Trained codes are right more often: those kept out and the rest are all others.
    counted = found.rest * found.rested + found.validation * found.validated
    assert 0 <= right.sum() - counted <= found.trained
    assert counted == pytest.approx(round(counted))
    assert found.rest == pytest.approx(right.mean(), abs=0.05)


def test_published_regularisation_is_scikit_learns_default():
    svm = pytest.importorskip("sklearn.svm", reason="scikit-learn, the extra 'edit', is not installed")
    codes, scores, _ = data(count=200)
    codes = codes * 3  # The penalty does not depend on the unit.
    found = train_boundary(codes, scores > 0.5, "z", chosen=50, split=0.5, regularization=1.0)
    rng = np.random.default_rng(0)
    from gprior_jax.editing.selection import select

    parts = select((scores > 0.5).astype(float), 50, 0.5, rng)
    both = np.concatenate([codes[parts.positive], codes[parts.negative]]).astype(float)
    unit = np.sqrt(both.var(0).mean())
    model = svm.SVC(kernel="linear").fit(both / unit, [1] * 25 + [0] * 25)
    normal = model.coef_[0] / np.linalg.norm(model.coef_)
    np.testing.assert_allclose(found.direction.vector, normal, atol=1e-6)
    wanted = -model.intercept_[0] / np.linalg.norm(model.coef_) * unit
    assert found.direction.offset == pytest.approx(wanted, rel=1e-6)


def test_mean_difference_by_hand():
    codes = np.array([[0, 0], [0, 2], [4, 0], [4, 2]], np.float32)
    found = train_boundary(codes, [0, 0, 1, 1], "w", method="mean", chosen=2, split=0.5)
    np.testing.assert_allclose(np.abs(found.direction.vector[0]), 1, atol=0.2)
    assert found.direction.vector[0] > 0


def test_boundary_of_w_plus_has_rows_as_long_as_one_of_w():
    codes, scores, axis = data(dim=12)
    found = train_boundary(codes.reshape(-1, 3, 4), scores, "w_plus", method="mean")
    assert found.direction.vector.shape == (3, 4)
    assert np.linalg.norm(found.direction.vector) == pytest.approx(np.sqrt(3), rel=1e-6)
    assert found.direction.vector.ravel() @ axis > np.sqrt(3) * 0.98
    flat = train_boundary(codes, scores, "z", method="mean")
    assert found.validation == flat.validation
    assert found.direction.offset == pytest.approx(np.sqrt(3) * flat.direction.offset, rel=1e-5)


def test_codes_without_a_score_are_left_out():
    codes, scores, _ = data(count=300)
    marked = np.concatenate([scores, [-99.0] * 50])
    more = np.concatenate([codes, 100 * np.ones((50, 16), np.float32)])
    plain = train_boundary(codes, scores, "z", method="mean")
    found = train_boundary(more, marked, "z", method="mean", invalid_value=-99.0)
    np.testing.assert_array_equal(found.direction.vector, plain.direction.vector)


CODES = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
SCORES = np.arange(20.0)


@pytest.mark.parametrize(
    ("codes", "scores", "more", "sentence"),
    [
        (CODES, np.where(SCORES == 3, np.nan, SCORES), {}, r"1 of 20 scores are NaN or infinite \(number 3"),
        (CODES, np.where(SCORES > 17, np.inf, SCORES), {}, r"2 of 20 scores are NaN or infinite \(number 18"),
        (CODES, np.ones(20), {}, "all 20 scores are 1: a boundary needs two classes"),
        (CODES, np.ones(19), {}, r"scores of shape \(19,\) and type float64 for 20 codes"),
        (CODES, np.array(["a"] * 20), {}, "use a number for each"),
        (CODES, np.full(20, 5.0), {"invalid_value": 5.0}, "no code has a score"),
        (CODES[:, :0], SCORES, {}, "do not differ"),
        (np.ones((20, 4), np.float32), SCORES, {"name": "age"}, "codes of high and of low scores of age do not differ"),
        (CODES * np.nan, SCORES, {}, "20 of 20 codes have numbers that are NaN"),
        (np.where(CODES[3] == CODES, np.inf, CODES), SCORES, {}, r"1 of 20 codes .* \(number 3 is the first\)"),
        (CODES.astype(complex), SCORES, {}, r"codes in z are complex128 \(20, 4\): use floats"),
        (CODES[0], SCORES, {}, r"codes in z are float32 \(4,\): use floats \[N, D\]"),
        (CODES, SCORES, {"method": "tree"}, "method='tree': use one of svm, mean, logistic"),
        (CODES, SCORES, {"split": 1.0}, "split=1.0"),
        (CODES, SCORES, {"regularization": 0.0}, "regularization=0.0"),
    ],
)
def test_refusals(codes, scores, more, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        train_boundary(codes, scores, "z", **{"method": "mean"} | more)


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gprior-jax\[edit\]'"):
        train_boundary(CODES, SCORES, "z", chosen=5)


@pytest.fixture(scope="module")
def published(golden):
    with np.load(golden / "interfacegan.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_conditional_directions_are_interfacegans(published, count):
    first, *others = (Direction(published[f"boundary_{i}"][0], "z", name=f"b{i}") for i in range(4))
    found = project_out(first, others[:count])
    np.testing.assert_allclose(found.vector, published[f"projected_{count}_conditions"][0], atol=1e-5)
    assert found.name == "_c_".join(f"b{i}" for i in range(count + 1))


def directions(count, shape, space, seed=0):
    rng = np.random.default_rng(seed)
    return [Direction(rng.normal(size=shape), space, name=f"d{i}") for i in range(count)]


def test_many_conditions_and_lengths():
    first, *others = directions(30, (40,), "w")
    first = dataclasses.replace(first, vector=first.vector * 5, deviation=2.0, offset=1.0, layers=(1, 2))
    found = project_out(first, others)
    matrix = np.stack([other.vector for other in others]).astype(float)
    wanted = first.vector - matrix.T @ np.linalg.lstsq(matrix.T, first.vector, rcond=None)[0]
    wanted *= np.linalg.norm(first.vector) / np.linalg.norm(wanted)
    np.testing.assert_allclose(found.vector, wanted, atol=1e-4)
    assert np.abs(matrix @ found.vector).max() < 1e-4
    assert (found.deviation, found.offset, found.layers, found.space) == (None, None, (1, 2), "w")
    assert project_out(first, []) is first


def test_conditions_of_w_hold_all_layers_of_w_plus():
    [first] = directions(1, (3, 6), "w_plus")
    [other] = directions(1, (6,), "w", seed=1)
    found = project_out(first, [other])
    assert abs(np.sum(found.vector @ other.vector)) < 1e-5
    assert found.vector.shape == (3, 6)
    back = project_out(other, [first])
    assert (back.space, back.vector.shape) == ("w_plus", (3, 6))
    assert abs(np.sum(back.vector * first.vector)) < 1e-5


def test_only_layers_that_are_moved_count():
    first, other = directions(2, (3, 6), "w_plus")
    found = project_out(dataclasses.replace(first, layers=(1,)), [other])
    assert not found.vector[[0, 2]].any()
    assert abs(found.vector[1] @ other.vector[1]) < 1e-5


X, Y, Z = (Direction(row, "z", name=name) for row, name in zip(np.eye(3), ("x", "y", "z"), strict=True))
XY = Direction(np.array([1.0, 1.0, 0.0]), "z", name="xy")


@pytest.mark.parametrize(
    ("direction", "conditions", "sentence"),
    [
        (Z, [X, Y, XY], "the conditions depend on each other: xy is made of x, y; leave it out"),
        (Z, [X, dataclasses.replace(X, vector=X.vector * 3 + 1e-7)], "depend on each other"),
        (XY, [X, Y], "nothing is left of the direction xy beside x, y"),
        (X, [X, Y, Z, XY], "depend on each other: xy is made of x, y, z"),
        (X, [Direction(np.ones(4), "z", name="four")], r"four has the shape \[4\] in z, the direction x \[3\] in z"),
        (X, [Direction(np.ones(3), "w", name="w")], r"w has the shape \[3\] in w, the direction x \[3\] in z"),
        (Direction(np.ones(3), "w"), [Direction(np.ones((2, 4)), "w_plus")], r"\[2, 4\] in w_plus"),
        (
            Direction(np.ones((2, 3)), "w_plus", layers=(0,)),
            [Direction(np.array([[0, 0, 0], [1, 0, 0]]), "w_plus", name="late")],
            "the condition late has nothing in the layers",
        ),
    ],
)
def test_conditions_that_cannot_be_kept(direction, conditions, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        project_out(direction, conditions)


def test_a_zero_direction_is_none():
    with pytest.raises(ArgumentError, match="not all zero"):
        Direction(np.zeros(3), "z")


def test_scikit_learn_is_not_imported_with_the_package():
    program = "import sys, gprior_jax; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.parametrize("kind", [jnp.bfloat16, np.float16, np.float64])
def test_codes_of_any_floats(kind):
    """As arrays lie on accelerators and in files, in any order."""
    codes = np.asfortranarray(np.random.default_rng(5).normal(size=(400, 4)))
    found = train_boundary(codes.astype(kind)[::-1], codes[::-1, 1], "z", method="mean")
    wanted = train_boundary(codes[::-1], codes[::-1, 1], "z", method="mean")
    np.testing.assert_allclose(found.direction.vector, wanted.direction.vector, atol=0.005)
    coarse = train_boundary(codes, codes[:, 1].astype(kind), "z", method="mean")
    assert coarse.direction.vector[1] > 0.97  # Many of its scores are alike.
    assert found.direction.vector.dtype == np.float32
