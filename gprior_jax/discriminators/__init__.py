"""Discriminators: critics of images, and networks whose features measure perceptual distance."""
