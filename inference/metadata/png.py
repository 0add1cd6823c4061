"""PNG (third edition, sections 5 and 11)."""

import struct
import zlib
from collections.abc import Iterator

from inference.metadata.orientation import keep_orientation

_SIGNATURE_BYTES = 8
_FRAME_BYTES = 12
# All that makes the pixels, or says how they are meant to look.
_KEPT = frozenset(
    {
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"),
        *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI"),
    }
)


def keep_picture(data: bytes) -> Iterator[bytes]:
    """The parts of the file that are kept."""
    chunks = list(_read_chunks(data))
    yield data[:_SIGNATURE_BYTES]
    turned = keep_orientation(next((chunk[8:-4] for kind, chunk in reversed(chunks) if kind == b"eXIf"), b""))
    for kind, chunk in chunks:
        if kind in _KEPT:
            yield chunk
        if kind == b"IHDR" and turned:
            yield _write_chunk(b"eXIf", turned)


def _read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, all its bytes), up to the end; one that the file cuts short is the last."""
    at = _SIGNATURE_BYTES
    kind = b""
    while at + 8 <= len(data) and kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + _FRAME_BYTES + length
        yield kind, data[at:end]
        at = end


def _write_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
