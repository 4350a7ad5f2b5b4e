"""Inversion: the problem, the one solver, and the driver that runs it over many images."""
