"""GIF89a (sections 12 to 27)."""

from collections.abc import Iterator

_HEAD_BYTES = 13
_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL = 0xF9
_IMAGE_HEAD_BYTES = 10


def keep_picture(data: bytes) -> Iterator[bytes]:
    """The parts of the file that are kept: all but comments, texts and what applications left."""
    at = _HEAD_BYTES + _count_colours(data, _HEAD_BYTES - 3)
    yield data[:at]
    while at < len(data):
        kind = data[at]
        if kind == _END:
            yield data[at : at + 1]
            return
        if kind == _EXTENSION:
            end = _skip_blocks(data, at + 2)
            if data[at + 1 : at + 2] == bytes([_GRAPHIC_CONTROL]):
                yield data[at:end]
        elif kind == _IMAGE:
            head = at + _IMAGE_HEAD_BYTES
            # Behind its colours, the size of its codes.
            end = _skip_blocks(data, head + _count_colours(data, head - 1) + 1)
            yield data[at:end]
        else:
            end = at + 1
        at = end


def _count_colours(data: bytes, at: int) -> int:
    """Bytes of the table of colours that the flags in this place announce."""
    flags = data[at] if at < len(data) else 0
    return 3 * 2 ** ((flags & 0x07) + 1) if flags & 0x80 else 0


def _skip_blocks(data: bytes, at: int) -> int:
    """Where a row of blocks that begins here has ended."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
