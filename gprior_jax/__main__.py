"""``python -m gprior_jax``: the command line, where its program is not on the path."""

import sys

from gprior_jax.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
