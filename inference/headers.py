"""Format, size and animation of a picture, read from its first bytes by hand.

This runs before Pillow sees a byte: a header that claims too much is refused before any decoder allocates
for it, and only formats on the list below reach a decoder at all.
"""

import struct
from dataclasses import dataclass

from inference.errors import ImageRejected

ACCEPTED = ("jpeg", "png", "webp", "gif", "bmp")

# Formats that people really send and that are not accepted, so that the message can name them.
_KNOWN_BUT_REFUSED = (
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"%PDF", "PDF"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "XML"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"PK\x03\x04", "ZIP"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
)
_JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
_BMP_UNCOMPRESSED = (0, 3)


@dataclass(frozen=True)
class ImageHeader:
    """What a picture says of itself: size in stored pixels (EXIF not applied), and whether it moves.

    `scans` is the number of JPEG scans (an upper bound; 1 for other formats): decoding takes time in
    proportion to scans x pixels, so a small file with a thousand scans is an attack.
    """

    format: str
    width: int
    height: int
    animated: bool = False
    scans: int = 1


def sniff_format(data: bytes) -> str:
    """The format by magic bytes, whatever the file is called: one of `ACCEPTED`.

    Raises ImageRejected: `image_empty` for no bytes at all, `image_unsupported_format` for any other format.
    """
    if not data:
        raise ImageRejected("image_empty", "The file is empty. Send a photo.")
    accepted = _match_accepted(data)
    if accepted is not None:
        return accepted
    known = next(
        (name for at, magic, name in _KNOWN_BUT_REFUSED if data[at : at + len(magic)] == magic), None
    )
    what = f"This is a {known} file" if known else "This file is not a picture we can read"
    raise ImageRejected("image_unsupported_format", f"{what}. Send a JPEG, PNG, WebP, GIF or BMP file.")


def _match_accepted(data: bytes) -> str | None:
    if data[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    # Two letters are a weak signature; the size of the info header that follows makes it a strong one.
    if data[:2] == b"BM" and data[14:18] in (
        b"\x28\0\0\0",
        b"\x34\0\0\0",
        b"\x38\0\0\0",
        b"\x6c\0\0\0",
        b"\x7c\0\0\0",
    ):
        return "bmp"
    return None


def read_header(data: bytes) -> ImageHeader:
    """Size and animation of `data`, without decoding.

    Raises ImageRejected: the codes of `sniff_format`, and `image_unreadable` where the header is broken or
    ends too early.
    """
    readers = {"jpeg": _read_jpeg, "png": _read_png, "webp": _read_webp, "gif": _read_gif, "bmp": _read_bmp}
    name = sniff_format(data)
    try:
        header = readers[name](data)
    except (struct.error, IndexError) as error:
        raise unreadable("its beginning is incomplete") from error
    if header.width < 1 or header.height < 1:
        raise unreadable("it has no pixels")
    return header


def unreadable(reason: str) -> ImageRejected:
    """The rejection for a damaged file, in words for the person who sent it."""
    return ImageRejected(
        "image_unreadable",
        f"The picture is damaged or incomplete ({reason}). Send it again, or save it anew.",
    )


def _read_png(data: bytes) -> ImageHeader:
    if data[12:16] != b"IHDR":
        raise unreadable("it has no PNG header")
    width, height = struct.unpack_from(">II", data, 16)
    return ImageHeader("png", width, height, animated=_has_png_chunk(data, b"acTL"))


def _has_png_chunk(data: bytes, wanted: bytes) -> bool:
    """Whether a chunk stands before the pixel data, where the specification wants `acTL`."""
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == wanted:
            return True
        if kind == b"IDAT":
            return False
        at += 12 + length
    return False


def _read_gif(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader("gif", width, height)


def _read_bmp(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from("<ii", data, 18)
    (compression,) = struct.unpack_from("<I", data, 30)
    if compression not in _BMP_UNCOMPRESSED:
        # Pillow unpacks run lengths in Python: seconds of CPU for a few kilobytes.
        raise ImageRejected(
            "image_unsupported_format", "Compressed BMP files are not read. Send a JPEG or PNG."
        )
    return ImageHeader("bmp", width, abs(height))


def _read_webp(data: bytes) -> ImageHeader:
    """Three layouts: RFC 9649, sections 2.5 to 2.7."""
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        if len(data) < 30:  # noqa: PLR2004 - the end of that chunk
            raise unreadable("its beginning is incomplete")
        return ImageHeader("webp", width, height, animated=bool(data[20] & 0x02))
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return ImageHeader("webp", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return ImageHeader("webp", width & 0x3FFF, height & 0x3FFF)
    raise unreadable("it has no WebP picture in it")


def _read_jpeg(data: bytes) -> ImageHeader:
    """The first frame header (ITU T.81, B.2.2), found by walking the marker segments."""
    at = 2
    while True:
        at = data.index(b"\xff", at) if b"\xff" in data[at : at + 65536] else len(data)
        while data[at] == 0xFF:  # noqa: PLR2004 - a marker may be preceded by any number of fill bytes
            at += 1
        marker = data[at]
        if marker in _JPEG_FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 4)
            # Entropy-coded data never holds FF DA, so this counts scans (and those of embedded previews).
            return ImageHeader("jpeg", width, height, scans=data.count(b"\xff\xda"))
        if marker in _JPEG_BARE_MARKERS:
            at += 1
        elif marker in (0xD9, 0xDA):
            raise unreadable("it has no JPEG frame")
        else:
            (length,) = struct.unpack_from(">H", data, at + 1)
            at += 1 + max(length, 2)
