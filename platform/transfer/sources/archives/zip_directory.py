"""The central directory of a ZIP (PKWARE's APPNOTE 6.3), record by record.

The standard library's `zipfile` reads it whole and makes an object of each record before anybody can count
them, so a hostile directory would fill the memory.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from transfer.sources.archives.entries import make_damaged
from transfer.sources.archives.names import decode_name

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_RECORD = struct.Struct("<4s6H3L5H2L")
_EXTRA = struct.Struct("<2H")
_END_MAGIC, _END64_MAGIC, _LOCATOR_MAGIC = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_RECORD_MAGIC = b"PK\x01\x02"
_LONGEST_COMMENT = 0xFFFF
_IN_ZIP64 = 0xFFFFFFFF
_COUNT_IN_ZIP64 = 0xFFFF
_ZIP64 = 0x0001
_UTF8 = 0x800


@dataclass(frozen=True)
class Directory:
    """Where the records stand, in bytes of the file, and how many they are."""

    offset: int
    size: int
    count: int


@dataclass(frozen=True, slots=True)
class Record:
    """What the directory says of an entry. mode: as Unix has it, 0 where nothing is said."""

    name: str
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    offset: int
    mode: int


def find_directory(file: BinaryIO) -> Directory:
    """The directory that the last bytes of the file tell of. Raises `SourceRefused` (`archive_damaged`)."""
    end = file.seek(0, io.SEEK_END)
    start = max(0, end - _END.size - _LONGEST_COMMENT)
    file.seek(start)
    tail = file.read(end - start)
    at = _find_end(tail)
    _, disk, first_disk, _, count, size, offset, _ = _END.unpack_from(tail, at)
    stop = start + at
    if count == _COUNT_IN_ZIP64 or _IN_ZIP64 in {size, offset}:
        found = _find_end64(file, stop)
        if found:
            stop, disk, first_disk, count, size, offset = found
    if disk or first_disk:
        raise make_damaged("", "it is one part of several; pack it as one file")
    if offset + size > stop:
        raise make_damaged("", "its directory is not where it says")
    return Directory(offset, size, count)


def _find_end(tail: bytes) -> int:
    """Where the end record stands: the last whose comment reaches to the very end of the file."""
    at = tail.rfind(_END_MAGIC)
    while at >= 0:
        if at + _END.size <= len(tail):
            comment = _END.unpack_from(tail, at)[-1]
            if at + _END.size + comment == len(tail):
                return at
        at = tail.rfind(_END_MAGIC, 0, at)
    raise make_damaged("", "its end is missing")


def _find_end64(file: BinaryIO, stop: int) -> tuple[int, int, int, int, int, int] | None:
    """(stop, disk, first disk, count, size, offset), where the archive has a record for large ones."""
    if stop < _LOCATOR.size:
        return None
    file.seek(stop - _LOCATOR.size)
    magic, _, at, _ = _LOCATOR.unpack(file.read(_LOCATOR.size))
    if magic != _LOCATOR_MAGIC:
        return None
    if at + _END64.size + _LOCATOR.size > stop:
        raise make_damaged("", "its end is not where it says")
    file.seek(at)
    magic, _, _, _, disk, first_disk, _, count, size, offset = _END64.unpack(file.read(_END64.size))
    if magic != _END64_MAGIC:
        raise make_damaged("", "its end is not where it says")
    return at, disk, first_disk, count, size, offset


def read_records(file: BinaryIO, directory: Directory) -> Iterator[Record]:
    """All records in their order; nothing else may move the file meanwhile. Raises `SourceRefused`."""
    file.seek(directory.offset)
    left, count, name = directory.size, 0, ""
    while left:
        fixed = file.read(_RECORD.size)
        if len(fixed) < _RECORD.size or not fixed.startswith(_RECORD_MAGIC):
            raise make_damaged(name, "the next record of its directory is broken")
        lengths = _RECORD.unpack(fixed)[10:13]
        left -= _RECORD.size + sum(lengths)
        if left < 0:
            raise make_damaged(name, "its directory ends too early")
        record = _parse_record(fixed, file.read(sum(lengths)))
        count, name = count + 1, record.name
        yield record
    # Archives of more than 65,535 entries without the record for large ones say their number modulo that.
    if count % (_COUNT_IN_ZIP64 + 1) != directory.count % (_COUNT_IN_ZIP64 + 1):
        raise make_damaged(name, f"it has {count} entries and says {directory.count}")


def _parse_record(fixed: bytes, rest: bytes) -> Record:
    _, _, _, flags, method, _, _, crc, compressed, size, name_length, extra_length, *more = _RECORD.unpack(
        fixed
    )
    outer, offset = more[-2:]
    name = _decode(rest[:name_length], flags)
    extra = rest[name_length : name_length + extra_length]
    size, compressed, offset = _widen((size, compressed, offset), extra, name)
    return Record(name, flags, method, crc, compressed, size, offset, outer >> 16)


def _decode(raw: bytes, flags: int) -> str:
    if not flags & _UTF8:
        return decode_name(raw, "cp437")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise make_damaged(raw.decode("utf-8", "backslashreplace"), "its name is not in UTF-8") from error


def _widen(values: tuple[int, int, int], extra: bytes, name: str) -> list[int]:
    """The values, with those that are too large for 32 bits taken from the extra field."""
    if _IN_ZIP64 not in values:
        return list(values)
    wide = _find_extra(extra, _ZIP64)
    widened = []
    for value in values:
        if value != _IN_ZIP64:
            widened.append(value)
        elif len(wide) >= 8:  # noqa: PLR2004 - bytes of a 64-bit number
            widened.append(int.from_bytes(wide[:8], "little"))
            wide = wide[8:]
        else:
            raise make_damaged(name, "its size is missing")
    return widened


def _find_extra(extra: bytes, wanted: int) -> bytes:
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == wanted:
            return extra[at : at + length]
        at += length
    return b""
