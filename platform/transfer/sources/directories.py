"""Directories and buckets that the operator allows imports to read.

All tenants share them, so each tenant reads the folder that is named after its slug, and nothing else.
"""

import io
from collections.abc import Iterator, Mapping
from typing import Final

from django.conf import settings

from tenants.models import Tenant
from tenants.scope import current_tenant_id
from transfer.errors import SourceRefused
from transfer.sources.archives.limits import ArchiveLimits
from transfer.sources.archives.names import show_name
from transfer.sources.archives.source import ArchiveSource
from transfer.sources.buckets import BucketReader
from transfer.sources.folders import FolderReader
from transfer.sources.source import PhotoReader, Source

_LONGEST: Final = 1000


def open_directory(path: str, *, columns: Mapping[str, str], remote: PhotoReader | None) -> Source:
    """The catalogue in a directory of the tenant that is set, laid out as an archive may be.

    path: below the tenant's own folder, with `/`; "" is that folder. It is looked for in each of
    `IMPORT_ROOTS` and then in `IMPORT_BUCKET`, and the first that has it counts. columns and remote: as in
    `open_archive`.

    Raises `SourceRefused`: `source_not_allowed` for a path that leads elsewhere, or where the operator
    allows nothing; `source_not_found`; `source_unreadable`. Raises `Unavailable` for a disk or bucket that
    is away.
    """
    slug = Tenant.objects.values_list("slug", flat=True).get(pk=current_tenant_id())
    limits = ArchiveLimits()
    readers = list(_list_readers(slug, split_path(path), limits))
    if not readers:
        raise SourceRefused(
            "This platform reads no directories. Upload an archive, or ask the operator to allow one.",
            code="source_not_allowed",
        )
    reader = next((each for each in readers if each.is_there()), None)
    if reader is None:
        raise SourceRefused(
            f"There is no folder {show_name(path)} in the folder {show_name(slug)} of any place that imports"
            " may read. Ask the operator where these are.",
            code="source_not_found",
        )
    # No file has to stay open: the readers open what they read.
    return ArchiveSource(io.BytesIO(), reader, columns=columns, remote=remote, limits=limits)


def split_path(path: str) -> tuple[str, ...]:
    """The names of the folders on the way. Raises `SourceRefused` (`source_not_allowed`)."""
    parts = tuple(part for part in path.split("/") if part not in {"", "."})
    plain = not path.startswith("/") and "\\" not in path and len(path) <= _LONGEST and path.isprintable()
    if not plain or any(part.startswith(".") for part in parts):
        raise SourceRefused(
            f"{show_name(path)} is no path below your own folder. Name folders with `/` between them; neither"
            " '..' nor hidden ones.",
            code="source_not_allowed",
        )
    return parts


def _list_readers(
    slug: str, parts: tuple[str, ...], limits: ArchiveLimits
) -> Iterator[FolderReader | BucketReader]:
    for root in settings.IMPORT_ROOTS:
        yield FolderReader(root, (slug, *parts), limits)
    if settings.IMPORT_BUCKET:
        names = (settings.IMPORT_BUCKET_PREFIX, slug, *parts)
        yield BucketReader("".join(f"{name}/" for name in names if name), limits)
