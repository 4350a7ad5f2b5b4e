"""What programs take, and what a machine has."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gprior_jax.compiling import jit
from gprior_jax.inversion import footprint as footprints
from gprior_jax.inversion.devices import image_mesh
from gprior_jax.inversion.footprint import Footprint, ceiling, footprint, free_bytes, host_free

MEGABYTE = 1_000_000


def test_what_a_program_takes():
    """An array that cannot be done without, [1000, 1000, 4]: 16 MB."""
    program = jit(lambda x: jnp.sort((x[:, None, :] + x[None]).reshape(-1, 4), axis=0)[:10], use="often")
    x = np.ones((1000, 4), np.float32)
    found = footprint(program.compiled(x), images=4, rows=(x, None, 3))
    assert found.rows == 16000
    assert 16 * MEGABYTE <= found.beside < 100 * MEGABYTE


@pytest.mark.parametrize(
    ("images", "devices", "free", "fits"),
    [
        (8, 1, 20_000, 14),  # (0.9 * 20,000 + 2,000) / 11,000 of 8
        (8, 1, 10_000, 8),
        (8, 1, 5_000, 4),
        (8, 1, 10, 1),
        (8, 2, 5_000, 4),  # Of four on each.
        (8, 8, 5_000, 1),
    ],
)
def test_as_many_images_as_fit(images, devices, free, fits):
    own = Footprint(images, rows=2_000, beside=9_000, operations=0.0)
    assert own.fitting(free, devices) == fits


def test_memory_that_is_free():
    host, each = host_free(), free_bytes(image_mesh(1))
    if host is None:
        pytest.skip("this system does not tell")
    assert each is not None
    assert 0 < host < 2**50
    assert abs(each - host) < host  # Others come and go.


def test_limits_of_control_groups(tmp_path):
    inner = tmp_path / "groups" / "job" / "step"
    inner.mkdir(parents=True)
    (tmp_path / "own").write_text("12:cpu:/elsewhere\n0::/job/step\n")
    for folder, limit, used in ((inner, "max", 5), (inner.parent, "100", 70), (tmp_path / "groups", "1000", 70)):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text("anon 3\ninactive_file 20\n")
    assert list(footprints._of_groups(tmp_path / "groups", tmp_path / "own")) == [50, 950]
    assert list(footprints._of_groups(tmp_path / "groups", tmp_path / "no")) == []


def test_a_ceiling():
    """Some thousand million a second; it is measured once."""
    found = ceiling(image_mesh(1))
    assert 1e8 < found < 1e16
    assert ceiling(image_mesh(1)) == found


def test_a_ceiling_while_another_mesh_is_set():
    ceiling.cache_clear()
    with jax.set_mesh(jax.make_mesh((1,), ("x",), devices=jax.devices()[:1])):
        assert ceiling(image_mesh(1)) > 1e8


def test_a_platform_that_does_not_tell():
    class Silent:
        def memory_analysis(self):
            raise NotImplementedError

    own = footprint(type("Program", (), {"call": Silent(), "operations": 5.0})(), images=1, rows=())
    assert own == Footprint(1, 0, 0, 5.0)
    assert jax.local_devices()[0].platform == "cpu" or own.beside == 0
