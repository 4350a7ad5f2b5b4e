"""Generators, and the prior that wraps one with its weights."""
