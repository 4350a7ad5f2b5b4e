"""Compiling what is needed before anybody asks for it."""

import tempfile
from pathlib import Path

import numpy as np

from gprior_jax.images.arrays import from_uint8
from gprior_jax.images.files import save_image
from gprior_jax.serving.asked import Asked
from gprior_jax.studio.orders import Files, Order
from gprior_jax.studio.owned import Owned
from gprior_jax.studio.pieces import Piece
from gprior_jax.studio.sessions import Session
from gprior_jax.studio.workspace import Workspace


def warm(workspace: Workspace, picture: np.ndarray) -> None:
    """Compile what a photograph needs first: the encoder's answer, and an inversion with the page's settings.

    Args:
        workspace: of the studio.
        picture: any, uint8 ``[R, R, C]``.

    Raises:
        GPriorError: such an inversion is beyond the limits.
    """
    workspace.first_look(from_uint8(picture))
    label = 0 if workspace.prior.num_classes else None
    rehearse(workspace, Asked(method=workspace.maker.first, label=label), picture)


def rehearse(workspace: Workspace, asked: Asked, picture: np.ndarray) -> None:
    """Let the engine take a step of what is asked for, in a session that is nobody's."""
    folder = tempfile.TemporaryDirectory()
    try:
        session = Session.new(Path(folder.name) / "rehearsal", "", workspace.model)
        piece = Piece("1", {"state": "queued"})
        photograph = session.folder / "photograph.png"
        save_image(photograph, picture)
        files = Files(photograph, session.results(piece))
        piece.prepared = workspace.maker.prepare(Order("photograph", asked, None), files)
        owner = Owned(workspace.prior, workspace.model, session, piece, after=folder.cleanup)
        workspace.engine.warm(asked, piece.prepared.ready(), owner)
    except BaseException:
        folder.cleanup()
        raise
