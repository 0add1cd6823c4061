"""BMP: it has no place for metadata, but for what stands behind its pixels."""

import struct
from collections.abc import Iterator

_FILE_HEADER_BYTES = 14
_MOST_INDEXED_BITS = 8


def keep_picture(data: bytes) -> Iterator[bytes]:
    """The file up to the end of its pixels, which are not compressed (inference.headers)."""
    try:
        offset, header, width, height, _, bits = struct.unpack_from("<IIiiHH", data, 10)
    except struct.error:
        yield data
        return
    colours = 4 * 2**bits if bits <= _MOST_INDEXED_BITS else 0
    if offset < _FILE_HEADER_BYTES + header + colours:
        # Nonsense, over which decoders differ.
        yield data
        return
    row = (abs(width) * bits + 31) // 32 * 4
    yield data[: offset + row * abs(height)]
