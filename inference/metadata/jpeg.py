"""JPEG (ISO/IEC 10918-1, annex B; APPn as in JFIF 1.02, EXIF 2.32, ICC.1:2010 B.4 and Adobe's TN 5116)."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from inference.metadata.orientation import PREFIX, keep_orientation

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_APP0, _EXIF = 0xE0, 0xE1
# Frames, tables and scans; what is in no other segment that a decoder reads.
_KEPT = frozenset({*range(0xC0, 0xC8), *range(0xC9, 0xD0), *range(0xDA, 0xE0)})
_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
# Segments that may follow a scan. Another marker in it, or a segment that no marker follows, is damage, which
# decoders pass over in ways of their own: it stays as it is.
_BETWEEN_SCANS = frozenset({0xC4, 0xDA, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE})
_KEPT_BY_NAME = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
# In a scan a marker follows 0xFF, which is no fill byte, no stuffed byte, and no restart.
_AFTER_SCAN = re.compile(rb"\xff(?=[^\x00\xd0-\xd7\xff])", re.DOTALL)
_JFIF_BYTES = 14


@dataclass(frozen=True)
class _Segment:
    """A marker with its payload; behind that of a scan, its coded data."""

    marker: int
    payload: bytes
    coded: bytes = b""

    def write(self) -> bytes:
        length = struct.pack(">H", len(self.payload) + 2)
        return bytes([0xFF, self.marker]) + length + self.payload + self.coded


def keep_picture(data: bytes) -> Iterator[bytes]:
    """The parts of the file that are kept."""
    yield b"\xff\xd8"
    segments = list(_read_segments(data))
    kept = [cleaned for segment in segments if (cleaned := _clean(segment))]
    lead = 1 if kept and kept[0].marker == _APP0 else 0
    for segment in kept[:lead]:
        yield segment.write()
    if turned := keep_orientation(_join_exif(segments)):
        yield _Segment(_EXIF, PREFIX + turned).write()
    for segment in kept[lead:]:
        yield segment.write()
    if segments and segments[-1].marker == _END:
        yield b"\xff\xd9"


def _read_segments(data: bytes) -> Iterator[_Segment]:
    """Up to the first end, that of the photograph; a segment that the file cuts short is the last."""
    at = 2
    while (at := _skip_to_marker(data, at)) < len(data):
        marker = data[at]
        if marker == _END:
            yield _Segment(_END, b"")
            return
        if marker in _BARE:
            at += 1
            continue
        length = max(int.from_bytes(data[at + 1 : at + 3], "big"), 2)
        payload, at = data[at + 3 : at + 1 + length], at + 1 + length
        if marker != _SCAN:
            yield _Segment(marker, payload)
            continue
        end = _find_end_of_scan(data, at)
        yield _Segment(marker, payload, data[at:end])
        at = end


def _find_end_of_scan(data: bytes, at: int) -> int:
    for found in _AFTER_SCAN.finditer(data, at):
        marker = data[found.end()]
        behind = found.end() + 1 + int.from_bytes(data[found.end() + 1 : found.end() + 3], "big")
        if marker == _END or (marker in _BETWEEN_SCANS and data[behind : behind + 1] == b"\xff"):
            return found.start()
    return len(data)


def _skip_to_marker(data: bytes, at: int) -> int:
    """Where the next marker's second byte stands: behind any number of fill bytes."""
    at = data.find(b"\xff", at)
    if at < 0:
        return len(data)
    while at < len(data) and data[at] == 0xFF:  # noqa: PLR2004 - what begins a marker
        at += 1
    return at


def _clean(segment: _Segment) -> _Segment | None:
    if segment.marker in _KEPT:
        return segment
    name = _KEPT_BY_NAME.get(segment.marker)
    if name is None or not segment.payload.startswith(name):
        return None
    if segment.marker == _APP0:
        if len(segment.payload) < _JFIF_BYTES:
            return None
        # Without the preview that it may hold.
        return _Segment(_APP0, segment.payload[: _JFIF_BYTES - 2] + b"\0\0")
    return segment


def _join_exif(segments: list[_Segment]) -> bytes:
    """What decoders take for the picture's EXIF: all of it that stands before the first scan."""
    exif = b""
    for segment in segments:
        if segment.marker == _SCAN:
            break
        if segment.marker == _EXIF and segment.payload.startswith(PREFIX):
            exif += segment.payload.removeprefix(PREFIX) if exif else segment.payload
    return exif
