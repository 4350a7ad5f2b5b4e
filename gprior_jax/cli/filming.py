"""The flags of films of optimisations."""

import dataclasses
from pathlib import Path
from typing import Literal

from gprior_jax.cli.telling import warn
from gprior_jax.errors import ArgumentError
from gprior_jax.images.video import check
from gprior_jax.runs import Outcome
from gprior_jax.runs.filming import FPS, Filming


@dataclasses.dataclass(frozen=True, kw_only=True)
class FilmFlags:
    """Films of optimisations.

    Attributes:
        film: write films/NAME.webp, .gif or .mp4 (extra video), too: the best picture so far from the first step to the
            last.
        film_frames: pictures of a film, at even distances.
    """

    film: Literal["none", "webp", "gif", "mp4"] = "none"
    film_frames: int = 100

    def filming(self, out: Path) -> Filming | None:
        """What makes films, if that is asked for.

        Raises:
            GPriorError: a number out of range, or MP4 without its extra.
        """
        if self.film == "none":
            if self.film_frames != FilmFlags.film_frames:
                raise ArgumentError("--film-frames is for --film: add --film webp, or leave it out.")
            return None
        if self.film_frames < 2:
            raise ArgumentError(f"--film-frames {self.film_frames}: a film has at least 2.")
        check(f"x.{self.film}", FPS)
        return Filming(out, self.film, self.film_frames)


def tell_unfilmed(filming: Filming | None, outcome: Outcome) -> None:
    """Say which images have no film, as they were done before."""
    names = (
        [] if filming is None else [e.row["name"] for e in outcome.entries if not filming.path(e.row["name"]).exists()]
    )
    if names:
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        warn(f"no film of {shown}: images are filmed while they are solved, and these were done; use another --out.")
