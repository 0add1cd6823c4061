"""The one thing of EXIF that a picture needs."""

import struct

from inference.orientation import UPRIGHT, read_orientation

PREFIX = b"Exif\0\0"
# A directory of one entry (EXIF 2.32, section 4.6): Orientation, one SHORT; there is no next directory.
_TIFF = struct.Struct(">4sIHHHIHHI")


def keep_orientation(exif: bytes) -> bytes:
    """A TIFF block that says how the picture is turned, as `exif` does; empty where it is upright."""
    orientation = read_orientation(exif)
    if orientation == UPRIGHT:
        return b""
    return _TIFF.pack(b"MM\0*", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
