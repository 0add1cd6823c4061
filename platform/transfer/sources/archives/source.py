"""An archive as the source of an import."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Protocol, Self

from transfer.errors import RowRefused, SourceRefused
from transfer.sources.archives.contents import find_layout, read_contents
from transfer.sources.archives.entries import ArchiveReader
from transfer.sources.archives.limits import ArchiveLimits
from transfer.sources.archives.rows import list_folder_rows, list_manifest_rows, refuse_url
from transfer.sources.manifests.source import is_url
from transfer.sources.source import PhotoReader, SourceRow


class Closeable(Protocol):
    """Something that is held open."""

    def close(self) -> None:
        """Let go of it."""
        ...


class ArchiveSource:
    """A `Source`. A place is the URL that a manifest says, or the reader's, which holds all it needs.
    held: what is closed with it, such as the file.

    Nothing is read when it is opened, and a photo is read without listing the archive. ZIP and plain tar
    find any photo at once. A compressed tar is read through up to the photo, then on to the next; where the
    next lies before it, or nobody kept the place (`open_archive`'s key), again from the start.
    """

    def __init__(
        self,
        held: Closeable,
        reader: ArchiveReader,
        *,
        columns: Mapping[str, str],
        remote: PhotoReader | None,
        limits: ArchiveLimits,
    ) -> None:
        self._held = held
        self._reader = reader
        self._columns = columns
        self._remote = remote
        self._limits = limits

    def list_rows(self) -> Iterator[SourceRow]:
        """All rows, after the whole archive was listed and found safe; the same in every process."""
        contents = read_contents(self._reader)
        layout = find_layout(contents)
        if layout.manifest is None:
            yield from list_folder_rows(contents, layout.top, self._limits)
            return
        yield from list_manifest_rows(
            contents,
            layout.manifest,
            self._reader,
            columns=self._columns,
            urls=self._remote is not None,
            limits=self._limits,
        )

    def read_photo(self, place: str) -> bytes:
        """The photo's bytes. Raises `RowRefused` where they are damaged or too many."""
        if is_url(place):
            if self._remote is None:
                raise refuse_url()
            return self._remote.read_photo(place)
        try:
            return b"".join(self._reader.read_chunks(place, limit=self._limits.photo_bytes))
        except SourceRefused as error:
            raise RowRefused(error.message, code=error.code) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()
