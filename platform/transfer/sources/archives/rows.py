"""The rows of an archive, by its folders or by its manifest."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

from transfer.errors import RowRefused
from transfer.sources.archives.contents import Contents
from transfer.sources.archives.entries import ArchiveReader, Entry
from transfer.sources.archives.limits import ArchiveLimits
from transfer.sources.archives.names import normalise_path, show_name
from transfer.sources.archives.spool import RowSpool
from transfer.sources.manifests import ManifestRow, read_manifest
from transfer.sources.manifests.source import is_url, name_photo
from transfer.sources.source import SourceRow

_LONGEST_SKU = 100


def list_folder_rows(contents: Contents, top: str, limits: ArchiveLimits) -> Iterator[SourceRow]:
    """A row for each photo, by the folder below `top` that it lies in. line: the photo's number, from 1."""
    for line, photo in enumerate(contents.photos, 1):
        below = photo.name.removeprefix(top)
        sku, slash, name = below.partition("/")
        if not slash or not photo.name.startswith(top):
            sku, name = "", below
        problem = _find_folder_problem(photo, sku.strip(), limits)
        place = "" if problem else photo.place
        yield SourceRow(line, sku.strip()[:_LONGEST_SKU], place, name, problem=problem)


def list_manifest_rows(
    contents: Contents,
    manifest: Entry,
    reader: ArchiveReader,
    *,
    columns: Mapping[str, str],
    urls: bool,
    limits: ArchiveLimits,
) -> Iterator[SourceRow]:
    """A row for each of the manifest's, with its line; in the order of the archive's photos, not of lines.

    So a compressed archive is read once for all photos. Rows that cannot be used come first, those with a URL
    or without a photo last. Raises `SourceRefused` as `read_manifest` and the reader do.
    """
    folder = "".join(manifest.name.rpartition("/")[:2])
    photos = {photo.name: (rank, photo) for rank, photo in enumerate(contents.photos)}
    chunks = reader.read_chunks(manifest.place, limit=limits.manifest_bytes)
    with RowSpool() as spool:
        with io.BufferedReader(ChunkFile(chunks)) as file:
            for row in read_manifest(file, filename=manifest.name, columns=columns):
                rank, photo = photos.get(folder + normalise_path(row.photo.replace("\\", "/")), (-1, None))
                problem = row.problem or _find_photo_problem(row, photo, urls=urls, limits=limits)
                elsewhere = photo is None and not problem
                place = row.photo if elsewhere else photo.place if photo and not problem else ""
                described = SourceRow(row.line, row.sku, place, name_photo(row.photo), row.fields, problem)
                spool.put(_rank(rank, len(photos), elsewhere=elsewhere, problem=problem), described)
        yield from spool


class ChunkFile(io.RawIOBase):
    """Chunks of bytes as a file that is read once."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer as far as the chunk goes; 0 at the end."""
        if not self._left:
            self._left = memoryview(next(self._chunks, b""))
        part, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def _rank(rank: int, last: int, *, elsewhere: bool, problem: RowRefused | None) -> int:
    if problem:
        return -1
    return last if elsewhere else rank


def _find_folder_problem(photo: Entry, sku: str, limits: ArchiveLimits) -> RowRefused | None:
    if not sku:
        return RowRefused(
            f"The photo {show_name(photo.name)} lies in no product's folder. Put it in a folder named by its"
            " SKU.",
            code="photo_without_folder",
        )
    if len(sku) > _LONGEST_SKU:
        return RowRefused(
            f"The folder of {show_name(photo.name)} is no SKU: it has more than {_LONGEST_SKU} characters.",
            code="row_invalid",
        )
    return _find_size_problem(photo, limits)


def _find_photo_problem(
    row: ManifestRow, photo: Entry | None, *, urls: bool, limits: ArchiveLimits
) -> RowRefused | None:
    if not row.photo:
        return None
    if photo:
        return _find_size_problem(photo, limits)
    if not is_url(row.photo):
        return RowRefused(
            f"The archive has no photo {show_name(row.photo)}, as seen from the manifest's folder.",
            code="photo_missing",
        )
    return None if urls else refuse_url()


def _find_size_problem(photo: Entry, limits: ArchiveLimits) -> RowRefused | None:
    if photo.size <= limits.photo_bytes:
        return None
    return RowRefused(
        f"The photo {show_name(photo.name)} has {photo.size} bytes, and may have {limits.photo_bytes}. Save"
        " it smaller.",
        code="image_too_large",
    )


def refuse_url() -> RowRefused:
    """Why a photo behind a URL is not read."""
    return RowRefused(
        "This platform reads no photos from URLs. Put the photo in the archive.", code="urls_not_allowed"
    )
