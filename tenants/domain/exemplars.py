"""Exemplars: photos kept beside the references, stored once, under a key that carries the tenant."""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from tenants.domain.files import CONTENT_TYPES, clean_filename, remove_file, store_file
from tenants.errors import NotFound
from tenants.models import Exemplar, Gallery
from tenants.models.identifiers import new_id


@dataclass(frozen=True)
class AddedExemplar:
    """An exemplar; `created` is False when the very same file was there already."""

    exemplar: Exemplar
    created: bool


def add_distractor(*, tenant_id: UUID, filename: str, image_format: str, data: bytes) -> AddedExemplar:
    """Store a photo of what the shop does not sell (`pending`); the same bytes again answer the same row.

    image_format: a key of `CONTENT_TYPES`. A photo that had failed gets another chance. Raises `StorageAway`.
    """
    owner = {"tenant_id": tenant_id, "role": Exemplar.Role.DISTRACTOR, "gallery": None}
    folder = f"{tenant_id}/distractors"
    return _add(owner, folder, sku="", filename=filename, image_format=image_format, data=data)


def add_labelled_query(
    *, gallery: Gallery, sku: str, filename: str, image_format: str, data: bytes
) -> AddedExemplar:
    """Store a photo with the SKU that it should be answered with; empty for none (state `pending`).

    The same bytes again answer the same row, which then has the SKU that was said last. Otherwise as
    `add_distractor`; raises `NotFound` when the gallery is deleted meanwhile.
    """
    owner = {"tenant_id": gallery.tenant_id, "role": Exemplar.Role.QUERY, "gallery": gallery}
    folder = f"{gallery.tenant_id}/{gallery.pk}/queries"
    return _add(owner, folder, sku=sku, filename=filename, image_format=image_format, data=data)


def delete_exemplar(*, exemplar: Exemplar) -> None:
    """Delete the file, then the row with its vectors; cut short, ask again. Raises `StorageAway`."""
    remove_file(exemplar.file)
    with transaction.atomic():
        # Locked before its vectors are, as a worker that analyses it does.
        locked = Exemplar.objects.select_for_update().filter(pk=exemplar.pk)
        for row in locked:
            row.delete()


def _add(
    owner: dict[str, Any], folder: str, *, sku: str, filename: str, image_format: str, data: bytes
) -> AddedExemplar:
    digest = hashlib.sha256(data).hexdigest()
    if known := Exemplar.objects.filter(**owner, sha256=digest).first():
        return AddedExemplar(_renew(known, sku=sku, data=data), created=False)
    exemplar_id = new_id()
    stored = store_file(f"{folder}/{exemplar_id}.{image_format}", data)
    try:
        exemplar = _create_row(
            owner,
            pk=exemplar_id,
            sku=sku,
            filename=clean_filename(filename),
            file=stored,
            content_type=CONTENT_TYPES[image_format],
            size=len(data),
            sha256=digest,
        )
    except IntegrityError:
        remove_file(stored)
        # Somebody else sent the same file at the same moment.
        return AddedExemplar(Exemplar.objects.get(**owner, sha256=digest), created=False)
    except BaseException:
        remove_file(stored)
        raise
    return AddedExemplar(exemplar, created=True)


def _create_row(owner: dict[str, Any], **fields: Any) -> Exemplar:
    with transaction.atomic():
        gallery = owner["gallery"]
        # Locked, so that a gallery deleted at this moment does not get a photo nobody would remove.
        if gallery and not _lock_gallery(gallery):
            raise NotFound("The gallery was deleted meanwhile.", code="gallery_not_found")
        return Exemplar.objects.create(**owner, **fields)


def _lock_gallery(gallery: Gallery) -> bool:
    return Gallery.objects.select_for_update().filter(pk=gallery.pk, deleted_at=None).exists()


def _renew(exemplar: Exemplar, *, sku: str, data: bytes) -> Exemplar:
    """The SKU as it is said now; a photo that had failed waits again, its file stored anew."""
    with transaction.atomic():
        locked = Exemplar.objects.select_for_update().filter(pk=exemplar.pk)
        locked.update(sku=sku)
        failed = locked.filter(state=Exemplar.State.FAILED).first()
        if failed:
            remove_file(failed.file)
            locked.update(
                file=store_file(failed.file, data),
                state=Exemplar.State.PENDING,
                failure_code="",
                failure_message="",
            )
    return Exemplar.objects.get(pk=exemplar.pk)
