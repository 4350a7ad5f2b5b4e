"""Where what is measured is kept."""

import numpy as np

from gprior_jax.runs.comparing import FOLDER, kept_in
from gprior_jax.storage import locks


def test_nobody_else_has_the_folder_until_it_is_gone(tmp_path, monkeypatch):
    """Who comes while files are removed measures elsewhere: the lock's file is the last."""
    path, others = tmp_path / FOLDER / ".lock", []
    release = locks.Lock.release

    def late(lock):
        others.append(locks.hold(path))
        release(lock)

    with kept_in(tmp_path, "how") as kept:
        kept.put(0, "digest", {"psnr": 1.0}, {"features_0": np.zeros(3)})
        monkeypatch.setattr(locks.Lock, "release", late)
    assert others == [None]
    assert not (tmp_path / FOLDER).exists()


def test_where_nothing_can_be_locked(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "fcntl", None)
    with kept_in(tmp_path, "how") as kept:
        kept.put(0, "digest", {"psnr": 1.0}, {})
        assert kept.values(0, "digest") == {"psnr": 1.0}
        assert kept.values(0, "another") is None
    assert not (tmp_path / FOLDER).exists()
