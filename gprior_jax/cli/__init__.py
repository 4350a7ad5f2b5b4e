"""The ``gprior`` command. Its modules need the extra ``cli``; only :mod:`gprior_jax.cli.main` is imported without."""
