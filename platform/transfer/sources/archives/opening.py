"""Which kind of archive a file is, by its first bytes."""

from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from typing import BinaryIO

from transfer.errors import SourceRefused
from transfer.sources.archives.entries import ArchiveReader
from transfer.sources.archives.inflating import Decompressor, open_bzip2, open_gzip, open_xz
from transfer.sources.archives.limits import ArchiveLimits
from transfer.sources.archives.names import show_name
from transfer.sources.archives.resting import resting
from transfer.sources.archives.source import ArchiveSource
from transfer.sources.archives.tar_headers import BLOCK
from transfer.sources.archives.tar_reader import TarReader
from transfer.sources.archives.tar_streams import InflatedStream, PlainStream
from transfer.sources.archives.zip_reader import ZipReader
from transfer.sources.source import PhotoReader

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_COMPRESSED: dict[bytes, Callable[[], Decompressor]] = {
    b"\x1f\x8b\x08": open_gzip,
    b"BZh": open_bzip2,
    b"\xfd7zXZ\x00": open_xz,
}
_TAR_MAGIC_AT, _TAR_MAGIC = 257, b"ustar"


def open_archive(
    file: BinaryIO,
    *,
    filename: str,
    columns: Mapping[str, str],
    remote: PhotoReader | None,
    limits: ArchiveLimits | None = None,
    key: Hashable | None = None,
) -> ArchiveSource:
    """The ZIP or tar (plain, gzip, bzip2, xz) in a seekable file, which the source closes; so does a refusal.

    filename: for messages; the first bytes decide what it is. columns: our names of columns to a manifest's.
    remote: reads the photos that a manifest gives by URL; None where that is not allowed. key: of the file's
    content, never of another's; a compressed tar that this process had open under it is read on from where
    it was left. Raises `SourceRefused` (`archive_unsupported`).
    """
    limits = limits or ArchiveLimits()
    with ExitStack() as held:
        held.callback(file.close)
        reader = _open_reader(file, filename, limits, key, held)
        return ArchiveSource(held.pop_all(), reader, columns=columns, remote=remote, limits=limits)


def _open_reader(
    file: BinaryIO, filename: str, limits: ArchiveLimits, key: Hashable | None, held: ExitStack
) -> ArchiveReader:
    file.seek(0)
    head = file.read(BLOCK)
    if head.startswith(_ZIP_MAGIC):
        return ZipReader(file, limits)
    for magic, open_member in _COMPRESSED.items():
        if head.startswith(magic):
            stream = InflatedStream(file, open_member, limits)
            return TarReader(stream if key is None else _wake_stream(stream, file, key, held), limits)
    if head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC) or filename.lower().endswith(".tar"):
        return TarReader(PlainStream(file), limits)
    raise SourceRefused(
        f"{show_name(filename)} is no archive that we read. Send a ZIP, or a tar, plain or compressed by"
        " gzip, bzip2 or xz.",
        code="archive_unsupported",
    )


def _wake_stream(fresh: InflatedStream, file: BinaryIO, key: Hashable, held: ExitStack) -> InflatedStream:
    """The stream that rests under the key, or the fresh one; it rests again when the source is closed."""
    stream = resting.take(key)
    if stream is None:
        stream = fresh
    else:
        stream.attach(file)
    held.callback(resting.put, key, stream)
    held.callback(stream.detach)
    return stream
