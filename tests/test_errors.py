import sys

import pytest

from gprior_jax import errors


def test_status_values_are_stable():
    # The numbers are stored in .npz files of earlier runs.
    assert {status.name: int(status) for status in errors.Status} == {"MAX_STEPS": 0, "CONVERGED": 1, "NONFINITE": 2}


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.ImageFileError, ValueError),
        (errors.CheckpointError, ValueError),
        (errors.MissingExtraError, ImportError),
    ],
)
def test_every_error_is_ours_and_a_builtin(kind, builtin):
    assert issubclass(kind, errors.GPriorError)
    assert issubclass(kind, builtin)


def test_require_returns_a_dotted_module():
    import xml.dom.minidom

    assert errors.require("xml.dom.minidom", "cli") is xml.dom.minidom


def test_require_names_the_extra():
    with pytest.raises(errors.MissingExtraError) as caught:
        errors.require("surely_not_installed.inner", "plot")
    assert str(caught.value) == "surely_not_installed is not installed: pip install 'gprior-jax[plot]'"


def test_require_does_not_blame_the_extra_for_a_broken_dependency(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import surely_not_installed")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="surely_not_installed") as caught:
        errors.require("half_installed", "plot")
    assert not isinstance(caught.value, errors.GPriorError)
    assert "half_installed" not in sys.modules
