"""A manifest alone as a source: its photos lie behind URLs."""

import re
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import BinaryIO, Final, Self
from urllib.parse import unquote

from tenants.errors import DomainError
from transfer.errors import RowRefused
from transfer.sources.manifests.manifest import read_manifest
from transfer.sources.manifests.row import ManifestRow
from transfer.sources.source import PhotoReader, SourceRow

_MAX_NAME: Final = 500
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")


def open_manifest(
    file: BinaryIO, *, filename: str, columns: Mapping[str, str], remote: PhotoReader | None
) -> "ManifestSource":
    """The manifest as a source, which closes the file with itself. Nothing is read yet.

    file: seekable. filename and columns: as in `read_manifest`. remote: reads the URLs; None where this
    platform reads none, which is then every row's problem.
    """
    return ManifestSource(file, filename=filename, columns=columns, remote=remote)


class ManifestSource:
    """A `Source` whose rows come from a manifest and whose photos from URLs."""

    def __init__(
        self, file: BinaryIO, *, filename: str, columns: Mapping[str, str], remote: PhotoReader | None
    ) -> None:
        self._file = file
        self._filename = filename
        self._columns = columns
        self._remote = remote

    def list_rows(self) -> Iterator[SourceRow]:
        """The rows in the order of the file. Raises `SourceRefused` as `read_manifest` does."""
        self._file.seek(0)
        for row in read_manifest(self._file, filename=self._filename, columns=self._columns):
            problem = row.problem or self._find_problem(row)
            yield SourceRow(row.line, row.sku, row.photo, name_photo(row.photo), row.fields, problem)

    def read_photo(self, place: str) -> bytes:
        """The photo behind the URL. Raises `RowRefused`, `jobs.errors.Unavailable`."""
        if self._remote is None:
            raise _refuse_urls()
        return self._remote.read_photo(place)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _find_problem(self, row: ManifestRow) -> DomainError | None:
        if not row.photo:
            return None
        if not is_url(row.photo):
            return RowRefused(
                f"{row.photo[:200]!r} is no URL. A manifest alone names its photos by URL; "
                "send an archive with the manifest and the photos, or a directory.",
                code="row_invalid",
            )
        return None if self._remote else _refuse_urls()


def is_url(photo: str) -> bool:
    """Whether a row names its photo by URL, not by path; which URLs are read is their reader's to say."""
    return photo.lower().startswith(("https://", "http://"))


def name_photo(photo: str) -> str:
    """What a photo is called, for people: the last part of its path or URL."""
    path = photo
    if is_url(photo):
        path = unquote(photo.partition("?")[0].partition("#")[0].split("//", 1)[1])
    plain = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", plain)[:_MAX_NAME]


def _refuse_urls() -> RowRefused:
    return RowRefused(
        "This platform reads no photos from URLs. Its operator can allow it with IMPORT_URLS=https; "
        "without, send an archive with the photos.",
        code="urls_not_allowed",
    )
