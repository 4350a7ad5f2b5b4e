"""A command of a user's own."""

import dataclasses

from gprior_jax.cli.commands import Command, register
from gprior_jax.cli.flags import PriorFlags
from gprior_jax.cli.telling import print_json, say


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnCommand(PriorFlags):
    """Tell how many layers a prior has.

    Attributes:
        twice: tell it twice.
    """

    twice: bool = False

    def run(self) -> int:
        """Tell it."""
        prior = self.load_prior()
        if self.json:
            print_json({"layers": prior.num_layers})
        else:
            for _ in range(1 + self.twice):
                say(f"{prior} has {prior.num_layers} layers")
        return 0


register(Command("own layers", OwnCommand, "tell how many layers a prior has"))
