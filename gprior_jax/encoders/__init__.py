"""Encoders: images to latent codes."""
