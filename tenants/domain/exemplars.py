"""Exemplars: photos kept beside the references, stored once, under a key that carries the tenant."""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from inference.metadata import remove_metadata
from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.domain.files import CONTENT_TYPES, clean_filename, remove_file, store_file
from tenants.domain.quotas import check_quota
from tenants.errors import NotFound
from tenants.models import Exemplar, Gallery
from tenants.models.identifiers import new_id

# As the audit log calls them.
_NOUNS: dict[str, str] = {Exemplar.Role.DISTRACTOR: "distractor", Exemplar.Role.QUERY: "labelled_query"}


@dataclass(frozen=True)
class AddedExemplar:
    """An exemplar; `created` is False when the very same file was there already."""

    exemplar: Exemplar
    created: bool


def add_distractor(*, tenant_id: UUID, filename: str, image_format: str, data: bytes) -> AddedExemplar:
    """Store a photo of what the shop does not sell (`pending`); the same photo again answers the same row.

    What is stored is the photo without its metadata.

    image_format: a key of `CONTENT_TYPES`. A photo that had failed gets another chance. Raises `StorageAway`,
    `QuotaExceeded`.
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
            record_change(
                action=f"{_NOUNS[row.role]}.deleted", object_id=row.pk, before=describe_row(row), after=None
            )
            row.delete()


def _add(
    owner: dict[str, Any], folder: str, *, sku: str, filename: str, image_format: str, data: bytes
) -> AddedExemplar:
    data = remove_metadata(data)
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
        exemplar = Exemplar.objects.create(**owner, **fields)
        check_quota(exemplar.tenant_id, "images", "bytes")
        record_change(
            action=f"{_NOUNS[exemplar.role]}.added",
            object_id=exemplar.pk,
            before=None,
            after=describe_row(exemplar),
        )
    return exemplar


def _lock_gallery(gallery: Gallery) -> bool:
    # Whoever adds a photo refers to the gallery while it counts, and must not wait for us who count next.
    return Gallery.objects.select_for_update(no_key=True).filter(pk=gallery.pk, deleted_at=None).exists()


def _renew(exemplar: Exemplar, *, sku: str, data: bytes) -> Exemplar:
    """The SKU as it is said now; a photo that had failed waits again, its file stored anew."""
    with transaction.atomic():
        locked = Exemplar.objects.select_for_update().filter(pk=exemplar.pk)
        before = locked.get()
        locked.update(sku=sku)
        if before.state == Exemplar.State.FAILED:
            remove_file(before.file)
            locked.update(
                file=store_file(before.file, data),
                state=Exemplar.State.PENDING,
                failure_code="",
                failure_message="",
            )
        after = locked.get()
        record_change(
            action=f"{_NOUNS[after.role]}.added_again",
            object_id=after.pk,
            before={**describe_row(before), "state": before.state},
            after={**describe_row(after), "state": after.state},
        )
    return after
