"""Rows' photos out of their source: bytes, checked as far as can be without decoding them."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

from django.conf import settings

from inference.errors import ImageRejected
from inference.images import check_picture
from inference.metadata import remove_metadata
from jobs.models import JobItem
from transfer.errors import RowRefused
from transfer.sources.manifests.source import is_url
from transfer.sources.source import Source

_FETCHERS = 8


@dataclass(frozen=True)
class ReadPhoto:
    """data: the photo without its metadata. image_format: a key of `tenants.domain.files.CONTENT_TYPES`.
    sha256: of `data`, in hex.
    """

    item: JobItem
    data: bytes
    image_format: str
    sha256: str


@dataclass(frozen=True)
class UnreadPhoto:
    """A photo that cannot be had or used."""

    item: JobItem
    reason: RowRefused


def read_photos(source: Source, items: Sequence[JobItem]) -> list[ReadPhoto | UnreadPhoto]:
    """What became of each row's photo, in order. Raises `jobs.errors.Unavailable`.

    Photos behind URLs are fetched several at once; whoever reads those serves many threads.
    """
    read = partial(_read_photo, source)
    far = all(is_url(item.place) for item in items)
    return list(_fetchers().map(read, items) if far else map(read, items))


@cache
def _fetchers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=_FETCHERS, thread_name_prefix="fetch")


def _read_photo(source: Source, item: JobItem) -> ReadPhoto | UnreadPhoto:
    try:
        sent = source.read_photo(item.place)
        image_format = _check_photo(sent)
        data = remove_metadata(sent)
        return ReadPhoto(item, data, image_format, hashlib.sha256(data).hexdigest())
    except RowRefused as refused:
        return UnreadPhoto(item, refused)
    except ImageRejected as rejected:
        return UnreadPhoto(item, RowRefused(rejected.message, code=rejected.code))


def _check_photo(data: bytes) -> str:
    limit = settings.MAX_IMAGE_BYTES
    if len(data) > limit:
        raise RowRefused(f"The photo is larger than {limit // 2**20} MiB.", code="image_too_large")
    return check_picture(data)
