"""Addresses of stored photos: signed, so that nobody can guess one, and good for a while only.

Whoever has an address may look at its photo, without a key; so it names one photo, and fades.
"""

import base64
import binascii
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner, b62_encode
from django.utils import timezone

from tenants.errors import NotFound
from tenants.models import Exemplar, ReferenceImage
from tenants.scope import tenant_scope

Photo = ReferenceImage | Exemplar

_KINDS: dict[bytes, type[Photo]] = {b"r": ReferenceImage, b"e": Exemplar}
# In so many steps of a lifetime addresses change: between them a browser finds a photo in its cache again.
_STEPS = 8


@dataclass(frozen=True)
class StoredPhoto:
    """A photo's file. file: its name in the storage; sha256: of that file, in hex."""

    id: UUID
    file: str
    content_type: str
    sha256: str


class _Signer(TimestampSigner):
    """Rounds the time down to the step, so that the same photo has the same address for a while."""

    def __init__(self) -> None:
        super().__init__(sep=".", salt="vitrine.media")

    def timestamp(self) -> str:
        """As `TimestampSigner` has it."""
        now = int(timezone.now().timestamp())
        return b62_encode(now - now % _step_s())


def sign_photo(photo: Photo) -> str:
    """What the photo's address ends with: good for `MEDIA_URL_S` seconds, and an eighth longer at most."""
    kind = next(mark for mark, model in _KINDS.items() if isinstance(photo, model))
    named = kind + photo.tenant_id.bytes + photo.pk.bytes
    return _Signer().sign(base64.urlsafe_b64encode(named).decode())


def find_photo(token: str) -> StoredPhoto:
    """The photo that the token was made for.

    Raises `NotFound` (`media_not_found`), the same whatever the reason: tampered with, expired, deleted.
    """
    named = _read_token(token)
    with tenant_scope(UUID(bytes=named[1:17])):
        found = _find_row(_KINDS[named[:1]], UUID(bytes=named[17:]))
    if found is None:
        raise _not_found()
    return StoredPhoto(found.pk, found.file, found.content_type, found.sha256)


def _read_token(token: str) -> bytes:
    try:
        named = _Signer().unsign(token, max_age=settings.MEDIA_URL_S + _step_s())
        return base64.urlsafe_b64decode(named)
    except (BadSignature, binascii.Error) as error:
        raise _not_found() from error


def _find_row(model: type[Photo], photo_id: UUID) -> Photo | None:
    if model is ReferenceImage:
        images = ReferenceImage.objects.filter(deleted_at=None, gallery__deleted_at=None)
        return images.filter(pk=photo_id, tenant__deleted_at=None).first()
    exemplars = Exemplar.objects.exclude(gallery__deleted_at__isnull=False)
    return exemplars.filter(pk=photo_id, tenant__deleted_at=None).first()


def _step_s() -> int:
    return max(1, settings.MEDIA_URL_S // _STEPS)


def _not_found() -> NotFound:
    return NotFound(
        "There is no such photo, or its address has expired. Read the photo's `url` again.",
        code="media_not_found",
    )
