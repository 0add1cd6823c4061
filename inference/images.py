"""Pictures from strangers, decoded safely: the only place where bytes become pixels.

Design, section 3.2. No state of Pillow is changed, so any number of threads may decode at once.
"""

import struct
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.errors import ImageRejected
from inference.headers import ImageHeader, read_header, sniff_format, unreadable
from inference.orientation import read_orientation

__all__ = [
    "DEFAULT_LIMITS",
    "ImageLimits",
    "ImageRejected",
    "Picture",
    "Pixels",
    "check_picture",
    "decode_image",
    "decode_picture",
    "sniff_format",
]

Pixels = npt.NDArray[np.uint8]

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_SIXTEEN_TO_EIGHT = 65535 / 255
_PILLOW_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
# Pillow warns of damage in metadata, in words that the sender of the file can vary without end. Nothing here
# depends on metadata but the orientation, which is read by hand.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Every type that Pillow's plugins were seen or are known to raise on damaged files. UnidentifiedImageError is
# an OSError; warnings are raised where the process was told so; MemoryError is a decoder refusing a size.
_DECODER_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    NotImplementedError,
    SyntaxError,
    EOFError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Warning,
)


@dataclass(frozen=True)
class ImageLimits:
    """How much one picture may ask for. All are checked on the header, before a decoder runs.

    `max_bytes` of the file, `max_pixels` width x height, `max_side` pixels, `max_scans` JPEG scans.
    """

    max_bytes: int = 30 * 1024 * 1024
    max_pixels: int = 50_000_000
    max_side: int = 20_000
    max_scans: int = 64


DEFAULT_LIMITS = ImageLimits()


@dataclass(frozen=True)
class Picture:
    """Decoded pixels, and the size of the original they stand for.

    `pixels` is (h, w, 3) uint8 RGB, EXIF orientation applied; it may be smaller than the original by a whole
    factor. `width` and `height` are those of the oriented original: boxes are in
    these.
    """

    pixels: Pixels
    width: int
    height: int


def decode_image(data: bytes, *, limits: ImageLimits = DEFAULT_LIMITS) -> Pixels:
    """All pixels of a picture: (H, W, 3) uint8 RGB, EXIF orientation applied, transparency on white.

    Raises ImageRejected with a code of: `image_empty`, `image_unsupported_format`, `image_too_large`,
    `image_animated`, `image_unreadable`.
    """
    return decode_picture(data, limits=limits, working_side=None).pixels


def decode_picture(
    data: bytes, *, limits: ImageLimits = DEFAULT_LIMITS, working_side: int | None = 1024
) -> Picture:
    """A picture for the models: as `decode_image`, but a big one comes reduced by a whole factor.

    The reduced picture keeps at least `working_side` pixels on both sides (or its own size where smaller):
    what the models see is smaller still, and pictures wait for them in memory. Nothing is reduced when
    `working_side` is None. Raises ImageRejected as `decode_image`.
    """
    _check_size(read_header(data), size=len(data), limits=limits)
    try:
        with Image.open(BytesIO(data), formats=_PILLOW_FORMATS) as image:
            return _read_picture(image, limits=limits, working_side=working_side)
    except _DECODER_ERRORS as error:
        raise unreadable("its contents are broken") from error


def check_picture(data: bytes, *, limits: ImageLimits = DEFAULT_LIMITS) -> str:
    """The format of a picture whose header asks for nothing that is refused; nothing is decoded.

    What is broken behind the header shows only when it is. Raises ImageRejected as `decode_image`.
    """
    header = read_header(data)
    _check_size(header, size=len(data), limits=limits)
    return header.format


def _check_size(header: ImageHeader, *, size: int, limits: ImageLimits) -> None:
    if size > limits.max_bytes:
        raise ImageRejected(
            "image_too_large", f"The file has {size:,} bytes; at most {limits.max_bytes:,} are taken."
        )
    _check_dimensions(header.width, header.height, limits=limits)
    if header.scans > limits.max_scans:
        raise unreadable(f"{header.scans} scans; a JPEG has up to about ten")
    if header.animated:
        raise _refuse_animated()


def _check_dimensions(width: int, height: int, *, limits: ImageLimits) -> None:
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise ImageRejected(
            "image_too_large",
            f"The picture has {width} x {height} pixels; at most {limits.max_pixels:,} in all and"
            f" {limits.max_side:,} a side are taken. Send a smaller copy.",
        )


def _refuse_animated() -> ImageRejected:
    return ImageRejected("image_animated", "The picture is animated. Send a single still picture.")


def _read_picture(image: Image.Image, *, limits: ImageLimits, working_side: int | None) -> Picture:
    # A JPEG that carries previews opens as MPO with several frames: the first is the photograph.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise _refuse_animated()
    _check_dimensions(*image.size, limits=limits)
    width, height = image.size
    if working_side is not None and image.format in ("JPEG", "MPO"):
        image.draft(None, (min(working_side, width), min(working_side, height)))
    image.load()
    # After loading: PNG may carry the block behind its pixels.
    orientation = read_orientation(image.info.get("exif", b""))
    upright = _reduce(_flatten(image), working_side)
    if orientation in _TRANSPOSE:
        upright = upright.transpose(_TRANSPOSE[orientation])
    if orientation in _SIDEWAYS:
        width, height = height, width
    return Picture(np.asarray(upright, dtype=np.uint8), width, height)


def _reduce(image: Image.Image, working_side: int | None) -> Image.Image:
    """The means of squares of pixels, where a decoder could not be asked for them (it can of JPEG)."""
    factor = min(image.size) // working_side if working_side else 1
    return image.reduce(factor) if factor > 1 else image


def _flatten(image: Image.Image) -> Image.Image:
    """Any mode to RGB: transparency on white, 16 bits scaled (Pillow alone would clip them)."""
    if image.mode.startswith("I") or image.mode == "F":
        return _scale_sixteen_bits(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    ground = Image.new("RGB", layered.size, "white")
    ground.paste(layered, mask=layered.getchannel("A"))
    return ground


def _scale_sixteen_bits(image: Image.Image) -> Image.Image:
    samples = np.asarray(image).astype(np.float32) / _SIXTEEN_TO_EIGHT
    return Image.fromarray(np.clip(np.rint(samples), 0, 255).astype(np.uint8)).convert("RGB")
