"""Model folders on the Hugging Face Hub: ``hf:owner/name@revision`` wherever a model is named, and what pushes one.

On the Hub a folder has its weights as ``model.safetensors``, beside ``config.json`` and the model card. Nothing in a
repository is executed, and files of other kinds are not fetched. huggingface_hub (extra ``hub``) keeps what was fetched
in its own cache, knows tokens (``HF_TOKEN``, ``hf auth login``), mirrors (``HF_ENDPOINT``) and doing without a network
(``HF_HUB_OFFLINE``).
"""

import functools
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from gprior_jax.errors import ArgumentError, CheckpointError, DownloadError, GPriorError, require
from gprior_jax.storage.atomic import new_folder, write_text
from gprior_jax.storage.checkpoint import load_stored
from gprior_jax.storage.tensors import load_tensors, write_tensors
from gprior_jax.zoo.card import model_card
from gprior_jax.zoo.folder import TENSORS, read_config

PREFIX = "hf:"

_BESIDE = ("README.md", "*.png", "directions/*", "attribution.json")
"""What lies in a model folder beside its description and weights."""

_WANTED = ("config.json", TENSORS, "params/*", *_BESIDE)
"""What a model folder consists of."""

_NAME = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


class HubName(NamedTuple):
    """A repository on the Hub.

    Attributes:
        repository: owner and name.
        revision: branch, tag or commit; None is its main branch.
    """

    repository: str
    revision: str | None

    @classmethod
    def parse(cls, name: str) -> "HubName":
        """Read ``hf:owner/name`` or ``hf:owner/name@revision``.

        Raises:
            ArgumentError: it is something else.

        >>> HubName.parse("hf:somebody/faces@v1.0")
        HubName(repository='somebody/faces', revision='v1.0')
        """
        found = _NAME.fullmatch(name.removeprefix(PREFIX))
        if found is None:
            raise ArgumentError(f"{name!r} names no repository: write hf:owner/name, or hf:owner/name@revision.")
        return cls(found["repository"], found["revision"])


@functools.cache
def fetch_folder(name: str) -> Path:
    """The folder of a repository on this machine; asked for once in a process.

    Args:
        name: ``hf:owner/name`` or ``hf:owner/name@revision``.

    Raises:
        ArgumentError: no such name.
        DownloadError: there is no such repository or revision, no network, or no permission.
        MissingExtraError: huggingface_hub is not installed.
    """
    hub, own = _hub(), HubName.parse(name)
    try:
        return Path(hub.snapshot_download(own.repository, revision=own.revision, allow_patterns=list(_WANTED)))
    except Exception as error:
        raise DownloadError(f"{name} was not fetched: {_reason(error)}") from error


class Pushed(NamedTuple):
    """What was put on the Hub.

    Attributes:
        name: what :func:`gprior_jax.load` takes.
        address: where to look at it.
        commit: of the repository.
    """

    name: str
    address: str
    commit: str


def push(
    folder: str | os.PathLike,
    repository: str,
    *,
    revision: str | None = None,
    private: bool = False,
    message: str | None = None,
) -> Pushed:
    """Put a model folder on the Hub, in one commit.

    Args:
        folder: that ``gprior convert`` or ``gprior train`` wrote.
        repository: ``owner/name``; made where there is none.
        revision: branch; made where there is none.
        private: whether a new repository is seen by its owner alone.
        message: of the commit.

    Raises:
        GPriorError: no model folder, no permission, no network; nothing is pushed then.
        MissingExtraError: huggingface_hub is not installed.
    """
    hub, own = _hub(), HubName.parse(repository)
    if own.revision is not None:
        raise ArgumentError(f"{repository!r}: give the branch as revision.")
    with tempfile.TemporaryDirectory() as temporary:
        staged = Path(temporary) / "model"
        stage(folder, staged, own.repository)
        try:
            api = hub.HfApi()
            api.create_repo(own.repository, private=private, exist_ok=True)
            if revision is not None:
                api.create_branch(own.repository, branch=revision, exist_ok=True)
            done = api.upload_folder(
                repo_id=own.repository,
                folder_path=staged,
                revision=revision,
                commit_message=message or "A model folder of gprior_jax",
                # Weights of a folder that was put there as it is: they would go before those of this one.
                delete_patterns=["params/*"],
            )
        except Exception as error:
            raise GPriorError(f"{own.repository} was not pushed: {_reason(error)}") from error
    at = "" if revision is None else f"@{revision}"
    return Pushed(f"{PREFIX}{own.repository}{at}", str(done.repo_url), done.oid)


def stage(folder: str | os.PathLike, to: str | os.PathLike, repository: str) -> None:
    """Write what :func:`push` pushes to a new folder, which is a model folder too.

    Args:
        folder: a model folder.
        to: the folder to make.
        repository: what its card calls it.

    Raises:
        CheckpointError: no model folder, or damaged.
        OccupiedError: ``to`` is taken.

    >>> import gprior_jax as gp, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     stage(gp.zoo.bundled_folder("builtin"), f"{folder}/staged", "me/portraits")
    ...     print(sorted(path.name for path in Path(f"{folder}/staged").iterdir()))
    ['README.md', 'config.json', 'curves.png', 'model.safetensors', 'samples.png']
    """
    folder, config = Path(folder), read_config(folder)
    with new_folder(to) as made:
        shutil.copyfile(folder / "config.json", made / "config.json")
        if (folder / "params").is_dir():
            write_tensors(made / TENSORS, load_stored(folder / "params"), config)
        elif (folder / TENSORS).is_file():
            load_tensors(folder / TENSORS)  # Nothing damaged is pushed.
            shutil.copyfile(folder / TENSORS, made / TENSORS)
        else:
            raise CheckpointError(f"{folder} has no weights: copy it again, or convert or train the model again.")
        for pattern in _BESIDE:
            for path in sorted(path for path in folder.glob(pattern) if path.is_file()):
                (made / path.relative_to(folder)).parent.mkdir(exist_ok=True)
                shutil.copyfile(path, made / path.relative_to(folder))
        write_text(made / "README.md", model_card(made, repository))


def _hub() -> Any:
    return require("huggingface_hub", "hub")


def _reason(error: Exception) -> str:
    """Why the Hub did not do what was asked, and what to do, the end of a sentence."""
    errors = require("huggingface_hub.errors", "hub")
    kinds = (
        (
            (errors.GatedRepoError,),
            "its owner wants to be asked: accept the terms on its page, then set HF_TOKEN",
        ),
        (
            (errors.RepositoryNotFoundError,),
            "there is no such repository, or it is private: look at its name, and set HF_TOKEN",
        ),
        ((errors.RevisionNotFoundError,), "it has no such branch, tag or commit"),
        (
            (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, errors.RevisionResolutionError),
            "it is not in the cache, and there is no network: fetch it once with one, or name a folder",
        ),
        ((errors.LocalTokenNotFoundError,), "no token is known: set HF_TOKEN"),
    )
    for classes, told in kinds:
        if isinstance(error, classes):
            return f"{told}."
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return "the token does not allow it: set HF_TOKEN to one that may write there."
    return f"{' '.join(str(error).split())[:300]}"
