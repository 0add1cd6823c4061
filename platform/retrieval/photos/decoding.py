"""Photos on their way from their files to the models: decoded while those are at others.

The threads only wait; the work is done in processes apart (retrieval.pictures).
"""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from inference.dhash import hash_pixels
from inference.errors import ImageRejected
from inference.images import Picture
from retrieval.analysers import count_streams
from retrieval.photos.files import read_file
from retrieval.photos.leases import end_as_failed
from retrieval.pictures import decode_photo
from tenants.models import ReferenceImage

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HashedPicture:
    """A decoded photo and its dHash (inference.dhash)."""

    picture: Picture
    dhash: int


@dataclass(frozen=True)
class LeasedPhoto:
    """A photo held by this worker, and its decoding under way."""

    image: ReferenceImage
    decoding: "Future[HashedPicture]"


@dataclass(frozen=True)
class DecodedPhoto:
    """A photo held by this worker, ready for the models."""

    image: ReferenceImage
    picture: Picture
    dhash: int


def begin_decoding(images: Iterable[ReferenceImage]) -> list[LeasedPhoto]:
    """Have the photos decoded, in order, while the caller does something else."""
    return [LeasedPhoto(image, _decoders().submit(_decode_file, image.file)) for image in images]


def await_decoded(photos: Sequence[LeasedPhoto]) -> list[DecodedPhoto]:
    """Those that could be decoded; the others end as failed, each with its reason. Raises `Unavailable`."""
    return [decoded for photo in photos if (decoded := _await_one(photo)) is not None]


@cache
def _decoders() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=count_streams(), thread_name_prefix="decode")


def _decode_file(file: str) -> HashedPicture:
    picture = decode_photo(read_file(file))
    return HashedPicture(picture, hash_pixels(picture.pixels))


def _await_one(photo: LeasedPhoto) -> DecodedPhoto | None:
    try:
        hashed = photo.decoding.result()
    except ImageRejected as rejected:
        end_as_failed(photo.image, code=rejected.code, message=rejected.message)
    except FileNotFoundError:
        _log.exception("the file of image %s is lost", photo.image.pk)
        end_as_failed(
            photo.image, code="file_lost", message="The stored file is missing. Upload the photo again."
        )
    else:
        return DecodedPhoto(photo.image, hashed.picture, hashed.dhash)
    return None
