"""What picture files hold that are no files on disk: members of tar files, and files in the cloud."""

from pathlib import Path

from gprior_jax.images import archives, remote


def content_of(path: Path) -> bytes | None:
    """The content of a file that is to be read otherwise than from disk; None of one on disk.

    Raises:
        FileNotFoundError: it is not there.
        GPriorError: it cannot be read.

    >>> content_of(Path("cat.png"))
    """
    if url := remote.url_of(path):
        return remote.read(url)
    if member := archives.split(path):
        return archives.read_member(*member)
    return None
