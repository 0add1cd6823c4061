"""ZIP, entry by entry."""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from transfer.errors import SourceRefused
from transfer.sources.archives.entries import Entry, Ledger, make_damaged, make_too_large
from transfer.sources.archives.inflating import PIECE, Undecodable, inflate, open_deflate
from transfer.sources.archives.limits import ArchiveLimits
from transfer.sources.archives.names import show_name
from transfer.sources.archives.zip_directory import Record, find_directory, read_records

_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_STORED, _DEFLATED, _ENCRYPTED_METHOD = 0, 8, 99
# Bits 0 (encrypted), 6 (strong encryption), 13 (directory masked).
_ENCRYPTED = 0x2041


@dataclass(frozen=True)
class _Place:
    """All that is needed to read an entry, so that the directory need not be read again for it."""

    offset: int
    compressed: int
    size: int
    crc: int
    method: int
    name: str

    def __str__(self) -> str:
        return f"{self.offset}:{self.compressed}:{self.size}:{self.crc}:{self.method}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> "_Place":
        offset, compressed, size, crc, method, name = text.split(":", 5)
        return cls(int(offset), int(compressed), int(size), int(crc), int(method), name)


class ZipReader:
    """An `ArchiveReader`. A place is `<offset>:<compressed>:<size>:<crc>:<method>:<name>`."""

    def __init__(self, file: BinaryIO, limits: ArchiveLimits) -> None:
        self._file = file
        self._limits = limits

    def list_entries(self) -> Iterator[Entry]:
        """All files in the order in which they lie in the archive; the directory's own order is any."""
        directory = find_directory(self._file)
        if directory.count > self._limits.entries:
            raise make_too_large("", f"the archive has more than {self._limits.entries} entries")
        ledger = Ledger(self._limits)
        found = []
        packed = unpacked = 0
        for record in read_records(self._file, directory):
            _check_record(record)
            self._check_ratio(record.name, record.size, record.compressed)
            packed, unpacked = packed + record.compressed, unpacked + record.size
            found.append((record.offset, _end_of(record), self._admit(record, ledger)))
        self._check_ratio("", unpacked, packed)
        found.sort(key=lambda one: one[0])
        _check_overlaps(found, directory.offset)
        for _, _, entry in found:
            if not entry.name.endswith("/"):
                yield entry

    def read_chunks(self, place: str, *, limit: int) -> Iterator[bytes]:
        """The file piece by piece; stopped as soon as it is larger than the directory says."""
        entry = _Place.parse(place)
        if entry.size > limit:
            raise make_too_large(entry.name, f"it has {entry.size} bytes, and may have {limit}")
        crc = count = 0
        try:
            for chunk in self._unpack(entry):
                crc, count = zlib.crc32(chunk, crc), count + len(chunk)
                if count > entry.size:
                    raise make_damaged(entry.name, "it is larger than the directory says")
                yield chunk
        except Undecodable as error:
            raise make_damaged(entry.name, str(error)) from error
        if count < entry.size or crc != entry.crc:
            raise make_damaged(entry.name, "its checksum is wrong")

    def _admit(self, record: Record, ledger: Ledger) -> Entry:
        folder = record.name.endswith("/")
        name = ledger.admit(record.name, size=record.size, folder=folder)
        place = _Place(record.offset, record.compressed, record.size, record.crc, record.method, name)
        return Entry(f"{name}/" if folder else name, record.size, str(place))

    def _check_ratio(self, name: str, unpacked: int, packed: int) -> None:
        limits = self._limits
        if unpacked > limits.ratio_from and unpacked > limits.ratio * packed:
            raise make_too_large(name, f"it unpacks to more than {limits.ratio} times its size")

    def _unpack(self, entry: _Place) -> Iterator[bytes]:
        pieces = self._read_pieces(entry)
        return pieces if entry.method == _STORED else inflate(pieces, open_deflate)

    def _read_pieces(self, entry: _Place) -> Iterator[bytes]:
        """The entry's compressed bytes."""
        self._file.seek(entry.offset)
        header = self._file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MAGIC):
            raise make_damaged(entry.name, "its header is missing")
        *_, name_length, extra_length = _LOCAL.unpack(header)
        at = entry.offset + _LOCAL.size + name_length + extra_length
        left = entry.compressed
        while left:
            self._file.seek(at)
            piece = self._file.read(min(left, PIECE))
            if not piece:
                raise make_damaged(entry.name, "it ends too early")
            at, left = at + len(piece), left - len(piece)
            yield piece


def _check_record(record: Record) -> None:
    shown = show_name(record.name)
    if record.flags & _ENCRYPTED or record.method == _ENCRYPTED_METHOD:
        raise SourceRefused(
            f"The entry {shown} is encrypted. Pack the archive anew without a password.",
            code="archive_encrypted",
        )
    if record.method not in {_STORED, _DEFLATED}:
        raise SourceRefused(
            f"The entry {shown} is packed by method {record.method}, which we do not read. Pack the archive"
            " anew by the usual one (Deflate).",
            code="archive_unsupported",
        )
    if stat.S_IFMT(record.mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise SourceRefused(
            f"The entry {shown} is a link or a device. Pack the files themselves.", code="archive_unsafe"
        )


def _end_of(record: Record) -> int:
    """Where the entry ends at the earliest: its own header may have more fields than we count."""
    return record.offset + _LOCAL.size + record.compressed


def _check_overlaps(found: list[tuple[int, int, Entry]], directory_offset: int) -> None:
    """No byte may belong to two entries: "A better zip bomb" (Fifield, WOOT 2019) lives off that."""
    for (_, end, entry), (start, _, other) in pairwise(found):
        if end > start:
            raise SourceRefused(
                f"The entries {show_name(entry.name)} and {show_name(other.name)} overlap.",
                code="archive_unsafe",
            )
    if found and found[-1][1] > directory_offset:
        raise make_damaged(found[-1][2].name, "it ends too early")
