"""Inversion as a service: jobs that share the places of one program, and the HTTP interface to them.

The engine (:mod:`gprior_jax.serving.engine`) needs nothing but this package; :mod:`gprior_jax.serving.app` and
:mod:`gprior_jax.serving.listening` need the extra ``serve``.
"""
