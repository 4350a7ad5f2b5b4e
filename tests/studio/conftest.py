import jax
import pytest
from cli import priors

from gprior_jax import zoo

pytest.importorskip("fastapi", reason="the extra studio is not installed")
pytest.importorskip("python_multipart", reason="the extra studio is not installed")

from studio.paged import Visit, browser
from studio.studios import studio


@pytest.fixture(scope="package", autouse=True)
def _forget_programs():
    yield
    jax.clear_caches()


@pytest.fixture(scope="package")
def little(tmp_path_factory):
    """Folder of a tiny prior with a discriminator, 8 px."""
    folder = tmp_path_factory.mktemp("models") / "little"
    zoo.save(priors.plain(), folder)
    return folder


@pytest.fixture(scope="package")
def ask(little, tmp_path_factory):
    """What asks a studio of it."""
    with studio(priors.plain(), tmp_path_factory.mktemp("studio") / "s", little, megabytes=0.1) as asker:
        yield asker


@pytest.fixture(scope="package")
def chromium():
    with browser() as made:
        yield made


@pytest.fixture(scope="package")
def address(chromium, little, tmp_path_factory):
    """Where a studio of it is for browsers."""
    folder = tmp_path_factory.mktemp("page") / "sessions"
    with studio(priors.plain(), folder, little, megabytes=1.0, megapixels=1.0) as ask:
        ask.workspace.book.find()
        yield f"http://127.0.0.1:{ask.port}"


@pytest.fixture
def visit(chromium, address):
    """A person at its page."""
    with Visit(chromium, address) as made:
        yield made
