"""Perceptual networks: what an image looks like to a trained network, for the distance between two images."""
