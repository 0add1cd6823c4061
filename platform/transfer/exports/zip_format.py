"""The parts of a ZIP archive whose entries are stored as they are (PKWARE APPNOTE 6.3.10, 4.3 and 4.5.3).

Python's own writer keeps its directory in one process's memory; an export goes on in another.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_VERSION: Final = 20
_VERSION_64: Final = 45
_MADE_ON_UNIX: Final = 3 << 8
_UTF8: Final = 1 << 11
# 1 January 1980, the first day there is: the same gallery gives the same archive.
_DATE: Final = (1 << 5) | 1
_FILE_MODE: Final = 0o100644 << 16
_MOST_16: Final = 0xFFFF
_MOST_32: Final = 0xFFFFFFFF


@dataclass(frozen=True)
class Entry:
    """A file in the archive: where its header begins, its bytes (less than 4 GiB) and their CRC-32."""

    name: str
    offset: int
    size: int
    crc: int


def make_header(entry: Entry) -> bytes:
    """What stands before the entry's bytes (4.3.7)."""
    name = entry.name.encode()
    fields = (0x04034B50, _VERSION, _UTF8, 0, 0, _DATE, entry.crc, entry.size, entry.size, len(name), 0)
    return struct.pack("<I5H3I2H", *fields) + name


def make_directory(entries: Iterable[Entry], *, at: int) -> Iterator[bytes]:
    """What stands behind the last entry, in parts; `at` is where it begins (4.3.12 to 4.3.16)."""
    count = size = 0
    for entry in entries:
        record = _make_record(entry)
        count, size = count + 1, size + len(record)
        yield record
    if count >= _MOST_16 or at + size >= _MOST_32:
        yield _make_end_64(count, size, at)
    in_short = (min(count, _MOST_16), min(count, _MOST_16), min(size, _MOST_32), min(at, _MOST_32))
    yield struct.pack("<I4H2IH", 0x06054B50, 0, 0, *in_short, 0)


def _make_record(entry: Entry) -> bytes:
    name = entry.name.encode()
    far = entry.offset >= _MOST_32
    version = _VERSION_64 if far else _VERSION
    more = struct.pack("<2HQ", 1, 8, entry.offset) if far else b""
    fields = (
        *(0x02014B50, _MADE_ON_UNIX | version, version, _UTF8, 0, 0, _DATE),
        *(entry.crc, entry.size, entry.size, len(name), len(more), 0, 0, 0),
        *(_FILE_MODE, min(entry.offset, _MOST_32)),
    )
    return struct.pack("<I6H3I5H2I", *fields) + name + more


def _make_end_64(count: int, size: int, at: int) -> bytes:
    made = (_MADE_ON_UNIX | _VERSION_64, _VERSION_64)
    record = struct.pack("<IQ2H2I4Q", 0x06064B50, 44, *made, 0, 0, count, count, size, at)
    return record + struct.pack("<2IQI", 0x07064B50, 0, at + size, 1)
