"""Rows of the table of published networks, as each publisher names its files, and the papers to cite."""

from gprior_jax.zoo.entries import STYLEGAN2, Paper, Published

STYLEGAN = Paper("A Style-Based Generator Architecture for Generative Adversarial Networks", "1812.04948")
ADA = Paper("Training Generative Adversarial Networks with Limited Data", "2006.06676")
BIGGAN = Paper("Large Scale GAN Training for High Fidelity Natural Image Synthesis", "1809.11096")
INTERFACEGAN = Paper("Interpreting the Latent Space of GANs for Semantic Face Editing", "1907.10786")
IDINVERT = Paper("In-Domain GAN Inversion for Real Image Editing", "2004.00049")
PULSE = Paper("PULSE: Self-Supervised Photo Upsampling via Latent Space Exploration of Generative Models", "2003.03808")
MGANPRIOR = Paper("Image Processing Using Multi-Code GAN Prior", "1912.07116")
EFFICIENTNET = Paper("EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", "1905.11946")
VGG = Paper("Very Deep Convolutional Networks for Large-Scale Image Recognition", "1409.1556")
ALEXNET = Paper("One weird trick for parallelizing convolutional neural networks", "1404.5997")

NVIDIA = "https://nvlabs-fi-cdn.nvidia.com/"
NON_COMMERCIAL = "CC BY-NC 4.0: non-commercial"
NVIDIA_TERMS = "Nvidia Source Code License: non-commercial"
CONVERTED = "not stated for the conversion; the original is CC BY-NC 4.0: non-commercial"
NOT_STATED = "not stated"


def drive(key: str) -> str:
    """Google Drive's address of a file itself; the last parameter answers the question about the virus scan."""
    return f"https://drive.usercontent.google.com/download?id={key}&export=download&confirm=t"


def ada(name: str, title: str, paper: Paper = ADA, path: str = "") -> Published:
    """A network of stylegan2-ada-pytorch."""
    path = path or f"{name}.pkl"
    return Published(
        name=f"stylegan2-ada-{name}",
        title=f"StyleGAN2, {title}",
        file=path.rpartition("/")[2],
        address=f"{NVIDIA}stylegan2-ada-pytorch/pretrained/{path}",
        page="https://github.com/NVlabs/stylegan2-ada-pytorch",
        licence=NVIDIA_TERMS,
        paper=paper,
        layout="stylegan2_generator",
    )


def source(name: str, title: str, stem: str) -> Published:
    """A network that NVIDIA's transfer learning starts from, by the name that its ``--resume`` takes."""
    return ada(name, f"{title}, a start for transfer learning", path=f"transfer-learning-source-nets/{stem}.pkl")


def stylegan2(name: str, title: str) -> Published:
    """A network of StyleGAN2, in TensorFlow."""
    file = f"stylegan2-{name}-config-f.pkl"
    return Published(
        name=f"stylegan2-{name}",
        title=f"StyleGAN2 (config F), {title}",
        file=file,
        address=f"{NVIDIA}stylegan2/networks/{file}",
        page="https://github.com/NVlabs/stylegan2",
        licence=NVIDIA_TERMS,
        paper=STYLEGAN2,
        layout="stylegan2_generator",
    )


def stylegan(name: str, title: str, stem: str, key: str) -> Published:
    """A network of the first StyleGAN, in TensorFlow."""
    return Published(
        name=f"stylegan-{name}",
        title=f"StyleGAN, {title}",
        file=f"karras2019stylegan-{stem}.pkl",
        address=drive(key),
        page="https://github.com/NVlabs/stylegan",
        licence=NON_COMMERCIAL,
        paper=STYLEGAN,
        layout="stylegan_generator",
    )


def interfacegan(name: str, title: str, key: str, size_mib: float) -> Published:
    """A generator that InterFaceGAN converted."""
    file = f"{name.replace('-', '_')}.pth"
    return Published(
        name=f"interfacegan-{name}",
        title=title,
        file=file,
        address=f"https://www.dropbox.com/s/{key}/{file}?dl=1",
        page="https://github.com/genforce/interfacegan",
        licence=CONVERTED,
        paper=INTERFACEGAN,
        layout=f"{name.partition('-')[0]}_generator",
        size_mib=size_mib,
    )


def idinvert(name: str, title: str, generator: str, encoder: str) -> tuple[Published, Published]:
    """The in-domain generator of a data set, and its encoder."""
    common = {
        "page": "https://github.com/genforce/idinvert_pytorch",
        "licence": NOT_STATED,
        "paper": IDINVERT,
    }
    return (
        Published(
            name=f"idinvert-{name}-generator",
            title=f"StyleGAN for in-domain inversion, {title}",
            file=f"styleganinv_{name}256_generator.pth",
            address=drive(generator),
            layout="stylegan_generator",
            size_mib=113.3,
            **common,
        ),
        Published(
            name=f"idinvert-{name}-encoder",
            title=f"encoder of in-domain inversion, {title}",
            file=f"styleganinv_{name}256_encoder.pth",
            address=drive(encoder),
            size_mib=630.8,
            note=f"gprior convert takes it as the encoder of styleganinv_{name}256_generator.pth",
            **common,
        ),
    )


def rosinality(name: str, title: str, file: str, key: str, licence: str) -> Published:
    """A StyleGAN2 of rosinality, in PyTorch."""
    return Published(
        name=f"rosinality-{name}",
        title=f"StyleGAN2 in PyTorch, {title}",
        file=file,
        address=drive(key),
        page="https://github.com/rosinality/stylegan2-pytorch",
        licence=licence,
        paper=STYLEGAN2,
        layout="stylegan2_generator",
    )


def pulse(part: str, key: str, size_mib: float) -> Published:
    """A part of PULSE's generator."""
    return Published(
        name=f"pulse-{part}",
        title=f"StyleGAN in PyTorch, FFHQ faces, 1024 px: {part} network",
        file=f"pulse_{part}.pt",
        address=drive(key),
        page="https://github.com/adamian98/pulse",
        licence=CONVERTED,
        paper=PULSE,
        size_mib=size_mib,
        note="half of a generator: join the dicts of pulse-mapping and pulse-synthesis in torch, then gprior convert",
    )


def biggan(iterations: str, title: str, key: str) -> Published:
    """A checkpoint of BigGAN, by its number of iterations."""
    return Published(
        name=f"biggan-128-{iterations}",
        title=f"BigGAN in PyTorch, ImageNet, 128 px, {title}",
        file=f"BigGAN_ch96_bs256x8_{iterations}.zip",
        address=drive(key),
        page="https://github.com/ajbrock/BigGAN-PyTorch",
        licence=NOT_STATED,
        paper=BIGGAN,
        note=f"with discriminator and optimisers: unpack it, then gprior convert {iterations}/G_ema.pth",
    )


def biggan_deep(side: int, size_mib: float) -> Published:
    """A BigGAN-deep of a side, pixels."""
    return Published(
        name=f"biggan-deep-{side}",
        title=f"BigGAN-deep, ImageNet, {side} px",
        file=f"biggan-deep-{side}-pytorch_model.bin",
        address=f"https://s3.amazonaws.com/models.huggingface.co/biggan/biggan-deep-{side}-pytorch_model.bin",
        page="https://github.com/huggingface/pytorch-pretrained-BigGAN",
        licence=NOT_STATED,
        paper=BIGGAN,
        layout="biggan_deep_generator",
        size_mib=size_mib,
        note="its -config.json says nothing that gprior convert does not know",
    )


def torchvision(name: str, title: str, stem: str, digits: str, paper: Paper, size_mib: float) -> Published:
    """A classifier, whose file carries the first digits of its SHA-256 in its name."""
    file = f"{stem}-{digits}.pth"
    return Published(
        name=name,
        title=title,
        file=file,
        address=f"https://download.pytorch.org/models/{file}",
        page="https://pytorch.org/vision/stable/models.html",
        licence="BSD 3-Clause",
        paper=paper,
        layout=name,
        size_mib=size_mib,
        sha256=digits,
    )
