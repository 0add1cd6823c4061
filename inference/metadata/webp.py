"""WebP (RFC 9649)."""

import struct
from collections.abc import Iterator

from inference.metadata.orientation import PREFIX, keep_orientation

_HEAD_BYTES = 12
_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"})
_HAS_EXIF, _HAS_XMP = 0x08, 0x04


def keep_picture(data: bytes) -> Iterator[bytes]:
    """The parts of the file that are kept."""
    chunks = list(_read_chunks(data))
    flags = next((content[0] for kind, content in chunks if kind == b"VP8X" and content), 0)
    # Without the flag, decoders do not look for the block.
    exif = next((content for kind, content in chunks if kind == b"EXIF" and flags & _HAS_EXIF), b"")
    turned = keep_orientation(exif)
    flags = flags & ~(_HAS_EXIF | _HAS_XMP) | (_HAS_EXIF if turned else 0)
    parts = [
        _write_chunk(kind, bytes([flags]) + content[1:] if kind == b"VP8X" else content)
        for kind, content in chunks
        if kind in _KEPT
    ]
    if turned:
        parts.append(_write_chunk(b"EXIF", PREFIX + turned))
    yield b"RIFF" + struct.pack("<I", 4 + sum(map(len, parts))) + b"WEBP"
    yield from parts


def _read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, content) up to the end that the file's head tells; one that the file cuts short is the last."""
    (size,) = struct.unpack_from("<I", data, 4)
    end = min(len(data), 8 + size)
    at = _HEAD_BYTES
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : min(end, at + 8 + length)]
        at += 8 + length + length % 2


def _write_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
