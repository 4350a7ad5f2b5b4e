"""The files that come with an order, onto disk under names of our own."""

from pathlib import Path
from typing import NamedTuple

from gprior_jax.errors import ArgumentError
from gprior_jax.generators.prior import Prior
from gprior_jax.images.opening import size_of
from gprior_jax.serving.pictures import MASK, PICTURE, size_of_content
from gprior_jax.storage.atomic import write_bytes, write_json
from gprior_jax.studio.orders import Files, Order, check_frame, file_name
from gprior_jax.studio.placing import alignment_of, given_faces, write_mask, write_square


class Uploads(NamedTuple):
    """What is sent with an order.

    Attributes:
        image: content of the photograph's file.
        mask: of the mask that was painted on its square.
        landmarks: of a file that says where faces are.
    """

    image: bytes
    mask: bytes | None = None
    landmarks: bytes | None = None


def check_sizes(uploads: Uploads, megapixels: float) -> None:
    """Check formats and sizes before anything is decoded; see :func:`gprior_jax.serving.pictures.size_of_content`."""
    size_of_content(uploads.image, PICTURE, megapixels)
    size_of(PICTURE, content=uploads.image)  # Too small, or too long and thin.
    if uploads.mask is not None:
        size_of_content(uploads.mask, MASK, megapixels)


def unpack(folder: Path, out: Path, order: Order, uploads: Uploads, prior: Prior, model: str) -> tuple[Files, Order]:
    """Write what was sent; the files of the order's command, and the order as that takes it.

    Args:
        folder: for the photograph and what belongs to it.
        out: for the results.
        order: what is asked for.
        uploads: that passed :func:`check_sizes`.
        prior: the generator.
        model: what commands call it.

    Raises:
        ArgumentError: files that do not go with the order.
    """
    asked, placing = order.asked, order.placing
    name = file_name(order.name, _kind(uploads.image))
    photograph = folder / name
    write_bytes(photograph, uploads.image)
    files = Files(photograph, out)
    if uploads.mask is not None:
        if asked.task != "inpaint":
            raise ArgumentError("a mask is for the task inpaint: leave it out.")
        files = files._replace(mask=folder / "mask.png")
        write_mask(folder / "mask.png", uploads.mask, prior)
    elif asked.task == "inpaint" and asked.box is None:
        raise ArgumentError("say what is missing: paint over it, or give a box.")
    if uploads.landmarks is not None and placing in (None, "face"):
        points = given_faces(folder / "landmarks", uploads.landmarks, name)
        if alignment_of(model) is None:
            raise ArgumentError(f"{model} does not say where faces are in its images: place the square by hand.")
        write_json(folder / "faces.json", {name: (points - 0.5).ravel().tolist()})
        return files._replace(faces=folder / "faces.json"), order._replace(placing="face")
    if placing is not None and placing != "face":
        check_frame(placing, size_of(photograph))
        template, faces = write_square(folder, name, placing)
        files = files._replace(template=template, faces=faces)
    return files, order


def _kind(content: bytes) -> str:
    return "PNG" if content.startswith(b"\x89PNG") else "JPEG"
