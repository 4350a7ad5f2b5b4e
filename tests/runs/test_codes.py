"""Files of codes: their space is told by a name, by the caller or by the shape, and never guessed in silence."""

import pickle

import numpy as np
import pytest
from batteries import normal

from gprior_jax import editing
from gprior_jax.errors import CheckpointError
from gprior_jax.generators.pggan import PGGAN
from gprior_jax.generators.prior import Prior
from gprior_jax.generators.stylegan2 import StyleGAN2
from gprior_jax.runs.sources import read_points, split_source
from runs.records import tiny_prior

# Shapes alone are looked at: no weights.
EQUAL = Prior({}, StyleGAN2((6, 4), 5, 5), name="tiny")  # 4 styles; z and w are of one length.
OTHER = Prior({}, StyleGAN2((6, 4), 8, 5), name="tiny")
FFHQ = Prior({}, StyleGAN2((1,) * 9, 512, 512), name="ffhq")
PLAIN = tiny_prior()


def write(path, array, name=""):
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        np.savez(path, **{name or path.stem: array})
    return str(path)


def read(prior, source, **options):
    """The space, the codes and what was said."""
    told = []
    points = read_points(prior, source, tell=told.append, **options)
    (space,) = {name for point in points for name in point.variables}
    return space, np.stack([point.variables[space] for point in points]), told


CERTAIN = [
    (OTHER, "a.npy", (3, 8), None, "z", (3, 8)),
    (OTHER, "a.npy", (5,), None, "w", (1, 5)),
    (OTHER, "a.npy", (2, 5), None, "w", (2, 5)),
    (OTHER, "a.npy", (2, 1, 5), None, "w", (2, 5)),
    (EQUAL, "a.npy", (2, 4, 5), None, "w_plus", (2, 4, 5)),
    (EQUAL, "a.npy", (1, 5), "z", "z", (1, 5)),
    (EQUAL, "a.npy", (1, 5), "w", "w", (1, 5)),
    (EQUAL, "a.npy", (4, 5), "w", "w", (4, 5)),
    (EQUAL, "a.npy", (4, 5), "w_plus", "w_plus", (1, 4, 5)),
    (EQUAL, "w.npz", (1, 4, 5), None, "w_plus", (1, 4, 5)),  # NVIDIA's projector.
    (EQUAL, "w.npz", (1, 4, 5), "w", "w_plus", (1, 4, 5)),
    (EQUAL, "w.npz", (3, 5), None, "w", (3, 5)),
    (EQUAL, "w.npz", (4, 5), "w_plus", "w_plus", (1, 4, 5)),
    (EQUAL, "dlatents.npz", (2, 4, 5), None, "w_plus", (2, 4, 5)),
    (EQUAL, "ws.npz", (2, 4, 5), None, "w_plus", (2, 4, 5)),
    (EQUAL, "latents.npz", (2, 4, 5), None, "w_plus", (2, 4, 5)),
    (EQUAL, "whatever.npz", (2, 5), "w", "w", (2, 5)),
    (EQUAL, "z.npz", (2, 5), "w", "z", (2, 5)),  # A name goes before what the caller says of those without.
    (PLAIN, "z.npz", (2, 8, 1, 1), None, "z", (2, 8)),  # Codes of DCGANs.
]


@pytest.mark.parametrize(("prior", "name", "shape", "space", "wanted", "rows"), CERTAIN)
def test_spaces_that_are_certain(tmp_path, prior, name, shape, space, wanted, rows):
    array = np.asarray(normal(0, *shape))
    found, codes, told = read(prior, write(tmp_path / name, array), space=space)
    assert (found, told) == (wanted, [])
    np.testing.assert_array_equal(codes, array.reshape(rows))


def test_a_doubt_is_said(tmp_path):
    space, codes, told = read(EQUAL, write(tmp_path / "a.npy", normal(0, 4, 5)))
    assert (space, codes.shape) == ("w_plus", (1, 4, 5))
    assert told == [f"{tmp_path / 'a.npy'}: [4, 5] is taken as the styles of one code (w_plus), not as 4 codes."]
    space, codes, told = read(EQUAL, write(tmp_path / "w.npz", normal(0, 4, 5)))
    assert (space, codes.shape) == ("w", (4, 5))
    assert told == [f"{tmp_path / 'w.npz'}: w [4, 5] is taken as 4 codes w, not as one of as many styles."]


def test_z_or_w_is_not_guessed(tmp_path):
    path = write(tmp_path / "a.npy", normal(0, 1, 5))
    with pytest.raises(CheckpointError, match=r"\[1, 5\], which may be codes z or w of tiny, .*: name their"):
        read(EQUAL, path)
    assert read(EQUAL, f"w:{path}")[0] == "w"
    assert read(EQUAL, f"z:{path}", space="w")[0] == "z"


MISFITS = [
    (EQUAL, (1, 6, 5), None, r"\(1, 6, 5\): tiny takes finite floats .*\[N, 4, 5\] as w_plus; as w_plus they are of"),
    (
        EQUAL,
        (1, 6, 5),
        "w_plus",
        r"\(1, 6, 5\): tiny takes finite floats \[N, 4, 5\] as w_plus; .* of 6 styles of 5 numbers, tiny has 4 of 5",
    ),
    (EQUAL, (1, 4, 5), "w", r"\(1, 4, 5\): tiny takes finite floats \[N, 5\] as w; as w_plus they fit"),
    (EQUAL, (1, 4, 5), "z", r"\(1, 4, 5\): tiny takes finite floats \[N, 5\] as z"),
    (OTHER, (2, 8), "w", r"\(2, 8\): tiny takes finite floats \[N, 5\] as w"),
    (
        OTHER,
        (2, 7),
        None,
        r"\(2, 7\): tiny takes .* \[N, 8\] as z or \[N, 5\] as w or \[N, 4, 5\] as w_plus",
    ),
    (OTHER, (2, 3, 4, 5), None, r"\(2, 3, 4, 5\): tiny takes"),
    (PLAIN, (2, 8), "w", "has no styles, its latent space is 'z' only"),
]


@pytest.mark.parametrize(("prior", "shape", "space", "told"), MISFITS)
def test_shapes_that_do_not_fit_are_told_beside_those_that_do(tmp_path, prior, shape, space, told):
    path = write(tmp_path / "a.npy", normal(0, *shape))
    with pytest.raises(CheckpointError, match=told):
        read(prior, path, space=space)


@pytest.mark.parametrize(("prior", "shape"), [(EQUAL, (0, 4, 5)), (EQUAL, (0,)), (PLAIN, (0, 8)), (OTHER, (1, 1, 0))])
def test_a_file_without_a_code(tmp_path, prior, shape):
    """It is no code to leave out."""
    path = write(tmp_path / "a.npy", np.zeros(shape, np.float32))
    with pytest.raises(CheckpointError, match=r"a\.npy holds no code: its array has the shape \["):
        read(prior, path)
    path = tmp_path / "b.npz"
    np.savez(path, z=np.zeros(shape, np.float32))
    with pytest.raises(CheckpointError, match=r"b\.npz holds no code: z has the shape \["):
        read(prior, str(path))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_none_are_the_fault_whatever_the_shape(tmp_path, number):
    path = write(tmp_path / "a.npy", np.full((1, 4, 5), number, np.float32))
    with pytest.raises(CheckpointError, match=r"a\.npy holds numbers that are NaN or infinite, no codes"):
        read(EQUAL, path)


def test_several_arrays_without_a_known_name(tmp_path):
    np.savez(tmp_path / "abc.npz", a=np.zeros(5), b=np.zeros((5, 5)))
    with pytest.raises(CheckpointError, match="holds no array z, w or w_plus, or several others"):
        read(EQUAL, str(tmp_path / "abc.npz"))


def test_sources_with_their_space(tmp_path):
    assert split_source("w_plus:a/b.npy") == ("w_plus", "a/b.npy")
    assert split_source("seed:3") == (None, "seed:3")
    odd = tmp_path / "w:a.npy"
    odd.touch()
    assert split_source(str(odd)) == (None, str(odd))


def test_real_files(real):
    space, codes, told = read(FFHQ, str(real / "pti_projected_w.npz"))
    assert (space, codes.shape, told) == ("w_plus", (1, 18, 512), [])
    with np.load(real / "pti_projected_w.npz") as arrays:
        np.testing.assert_array_equal(codes, arrays["w"])
    with pytest.raises(CheckpointError, match=r"\(1, 18, 512\): tiny takes .*\[N, 4, 5\] as w_plus"):
        read(EQUAL, str(real / "pti_projected_w.npz"))


REAL_DIRECTIONS = {
    "interfacegan_stylegan_ffhq_age_w_boundary.npy": r"of unit norm\) as float64 of shape \(1, 512\)",
    "interfacegan_stylegan_ffhq_age_c_gender_boundary.npy": r"of unit norm\) as float64 of shape \(1, 512\)",
    "interfacegan_pggan_celebahq_pose_boundary.npy": r"of unit norm\) as float64 of shape \(1, 512\)",
    "higan_stylegan_bedroom_view_boundary.npy": r"of unit norm\) as float32 of shape \(1, 512\)",
    "higan_stylegan_kitchen_wood_boundary.npy": r"\(boundary\) as float64 of shape \(1, 512\)",
    "idinvert_stylegan_ffhq256_age.npy": r"\(boundary\) as float32 of shape \(1, 14, 512\)",
    "e4e_age.pt": r"of unit norm\) as float32 of shape \(1, 512\)",
    "e4e_pose.pt": r"of unit norm\) as float32 of shape \(1, 18, 512\)",
    "e4e_ffhq_pca.pt": r"\(comp\) as float32 of shape \(80, 1, 512\)",
    "sefa_factor.pt": r"\(eigvec, one a column\) as float32 of shape \(512, 512\)",
    "stit_yaw.npy": r"one row, shorter than codes are\) as float64 of shape \(18, 512\)",
}


@pytest.mark.parametrize("space", [None, "z", "w", "w_plus"])
@pytest.mark.parametrize("name", REAL_DIRECTIONS)
def test_directions_are_never_taken_for_codes(real, name, space):
    with pytest.raises(CheckpointError, match=f"holds directions .*{REAL_DIRECTIONS[name]}, no codes") as told:
        read(FFHQ, str(real / name), space=space)
    assert "a code of ffhq is [512] in z, [512] in w or [18, 512] in w_plus; gprior directions tells" in str(told.value)


@pytest.mark.parametrize("name", ["z.npz", "w.npz", "latents.npz", "a.npy"])
def test_rows_of_unit_norm_are_directions_whatever_they_are_called(tmp_path, name):
    rows = np.asarray(normal(0, 3, 5))
    path = write(tmp_path / name, rows / np.linalg.norm(rows, axis=1, keepdims=True))
    with pytest.raises(CheckpointError, match=r"of unit norm.*no codes"):
        read(EQUAL, path, space="w")


def test_our_own_directions_are_no_inversions(tmp_path):
    """They hold ``about``, as records do."""
    np.savez(tmp_path / "a.npz", boundary=np.full(5, 0.2, np.float32), space="w", name="age", about="{}")
    with pytest.raises(CheckpointError, match=r"holds directions \(boundary, of this package\)"):
        read(EQUAL, str(tmp_path / "a.npz"))


def test_real_codes(real):
    """Already truncated, and not again."""
    cat = Prior({}, StyleGAN2((1,) * 7, 512, 512), name="cat")
    space, codes, told = read(cat, str(real / "sefa_stylegan_cat256_latents.npy"))
    assert (space, told) == ("w_plus", [])
    np.testing.assert_array_equal(codes, np.load(real / "sefa_stylegan_cat256_latents.npy"))
    points = read_points(cat, str(real / "sefa_stylegan_cat256_latents.npy"))
    np.testing.assert_array_equal(editing.codes(cat, points, None, 0.5)["w_plus"], codes)
    latents = str(real / "sefa_pggan_celebahq1024_latents.npy")
    space, codes, told = read(Prior({}, PGGAN((1, 1), z_dim=512), name="pggan"), latents)
    assert (space, codes.shape, told) == ("z", (10, 512), [])
    with pytest.raises(CheckpointError, match="may be codes z or w of cat"):
        read(cat, latents)


FORMS = {
    "an object with a dict": lambda w, path: np.save(path, np.array({"latent": w}, object), allow_pickle=True),
    "a pickle": lambda w, path: path.write_bytes(pickle.dumps({"latent": w})),
}


@pytest.mark.parametrize("form", FORMS)
def test_codes_within_python_objects(tmp_path, form):
    wanted, path = np.asarray(normal(0, 4, 5)), tmp_path / ("a.npy" if "object" in form else "a.pkl")
    FORMS[form](wanted, path)
    space, codes, _ = read(EQUAL, str(path))
    assert space == "w_plus"
    np.testing.assert_array_equal(codes[0], wanted)
