"""Directions from files: the real ones of other programs, those that are described, and what is refused."""

import pickle
import re

import numpy as np
import pytest
import torch
from batteries import normal, random_params

from gprior_jax import zoo
from gprior_jax.editing import Direction, measure_deviations
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.runs.directions import hold_file, read_directions
from gprior_jax.runs.directions_file import save_direction

# Shapes alone are looked at: no weights.
FFHQ = Prior({}, StyleGAN2((1,) * 9, 512, 512), name="ffhq")
SMALL = Prior({}, StyleGAN2((1,) * 7, 512, 512), name="small")  # 14 styles: 256 pixels.
PLAIN = Prior({}, PGGAN((1, 1), z_dim=512), name="pggan")
TINY = Prior({}, StyleGAN2((6, 4), 8, 5), name="tiny")  # 4 styles.
EQUAL = Prior({}, StyleGAN2((6, 4), 5, 5), name="equal")  # z and w of one length.


def read(path, prior, space=None):
    """The directions, and what was said."""
    told = []
    return read_directions(path, prior, space, told.append), told


def unit(*shape, seed=0):
    rows = np.asarray(normal(seed, *shape), np.float64)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def saved(path, content):
    """A file by its ending: an array, or a dict as an object, by name, as tensors or as a pickle."""
    if path.suffix == ".npy":
        np.save(path, content if isinstance(content, np.ndarray) else np.array(content, object), allow_pickle=True)
    elif path.suffix == ".npz":
        np.savez(path, **content)
    elif path.suffix == ".pt":
        tensors = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in dict(content).items()}
        torch.save(tensors, path)
    else:
        path.write_bytes(pickle.dumps(content, 3))
    return path


BY_NAME, BY_PROGRAM, SAME, NOTHING = "by its name", "directions are of w", "rows are one and the same", None
REAL = [
    ("interfacegan_stylegan_ffhq_age_w_boundary.npy", FFHQ, 1, "w", (512,), None, r"of w by its name \(_w_\)"),
    ("interfacegan_stylegan_ffhq_age_c_gender_boundary.npy", FFHQ, 1, "z", (512,), None, "of z by its name"),
    ("interfacegan_pggan_celebahq_pose_boundary.npy", PLAIN, 1, "z", (512,), None, NOTHING),
    ("interfacegan_pggan_celebahq_pose_boundary.npy", FFHQ, 1, "z", (512,), None, BY_NAME),
    ("higan_stylegan_bedroom_view_boundary.npy", SMALL, 1, "w", (512,), None, BY_PROGRAM),
    ("higan_stylegan_kitchen_wood_boundary.npy", SMALL, 1, "w", (512,), (6, 7, 8, 9, 10, 11), NOTHING),
    ("idinvert_stylegan_ffhq256_age.npy", SMALL, 1, "w_plus", (14, 512), (0, 1, 2, 3, 4, 5), NOTHING),
    ("e4e_age.pt", FFHQ, 1, "w", (512,), None, BY_PROGRAM),
    ("e4e_pose.pt", FFHQ, 1, "w_plus", (18, 512), None, NOTHING),
    ("e4e_pose.pt", SMALL, 1, "w", (512,), None, SAME),
    ("e4e_ffhq_pca.pt", FFHQ, 80, "w", (512,), None, BY_PROGRAM),
    ("sefa_factor.pt", FFHQ, 512, "w", (512,), None, "eigenvectors of the layers that take w"),
    ("stit_yaw.npy", FFHQ, 1, "w_plus", (18, 512), None, NOTHING),
]


@pytest.mark.parametrize(("name", "prior", "count", "space", "shape", "layers", "said"), REAL)
def test_real_files(real, name, prior, count, space, shape, layers, said):
    found, told = read(real / name, prior)
    assert len(found) == count
    for direction in found:
        assert (direction.space, direction.vector.shape, direction.layers) == (space, shape, layers)
        np.testing.assert_allclose(np.linalg.norm(direction.vector, axis=-1), 1.0, rtol=1e-5)
    assert [bool(re.search(said or "$^", sentence)) for sentence in told] == ([] if said is None else [True])


def test_numbers_of_real_files(real):
    """Against what numpy and PyTorch read, by the conventions of the programs."""
    names = {
        "interfacegan_stylegan_ffhq_age_w_boundary.npy": (FFHQ, lambda v: v[0]),
        "higan_stylegan_kitchen_wood_boundary.npy": (SMALL, lambda v: v.item()["boundary"][0]),
        "idinvert_stylegan_ffhq256_age.npy": (SMALL, lambda v: v.item()["boundary"][0]),
        "stit_yaw.npy": (FFHQ, lambda v: v / np.linalg.norm(v[0])),
    }
    for name, (prior, stored) in names.items():
        (direction,), _ = read(real / name, prior)
        wanted = stored(np.load(real / name, allow_pickle=True))
        np.testing.assert_allclose(direction.vector, wanted, rtol=1e-5, atol=1e-8)
    factor = torch.load(real / "sefa_factor.pt", weights_only=True)["eigvec"].numpy()
    found, _ = read(real / "sefa_factor.pt", FFHQ)
    np.testing.assert_allclose(found[3].vector, factor[:, 3] / np.linalg.norm(factor[:, 3]), rtol=1e-5, atol=1e-8)
    pca = {k: v.numpy() for k, v in torch.load(real / "e4e_ffhq_pca.pt", weights_only=True).items()}
    found, _ = read(real / "e4e_ffhq_pca.pt", FFHQ)
    np.testing.assert_allclose(np.stack([each.vector for each in found]), pca["comp"][:, 0], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose([each.deviation for each in found], pca["std"], rtol=1e-5)
    np.testing.assert_allclose(
        [each.offset for each in found], pca["comp"][:, 0] @ pca["mean"][0], rtol=1e-3, atol=1e-5
    )


REAL_CODES = {
    "pti_projected_w.npz": r"\(1, 18, 512\)",
    "styleclip_latents.pt": r"\(1, 18, 512\)",
    "sefa_pggan_celebahq1024_latents.npy": r"\(10, 512\)",
    "sefa_stylegan_cat256_latents.npy": r"\(10, 14, 512\)",
}


@pytest.mark.parametrize("prior", [FFHQ, SMALL, PLAIN], ids=str)
@pytest.mark.parametrize("name", REAL_CODES)
def test_codes_are_no_directions(real, name, prior):
    with pytest.raises(
        CheckpointError, match=f"holds codes .*{REAL_CODES[name]}, no direction: a direction of"
    ) as told:
        read(real / name, prior)
    assert "[512] in z" in str(told.value)
    assert ("[18, 512] in w_plus" in str(told.value)) == (prior is FFHQ)


@pytest.mark.parametrize("name", {row[0]: None for row in REAL})
def test_real_files_of_other_priors(real, name):
    """One sentence, with both shapes."""
    with pytest.raises(
        CheckpointError, match=r"as float\d\d of shape \((\d+, )+512\).*; a direction of tiny is"
    ) as told:
        read(real / name, TINY)
    assert "; a direction of tiny is [8] in z, [5] in w or [4, 5] in w_plus." in str(told.value)


@pytest.mark.parametrize("space", [None, "w", "w_plus", "z"])
@pytest.mark.parametrize("name", ["idinvert_stylegan_ffhq256_age.npy", "higan_stylegan_kitchen_wood_boundary.npy"])
def test_styles_of_a_prior_without(real, name, space):
    with pytest.raises(CheckpointError, match=r"; a direction of pggan is \[512\] in z"):
        read(real / name, PLAIN, space)


@pytest.mark.parametrize("name", ["age.npy", "boundary.npy", "direction_3.npy", "stylegan_smile_boundary.npy", "a.pt"])
def test_z_or_w_is_asked_where_nothing_tells(tmp_path, name):
    content = unit(1, 5) if name.endswith("npy") else {"direction": unit(1, 5)}
    path = saved(tmp_path / name, content)
    with pytest.raises(CheckpointError, match=r"may be of z or of w of equal, .*: name the space, z or w, as in z:"):
        read(path, EQUAL)
    for space in ("z", "w"):
        (direction,), told = read(path, EQUAL, space)
        (same,), _ = read(f"{space}:{path}", EQUAL)
        assert direction.space == same.space == space
        assert told == []
    (direction,), _ = read(path, EQUAL, "w_plus")
    np.testing.assert_allclose(direction.vector, np.tile(unit(1, 5), (4, 1)), rtol=1e-5)
    # Where they are of different lengths, the length tells.
    (direction,), told = read(saved(tmp_path / name, content), TINY)
    assert (direction.space, told) == ("w", [])


NAMES = {
    "age_w_boundary.npy": "w",
    "smile_W.npy": "w",
    "age_z_boundary.npy": "z",
    "Z-age.npy": "z",
    "pggan_age.npy": "z",
    "stylegan_celebahq_smile_boundary.npy": "z",
    "stylegan_ffhq_age_c_gender_eyeglasses_boundary.npy": "z",
    "age_w+.npy": "w",
    "age_w_plus.npy": "w",
}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_name_says_is_said(tmp_path, name):
    (direction,), told = read(saved(tmp_path / name, unit(1, 5)), EQUAL)
    assert direction.space == NAMES[name]
    assert len(told) == 1
    assert f"taken as of {NAMES[name]} by its name" in told[0]
    # Who names the space is heard, and told.
    other = "z" if direction.space == "w" else "w"
    (direction,), told = read(tmp_path / name, EQUAL, other)
    assert direction.space == other
    assert f"taken as of {other}, though" in told[0]


def test_a_name_against_the_prior(tmp_path):
    """A boundary of w is no z of a prior without w."""
    saved(tmp_path / "age_w.npy", unit(1, 512))
    with pytest.raises(CheckpointError, match=r"it is of w by its name \(_w_\); a direction of pggan is \[512\] in z"):
        read(tmp_path / "age_w.npy", PLAIN)


LAYERS = [
    ("6-11", (6, 7, 8, 9, 10, 11)),
    ("0,1,4-6", (0, 1, 4, 5, 6)),
    ("3", (3,)),
    (" 2 - 4, 6 ", (2, 3, 4, 6)),
    ("[1, 2]", (1, 2)),
    ("all", None),
    (None, None),
    ((0, 2), (0, 2)),
    ([5, 3], (3, 5)),
    (np.arange(3), (0, 1, 2)),
    (np.array("4-5"), (4, 5)),
    (range(2, 5), (2, 3, 4)),
    (7, (7,)),
    (["0-2", "5"], (0, 1, 2, 5)),
]


@pytest.mark.parametrize(("stored", "wanted"), LAYERS, ids=lambda value: str(value))
@pytest.mark.parametrize("ending", ["npy", "pkl"])
def test_layers(tmp_path, stored, wanted, ending):
    content = {"boundary": unit(1, 512), "meta_data": {"manipulate_layers": stored}}
    (direction,), _ = read(saved(tmp_path / f"a.{ending}", content), SMALL, "w")
    assert direction.layers == wanted


@pytest.mark.parametrize("stored", ["six", "5-3", [-1], [0.5], [True], "1-2-3", [[1]], "0-99999", {}, [], ""])
def test_layers_that_are_none(tmp_path, stored):
    content = {"boundary": unit(1, 512), "manipulate_layers": stored}
    path = saved(tmp_path / "a.npy", content)
    if stored == "":
        assert read(path, SMALL, "w")[0][0].layers is None
        return
    with pytest.raises(CheckpointError, match=r"a\.npy: layers .*: use numbers such as 6-11 or 0,1,4-6"):
        read(path, SMALL)


def test_layers_beyond_the_prior(tmp_path):
    content = {"boundary": unit(1, 512), "manipulate_layers": "12-15"}
    path = saved(tmp_path / "a.npy", content)
    assert read(path, FFHQ)[0][0].layers == (12, 13, 14, 15)
    with pytest.raises(CheckpointError, match="is for layers 12 to 15 of its prior: small has 14 styles, 0 to 13"):
        read(path, SMALL)


def ganspace(**changes):
    """A direction as GANSpace's interactive program pickles it: 17 keys."""
    decomposition = {"name": "ipca", "components": 80, "samples": 1_000_000, "layer": "style", "class_name": "ffhq"}
    return {
        "name": "Light",
        "sigma_range": np.float64(-2.8),
        "component_index": 15,
        "act_comp": np.asarray(normal(1, 1, 64)),
        "lat_comp": 2 * unit(1, 512).astype(np.float32),
        "latent_space": "W",
        "act_stdev": 1.5,
        "lat_stdev": 1.25,
        "model_name": "StyleGAN2",
        "output_class": "ffhq",
        "decomposition": decomposition,
        "edit_type": "latent",
        "use_slerp": False,
        "truncation": 0.9,
        "edit_start": 8,
        "edit_end": 10,
        "example_seed": np.int64(1941578080),
    } | changes


def test_ganspace_pickles(tmp_path):
    assert len(ganspace()) == 17
    (direction,), told = read(saved(tmp_path / "a.pkl", ganspace()), FFHQ)
    assert (direction.space, direction.layers, direction.name, told) == ("w", (8, 9), "Light", [])  # The end is not.
    np.testing.assert_allclose(direction.vector, unit(1, 512)[0], rtol=1e-5)
    assert direction.deviation == pytest.approx(2.5)  # In multiples of the unit vector.
    (direction,), _ = read(saved(tmp_path / "a.pkl", ganspace(latent_space="Z", edit_start=None)), FFHQ)
    assert (direction.space, direction.layers) == ("z", None)


def test_ganspaces_components(tmp_path):
    content = {"act_comp": unit(3, 1, 512), "act_stdev": np.ones(3), "lat_comp": unit(3, 1, 512, seed=1)}
    content |= {"lat_mean": unit(1, 512), "lat_stdev": np.array([3.0, 2.0, 1.0]), "var_ratio": np.ones(3)}
    found, told = read(saved(tmp_path / "components.npz", content), FFHQ)
    np.testing.assert_allclose([each.vector for each in found], unit(3, 1, 512, seed=1)[:, 0], rtol=1e-5)
    np.testing.assert_allclose([each.deviation for each in found], [3, 2, 1])
    assert "GANSpace's components are mostly of w" in told[0]


def test_barbershops_components(tmp_path):
    basis = np.linalg.qr(np.asarray(normal(0, 512, 512), np.float64))[0]
    content = {
        "X_mean": unit(512),
        "X_comp": np.asfortranarray(basis),
        "X_stdev": np.ones(512),
        "X_var_ratio": np.ones(512),
    }
    found, told = read(saved(tmp_path / "ffhq_PCA.npz", content), FFHQ)
    np.testing.assert_allclose([each.vector for each in found], basis, rtol=1e-4, atol=1e-6)  # Rows.
    assert found[0].deviation is None  # The file's are those before the leaky ReLU.
    assert "of w before its last leaky ReLU" in told[0]


def test_rows_of_one_array(tmp_path):
    """Directions one a row, or one direction with a row for every layer."""
    basis = np.linalg.qr(np.asarray(normal(0, 5, 5), np.float64))[0][:4]
    found, told = read(saved(tmp_path / "sefa.npy", basis), TINY)
    assert ([each.space for each in found], len(told)) == (["w"] * 4, 1)
    assert "taken as 4 directions, as they are orthogonal" in told[0]
    (direction,), told = read(saved(tmp_path / "age.npy", unit(4, 5)), TINY)
    assert direction.space == "w_plus"
    assert "one direction with a row for every layer (w_plus), not as 4" in told[0]
    found, told = read(tmp_path / "age.npy", TINY, "w")
    assert ([each.space for each in found], told) == (["w"] * 4, [])
    assert [each.name for each in found] == ["age:0", "age:1", "age:2", "age:3"]
    (direction,), told = read(tmp_path / "age.npy", TINY, "w_plus")
    assert (direction.vector.shape, told) == ((4, 5), [])
    found, told = read(saved(tmp_path / "three.npy", unit(3, 4, 5)), TINY)
    assert ([each.vector.shape for each in found], told) == ([(4, 5)] * 3, [])
    whole = np.asarray(normal(0, 4, 5), np.float64)
    (direction,), _ = read(saved(tmp_path / "svm.npy", (whole / np.linalg.norm(whole)).reshape(1, 20)), TINY)
    longest = np.linalg.norm(whole, axis=1).max()
    np.testing.assert_allclose(direction.vector, whole / longest, rtol=1e-5)  # As InterFaceGAN trains on W+.


def test_rows_of_another_number_of_layers(tmp_path):
    """Where they are none of the prior's, they may be as many directions."""
    path = saved(tmp_path / "ffhq_rgb_0.npy", 3 * unit(18, 512))
    with pytest.raises(CheckpointError, match="one direction with rows for 18 layers, or 18 directions: name") as told:
        read(path, SMALL)
    assert "a direction of small is [512] in z, [512] in w or [14, 512] in w_plus" in str(told.value)
    found, _ = read(f"w:{path}", SMALL)
    assert [each.space for each in found] == ["w"] * 18


def test_one_of_several(tmp_path):
    saved(tmp_path / "sefa.npy", unit(6, 8))
    (direction,), _ = read(f"{tmp_path}/sefa.npy:4", TINY)
    np.testing.assert_allclose(direction.vector, unit(6, 8)[4], rtol=1e-5)
    assert direction.name == "sefa:4"
    saved(tmp_path / "all.pt", {"age": unit(1, 5), "smile": unit(1, 5, seed=1)})
    found, _ = read(tmp_path / "all.pt", TINY)
    assert [each.name for each in found] == ["age", "smile"]
    (direction,), _ = read(f"w:{tmp_path}/all.pt:smile", EQUAL)
    np.testing.assert_allclose(direction.vector, unit(1, 5, seed=1)[0], rtol=1e-5)
    with pytest.raises(CheckpointError, match="holds 2 directions, none is hair: use a number from 0 to 1, or"):
        read(f"{tmp_path}/all.pt:hair", TINY)


def test_lengths(tmp_path):
    """Unit length; of rows of different lengths the longest, as their proportion is part of the direction."""
    rows = unit(4, 5) * [[0.0], [11.2], [5.6], [0.36]]
    (direction,), _ = read(saved(tmp_path / "age_direction.npy", rows), TINY)
    np.testing.assert_allclose(np.linalg.norm(direction.vector, axis=1), [0, 1, 0.5, 0.36 / 11.2], rtol=1e-5)
    # The largest of STIT's family, and the smallest: named after what they change.
    for norm in (0.36, 11.2):
        rows = np.tile(norm * unit(512), (18, 1))
        (direction,), _ = read(saved(tmp_path / "emotion_happy.npy", rows), FFHQ)
        np.testing.assert_allclose(direction.vector, np.tile(unit(512), (18, 1)), rtol=1e-4, atol=1e-7)


def test_what_nothing_tells_is_said(tmp_path):
    (direction,), told = read(saved(tmp_path / "rgb_0.npy", 3 * unit(18, 512)), FFHQ)
    assert direction.space == "w_plus"
    assert "of shape (18, 512) and norm 3 is taken for directions, not for codes" in told[0]


def test_our_own_files(tmp_path):
    rows = unit(4, 5).astype(np.float32) * np.array([[1], [2], [0], [1]], np.float32)
    content = {"boundary": rows, "space": "w_plus", "layers": np.array([0, 1]), "name": "age", "deviation": 0.7}
    content |= {"offset": -0.5, "about": '{"accuracy": 0.97}'}
    (direction,), told = read(saved(tmp_path / "a.npz", content), TINY)
    np.testing.assert_array_equal(direction.vector, rows)  # As it was written, whatever its length.
    assert (direction.name, direction.layers, told) == ("age", (0, 1), [])
    assert (direction.deviation, direction.offset) == (pytest.approx(0.7), -0.5)
    del content["layers"], content["deviation"], content["offset"]
    (direction,), _ = read(saved(tmp_path / "a.npz", content | {"boundary": unit(5), "space": "z"}), EQUAL)
    assert (direction.space, direction.layers, direction.deviation, direction.offset) == ("z", None, None, None)
    with pytest.raises(CheckpointError, match="it is of z by its space"):
        read(tmp_path / "a.npz", EQUAL, "w")


OTHERS = {
    "gaussian_fit.pt": ({"mean": unit(512), "std": np.ones(512)}, r"holds statistics \(mean and std\) as float64"),
    "style_space.npy": (np.asarray(normal(0, 8704)), r"of shape \(8704,\).*a direction of ffhq is \[512\] in z"),
    "latent.pt": ({"latent": 9 * unit(18, 512)}, r"holds codes .*\(18, 512\), no direction"),
    "half.npy": (np.asarray(normal(0, 20, 18, 512), np.float16), r"holds codes .*float16 of shape \(20, 18, 512\)"),
    "zero_boundary.npy": (np.zeros((1, 512)), "NaN, infinite or all zero"),
    "nan_boundary.npy": (np.full((1, 512), np.nan), "NaN, infinite or all zero"),
    "huge_boundary.npy": (np.full((1, 512), 1e200), "NaN, infinite or all zero"),
    "words.pkl": ({"boundary": "none"}, "holds no arrays of numbers: a direction of ffhq is"),
    "objects.pkl": ({"boundary": [[1.0, 2.0], [3.0]]}, "boundary of shape .* is no direction"),
    "five.npy": (np.zeros((2, 3, 4, 5, 6)), "holds no arrays of numbers"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_direction(tmp_path, name):
    content, told = OTHERS[name]
    with pytest.raises(CheckpointError, match=told) as error:
        read(saved(tmp_path / name, content), FFHQ)
    assert name in str(error.value)


def test_half_precision(tmp_path):
    (direction,), _ = read(saved(tmp_path / "age.npy", unit(1, 18, 512).astype(np.float16)), FFHQ)
    np.testing.assert_allclose(direction.vector, unit(1, 18, 512)[0], rtol=2e-3, atol=1e-4)


def test_no_file():
    with pytest.raises(CheckpointError, match=r"nothing\.npy does not exist: give an .npy"):
        read("nothing.npy", FFHQ)


def test_nothing_is_executed(tmp_path):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "owned"), "w")

    saved(tmp_path / "a_boundary.npy", {"boundary": unit(1, 512), "meta_data": {"manipulate_layers": Trap()}})
    with pytest.raises(CheckpointError, match="could run code when loaded; it was refused and nothing was run"):
        read(tmp_path / "a_boundary.npy", FFHQ)
    assert not (tmp_path / "owned").exists()


def test_strengths_compare_whatever_the_length(tmp_path):
    """One direction, stored by three programs in three lengths: the same move of the prior's codes."""
    module = StyleGAN2((6, 4), 8, 5, mapping_layers=2, architecture="plain")
    prior = Prior(random_params(module, 0), module, name="tiny")
    row = unit(5)
    files = [
        saved(tmp_path / "a_w_boundary.npy", row[None]),
        saved(tmp_path / "b_direction.npy", np.tile(11.2 * row, (4, 1))),
        saved(tmp_path / "c.npz", {"boundary": 3 * row, "space": "w", "name": "c", "about": "{}"}),
    ]
    found = measure_deviations(prior, [read(file, prior)[0][0] for file in files])
    moves = [each.deviation * each.vector for each in found]
    for move in moves[1:]:
        np.testing.assert_allclose(np.broadcast_to(move, (4, 5)), np.broadcast_to(moves[0], (4, 5)), rtol=1e-4)


def test_what_a_file_holds(real):
    (held,) = hold_file(real / "idinvert_stylegan_ffhq256_age.npy")
    assert str(held) == "directions (boundary) as float32 of shape (1, 14, 512)"
    (held,) = hold_file(real / "pti_projected_w.npz")
    assert str(held) == "codes (the array w, by its array's name (w)) as float32 of shape (1, 18, 512)"


def test_a_bundled_prior_has_directions_by_name():
    prior = zoo.load("builtin:portraits")
    (found,) = read_directions("fair_hair", prior)
    assert (found.name, found.space, found.vector.shape) == ("fair_hair", "w", (128,))
    with pytest.raises(
        CheckpointError, match=r"nose does not exist: give .*, or one of builtin:portraits: blue_ground, "
    ):
        read_directions("nose", prior)


def test_a_model_folder_has_directions_by_name(tmp_path):
    prior = zoo.load("builtin:portraits")
    save_direction(tmp_path / "directions" / "age.npz", Direction(np.ones(128, np.float32), "w", name="age"))
    (found,) = read_directions("age", prior, model=tmp_path)
    assert found.name == "age"
    with pytest.raises(CheckpointError, match=r"fair_hair does not exist: give .*: age\.$"):
        read_directions("fair_hair", prior, model=tmp_path)
