"""Headers of a tar (POSIX pax, ustar, GNU, and V7), read one by one with bounded memory.

The standard library's `tarfile` parses the 512 bytes of a header. Its own walk through an archive is not
used, since it takes a broken header for the end, and reads a long name of whatever size a header announces.
"""

import tarfile
from dataclasses import dataclass

from transfer.errors import SourceRefused
from transfer.sources.archives.entries import make_damaged
from transfer.sources.archives.names import decode_name, show_name
from transfer.sources.archives.tar_streams import TarStream

BLOCK = tarfile.BLOCKSIZE
_FILES = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}
_LINKS = {tarfile.LNKTYPE, tarfile.SYMTYPE}
_DEVICES = {tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE}
_LONG_NAMES = {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
_PAX = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}
_EXTENSIONS = {*_LONG_NAMES, *_PAX, tarfile.XGLTYPE}
# An entry has two or three of them in practice: a long name, a long link, a pax header.
_MOST_EXTENSIONS = 8
_LARGEST_EXTENSION = 2**20
_LONGEST_NUMBER = 20


@dataclass(frozen=True)
class TarHeader:
    """A file or folder in a tar. offset: of its first byte. size: bytes; a folder has none."""

    name: str
    offset: int
    size: int
    folder: bool

    @property
    def next_offset(self) -> int:
        """Where the next header stands."""
        return self.offset + pad(self.size)


def pad(size: int) -> int:
    """The size rounded up to whole blocks."""
    return size + -size % BLOCK


def read_header(stream: TarStream, offset: int, after: str) -> TarHeader | None:
    """The entry whose headers begin at the offset; None at the end mark. after: the entry before, "" if none.

    Raises `SourceRefused`: `archive_damaged`, `archive_unsafe`, `archive_unsupported`.
    """
    said: dict[str, bytes] = {}
    for _ in range(_MOST_EXTENSIONS + 1):
        info = _read_block(stream, offset, after)
        if info is None:
            return None
        offset += BLOCK
        if info.type not in _EXTENSIONS:
            return _describe(info, said, offset)
        said |= _read_extension(stream, info, after)
        offset += pad(info.size)
    raise make_damaged(after, "too many headers follow each other")


def _read_block(stream: TarStream, offset: int, after: str) -> tarfile.TarInfo | None:
    stream.seek(offset)
    block = stream.read(BLOCK)
    if len(block) < BLOCK:
        raise make_damaged(after, "it ends in the middle of this entry or behind it")
    if not any(block):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise make_damaged(after, f"what follows is no header ({error})") from error


def _read_extension(stream: TarStream, info: tarfile.TarInfo, after: str) -> dict[str, bytes]:
    """What the extension says of the entry that follows: `path` and `size`, where it does."""
    if not 0 <= info.size <= _LARGEST_EXTENSION:
        raise make_damaged(after, f"a header of {info.size} bytes follows")
    data = stream.read(info.size)
    if len(data) < info.size:
        raise make_damaged(after, "it ends in the middle of the header that follows")
    if info.type in _LONG_NAMES:
        return {"path": data.partition(b"\0")[0]} if info.type == tarfile.GNUTYPE_LONGNAME else {}
    records = _parse_pax(data, after)
    if any(key.startswith("GNU.sparse.") for key in records):
        raise SourceRefused(
            f"The entry after {show_name(after)} is a sparse file. Pack without it.",
            code="archive_unsupported",
        )
    said = {key: value for key, value in records.items() if key in {"path", "size"}}
    if said and info.type == tarfile.XGLTYPE:
        raise make_damaged(after, "a header gives all that follow the same name or size")
    return said


def _parse_pax(data: bytes, after: str) -> dict[str, bytes]:
    """Records `<length> <key>=<value>` and a line feed, where the length counts all of it."""
    records = {}
    at = 0
    while at < len(data):
        number, blank, _ = data[at : at + _LONGEST_NUMBER].partition(b" ")
        start = at + len(number) + len(blank)
        end = at + int(number) if blank and number.isdigit() else at
        if not start < end <= len(data) or data[end - 1 : end] != b"\n":
            raise make_damaged(after, "the extended header that follows is broken")
        key, _, value = data[start : end - 1].partition(b"=")
        records[key.decode("utf-8", "replace")] = value
        at = end
    return records


def _describe(info: tarfile.TarInfo, said: dict[str, bytes], offset: int) -> TarHeader:
    name = decode_name(said.get("path") or info.name.encode("utf-8", "surrogateescape"), "latin-1")
    _check_kind(info.type, name)
    folder = info.type == tarfile.DIRTYPE or name.endswith("/")
    if folder:
        return TarHeader(name, offset, 0, folder=True)
    size = said.get("size", b"%d" % info.size)
    if not size.isdigit() or len(size) > _LONGEST_NUMBER:
        raise make_damaged(name, f"its size is {size!r}")
    return TarHeader(name, offset, int(size), folder=False)


def _check_kind(kind: bytes, name: str) -> None:
    if kind in _LINKS | _DEVICES:
        what = "a link" if kind in _LINKS else "a device"
        raise SourceRefused(
            f"The entry {show_name(name)} is {what}. Pack the files themselves.", code="archive_unsafe"
        )
    if kind not in {*_FILES, tarfile.DIRTYPE}:
        raise SourceRefused(
            f"The entry {show_name(name)} is of the kind {kind!r}, which we do not read. Pack plain files.",
            code="archive_unsupported",
        )
