"""The EXIF orientation of a picture, read by hand.

Pillow reads the whole EXIF tree for this, and warns or raises over damage anywhere in it; editors often leave
such damage beside a sound picture. One tag of the first directory is all that is wanted.
"""

import struct

UPRIGHT = 1

_TAG = 0x0112
_SHORT = 3
_PREFIX = b"Exif\0\0"
_ENTRY_BYTES = 12
_LAST = 8


def read_orientation(exif: bytes) -> int:
    """1 to 8 as EXIF 2.32, section 4.6.4 A, counts them; 1 where the block has none or is broken."""
    tiff = exif.removeprefix(_PREFIX)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        return _find_tag(tiff, order)
    except struct.error:  # the block ends before the directory does
        return UPRIGHT


def _find_tag(tiff: bytes, order: str) -> int:
    (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, directory)
    for index in range(count):
        entry = directory + 2 + index * _ENTRY_BYTES
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if (tag, kind) == (_TAG, _SHORT):
            return value if UPRIGHT <= value <= _LAST else UPRIGHT
    return UPRIGHT
