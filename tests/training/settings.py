"""Small runs, shared by the tests so that each of their updates is compiled once."""

from gprior_jax.training.config import StyleGAN2Config

CONDITIONAL = StyleGAN2Config(
    resolution=8,
    z_dim=6,
    mapping_layers=2,
    base_channels=64,
    max_channels=8,
    batch_size=4,
    images=16,
    num_classes=3,
    ema_half_life=50.0,
    w_decay=0.5,
    path_interval=2,
    r1_interval=3,
    augment=True,
    augment_images=160,
    turns=True,
)
"""Four steps of a class-conditional StyleGAN2, both penalties and augmentation among them."""
