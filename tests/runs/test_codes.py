"""Files of codes: their space is told by a name, by the caller or by the shape, and never guessed in silence."""

import numpy as np
import pytest
from batteries import normal

from gprior_jax.errors import CheckpointError
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
    np.savez(tmp_path / "pca.npz", X_mean=np.zeros(5), X_comp=np.zeros((5, 5)))
    with pytest.raises(CheckpointError, match="holds no array z, w or w_plus, or several others"):
        read(EQUAL, str(tmp_path / "pca.npz"))


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
    boundary = str(real / "interfacegan_stylegan_ffhq_age_w_boundary.npy")
    with pytest.raises(CheckpointError, match="which may be codes z or w of ffhq"):
        read(FFHQ, boundary)
    space, codes, _ = read(FFHQ, boundary, space="w")
    np.testing.assert_array_equal(codes, np.load(boundary).astype(np.float32))
    with pytest.raises(CheckpointError, match=r"holds Python objects .*, no codes: save the array alone"):
        read(FFHQ, str(real / "higan_stylegan_kitchen_wood_boundary.npy"))
