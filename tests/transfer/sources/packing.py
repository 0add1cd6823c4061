"""Archives in memory, packed by the standard library, honest unless a test makes them otherwise."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from transfer.sources.archives import ArchiveLimits, open_archive
from transfer.sources.archives.source import ArchiveSource
from transfer.sources.source import PhotoReader, SourceRow

JPEG = b"\xff\xd8\xff\xe0"
LIMITS = ArchiveLimits(entries=1000, total_bytes=64 * 2**20, photo_bytes=2**20)
Files = Mapping[str, bytes]

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}
KINDS = ("zip", *COMPRESS)
TARS = tuple(COMPRESS)


def pack(kind: str, files: Files) -> bytes:
    """An archive of this kind with these files, in their order."""
    return pack_zip(files) if kind == "zip" else COMPRESS[kind](pack_tar(files))


def pack_zip(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return packed.getvalue()


def pack_tar(files: Files, style: int = tarfile.PAX_FORMAT) -> bytes:
    """A plain tar."""
    return pack_members([(describe(name, data), data) for name, data in files.items()], style)


def describe(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    """What a tar says of a file."""
    info = tarfile.TarInfo(name)
    info.size, info.type = len(data), kind
    return info


def pack_members(members: Iterable[tuple[tarfile.TarInfo, bytes]], style: int = tarfile.PAX_FORMAT) -> bytes:
    """A plain tar of members that may be anything."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=style) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def open_packed(
    packed: bytes,
    *,
    limits: ArchiveLimits = LIMITS,
    remote: PhotoReader | None = None,
    columns: Mapping[str, str] | None = None,
    filename: str = "shop.archive",
) -> ArchiveSource:
    """The source of an archive in memory."""
    return open_archive(
        io.BytesIO(packed), filename=filename, columns=columns or {}, remote=remote, limits=limits
    )


class Watched(io.BytesIO):
    """A file that counts what is read of it, and can be away."""

    bytes_read = 0
    away = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.away:
            raise ConnectionError
        data = super().read(size)
        self.bytes_read += len(data)
        return data


def list_packed(packed: bytes, limits: ArchiveLimits = LIMITS) -> list[SourceRow]:
    """All rows of an archive in memory."""
    with open_packed(packed, limits=limits) as source:
        return list(source.list_rows())


def make_photo(number: int = 0) -> bytes:
    """Bytes that begin as a JPEG does; no two the same."""
    return JPEG + f"photo {number}".encode()


def name_parts(row: SourceRow) -> tuple[str, str]:
    """(SKU, photo) of a row."""
    return row.sku, str(PurePosixPath(row.name))
