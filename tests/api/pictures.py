"""Pictures that are unusual, damaged or meant to harm, each made from a drawn one."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from tests.api.photos import draw_photo

_UPRIGHT_TO_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_ORIENTATION = 0x0112


def save(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """The encoded picture."""
    buffer = BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def load_photo(seed: int = 1) -> Image.Image:
    """A drawn photo's pixels."""
    return Image.open(BytesIO(draw_photo(seed))).convert("RGB")


def make_oriented(orientation: int) -> bytes:
    """The photo cropped to 320 x 240, stored so that this EXIF orientation shows it upright."""
    stored = load_photo().crop((0, 40, 320, 280))
    if orientation in _UPRIGHT_TO_STORED:
        stored = stored.transpose(_UPRIGHT_TO_STORED[orientation])
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return save(stored, "JPEG", quality=95, subsampling=0, exif=exif)


def make_animated(image_format: str) -> bytes:
    """Two frames."""
    return save(load_photo(1), image_format, save_all=True, append_images=[load_photo(2)], duration=100)


def make_sixteen_bit() -> bytes:
    """A grey PNG of 16 bits a sample."""
    grey = np.asarray(load_photo().convert("L"), np.uint16) * 257
    return save(Image.fromarray(grey), "PNG")


def make_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims this many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def make_unusual() -> dict[str, bytes]:
    """Still pictures that must be taken, whatever their encoding."""
    photo = load_photo()
    return {
        "jpeg": save(photo, "JPEG"),
        "progressive jpeg": save(photo, "JPEG", progressive=True),
        "cmyk jpeg": save(photo.convert("CMYK"), "JPEG"),
        "grey jpeg": save(photo.convert("L"), "JPEG"),
        "16-bit png": make_sixteen_bit(),
        "palette png": save(photo.quantize(64), "PNG"),
        "alpha png": save(photo.convert("RGBA"), "PNG"),
        "grey alpha png": save(photo.convert("LA"), "PNG"),
        "one-bit png": save(photo.convert("1"), "PNG"),
        "webp": save(photo, "WEBP"),
        "lossless alpha webp": save(photo.convert("RGBA"), "WEBP", lossless=True),
        "still gif": save(photo, "GIF"),
        "bmp": save(photo, "BMP"),
        "one pixel": save(Image.new("RGB", (1, 1)), "PNG"),
        "long line": save(Image.new("RGB", (3000, 1)), "PNG"),
    }


def make_unusable() -> dict[str, tuple[bytes, str]]:
    """Files that must be refused, each with the code of its problem."""
    jpeg = draw_photo(1, image_format="JPEG")
    png = draw_photo(1)
    return {
        "nothing": (b"", "image_empty"),
        "text": (b"This is not a picture.", "image_unsupported_format"),
        "html": (b"<html><script>alert(1)</script>", "image_unsupported_format"),
        "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image_unsupported_format"),
        "pdf": (b"%PDF-1.7\n", "image_unsupported_format"),
        "zip": (b"PK\x03\x04" + b"\0" * 40, "image_unsupported_format"),
        "tiff": (save(load_photo(), "TIFF"), "image_unsupported_format"),
        "one byte": (b"\x89", "image_unsupported_format"),
        "noise": (np.random.default_rng(0).bytes(5000), "image_unsupported_format"),
        "jpeg cut in the header": (jpeg[:60], "image_unreadable"),
        "jpeg cut in half": (jpeg[: len(jpeg) // 2], "image_unreadable"),
        "png cut in half": (png[: len(png) // 2], "image_unreadable"),
        "png magic alone": (png[:8], "image_unreadable"),
        "jpeg magic alone": (jpeg[:3], "image_unreadable"),
        "animated gif": (make_animated("GIF"), "image_animated"),
        "animated webp": (make_animated("WEBP"), "image_animated"),
        "animated png": (make_animated("PNG"), "image_animated"),
        "bomb": (make_bomb(12_000, 12_000), "image_too_large"),
        "larger bomb": (make_bomb(2**31 - 1, 2**31 - 1), "image_too_large"),
        "long bomb": (make_bomb(60_000, 1), "image_too_large"),
        "no pixels": (make_bomb(0, 0), "image_unreadable"),
    }
