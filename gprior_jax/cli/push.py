"""``gprior push``."""

import dataclasses
from pathlib import Path
from typing import Annotated

from tyro import conf

from gprior_jax import zoo
from gprior_jax.cli.flags import JsonFlag
from gprior_jax.cli.telling import print_json, say
from gprior_jax.zoo import hub


@dataclasses.dataclass(frozen=True, kw_only=True)
class Push(JsonFlag):
    """Put a model folder on the Hugging Face Hub: weights as safetensors, description, model card.

    Afterwards --model hf:OWNER/NAME, or hf:OWNER/NAME@REVISION, takes it in every command. The token is that of
    'hf auth login' or $HF_TOKEN. Mind the licence of what you push.

    Attributes:
        model: model folder, or the name of a bundled one.
        repository: owner/name on the Hub; made where there is none.
        revision: branch; the main one unless given.
        private: whether a new repository is seen by its owner alone.
        message: of the commit.
        to: write what would be pushed to this new folder instead, and push nothing.
    """

    model: Annotated[str, conf.Positional]
    repository: Annotated[str, conf.Positional]
    revision: str | None = None
    private: bool = False
    message: str | None = None
    to: Path | None = None

    def run(self) -> int:
        """Push it, or write what would be pushed."""
        folder = zoo.resolve(self.model)
        if self.to is not None:
            hub.stage(folder, self.to, hub.HubName.parse(self.repository).repository)
            if self.json:
                print_json({"folder": str(self.to)})
            else:
                say(f"{self.to}: what would be pushed; look at its README.md")
            return 0
        done = hub.push(folder, self.repository, revision=self.revision, private=self.private, message=self.message)
        if self.json:
            print_json(done._asdict())
        else:
            say(f"{done.address}: load it as {done.name}")
        return 0
