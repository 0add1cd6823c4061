"""Pictures drawn for the tests, and their files."""

from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.images import Pixels

EXIF_ORIENTATION = 0x0112
# How to store an upright picture so that each orientation shows it upright again (EXIF 2.32, 4.6.4 A).
STORE = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a.transpose(1, 0, 2)[::-1],
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a.transpose(1, 0, 2)[:, ::-1],
}


def draw_corners(width: int = 64, height: int = 40) -> Pixels:
    """A quarter each of red, green, blue and grey: every orientation looks different."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (220, 20, 20)
    picture[: height // 2, width // 2 :] = (20, 220, 20)
    picture[height // 2 :, : width // 2] = (20, 20, 220)
    picture[height // 2 :, width // 2 :] = (128, 128, 128)
    return picture


def draw_bodies(*boxes: tuple[int, int, int, int], width: int = 400, height: int = 300) -> Pixels:
    """Striped cartons at (x1, y1, x2, y2) on a light ground."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([225 - y // 12, 222 - y // 12, 215 + x // 40], axis=-1).astype(np.uint8)
    for number, (x1, y1, x2, y2) in enumerate(boxes):
        stripes = (np.arange(y1, y2) // 12 % 2 == 0)[:, None]
        colours = ((190, 20, 40), (250, 210, 40)) if number % 2 == 0 else ((20, 60, 160), (240, 240, 240))
        picture[y1:y2, x1:x2] = np.where(stripes[..., None], *np.array(colours, np.uint8))
    return picture


def encode(pixels: npt.NDArray[Any] | Image.Image, format_: str, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.ascontiguousarray(pixels))
    buffer = BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def encode_oriented(pixels: Pixels, orientation: int, format_: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    options = {"quality": 95, "subsampling": 0} if format_ == "JPEG" else {}
    return encode(STORE[orientation](pixels), format_, exif=exif, **options)
