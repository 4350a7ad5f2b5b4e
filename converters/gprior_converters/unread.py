"""Networks that are known and cannot be converted, each with the reason why."""

Shapes = dict[str, tuple[int, ...]]

_LUCIDRAINS = (
    "is of lucidrains' stylegan2_pytorch, which draws one map of uniform noise for all layers, cuts and transposes it, "
    "and enlarges bilinearly: no generator here does that, and with other noise its images would be others"
)
_MM_STYLEGAN = (
    "is a StyleGAN of MMGeneration, whose enlarging layers have a LeakyReLU before the blur as well: no generator here "
    "has one"
)
_GAN_ZOO_STYLEGAN = (
    "is a StyleGAN of pytorch_GAN_zoo, which blurs nothing and weighs noise by one number a layer: no generator here "
    "does"
)

_KNOWN: tuple[tuple[tuple[str, ...], str], ...] = (
    (("blocks.0.to_noise1.weight", "initial_conv.weight"), _LUCIDRAINS),
    (("style_mapping.1.linear.weight_orig", "convs.0.adain1.affine.weight_orig"), _MM_STYLEGAN),
    (("noiseMod00.module.weight", "baseScale0"), _GAN_ZOO_STYLEGAN),
)
"""Keys that a network has, and what to say of it."""


def reason(shapes: Shapes) -> str | None:
    """Why a known network cannot be converted, the rest of a sentence; None of others.

    >>> reason({"main.0.weight": (100, 512, 4, 4)})
    """
    return next((sentence for keys, sentence in _KNOWN if shapes.keys() >= set(keys)), None)
