"""Layers and convolution paths that the networks are built of."""
