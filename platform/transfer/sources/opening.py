"""From what an import was asked for to what it reads."""

from collections.abc import Mapping
from uuid import UUID

from transfer.errors import SourceRefused
from transfer.sources.archives.opening import open_archive
from transfer.sources.directories import open_directory
from transfer.sources.manifests import is_manifest, open_manifest
from transfer.sources.source import Source
from transfer.sources.urls import open_remote
from transfer.uploads.lookup import get_upload
from transfer.uploads.reading import open_upload


def open_source(*, upload: UUID | None, directory: str | None, columns: Mapping[str, str]) -> Source:
    """The upload, a manifest or an archive as its name and its first bytes say, or the directory.

    columns: our name of a field to the source's own. Raises `SourceRefused`; `NotFound` or `Conflict` for an
    upload that is not there, or not whole.
    """
    if directory is not None:
        return open_directory(directory, columns=columns, remote=open_remote())
    if upload is None:
        raise SourceRefused("The import names no source.", code="source_not_found")
    found = get_upload(upload)
    opened = open_manifest if is_manifest(found.filename) else open_archive
    return opened(open_upload(found), filename=found.filename, columns=columns, remote=open_remote())
