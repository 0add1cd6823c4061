"""Galleries of a shop: the rows only; their vectors are the retrieval room's."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.domain.quotas import check_quota
from tenants.errors import Conflict
from tenants.models import Gallery


def create_gallery(*, tenant_id: UUID, name: str, settings: dict[str, Any]) -> Gallery:
    """A new gallery, `provisioning`, with checked settings.

    Raises `Conflict` when the name is taken, `QuotaExceeded`.
    """
    try:
        with transaction.atomic():
            gallery = Gallery.objects.create(tenant_id=tenant_id, name=name, settings=settings)
            check_quota(tenant_id, "galleries")
            record_change(
                action="gallery.created", object_id=gallery.pk, before=None, after=describe_row(gallery)
            )
    except IntegrityError as error:
        raise _name_taken(name) from error
    return gallery


def update_gallery(
    *, gallery: Gallery, name: str | None = None, settings: dict[str, Any] | None = None
) -> Gallery:
    """Rename the gallery or change its (checked) settings. Raises `Conflict` when the name is taken."""
    before = describe_row(gallery)
    gallery.name = name if name is not None else gallery.name
    gallery.settings = settings if settings is not None else gallery.settings
    try:
        with transaction.atomic():
            gallery.save(update_fields=["name", "settings", "updated_at"])
            record_change(
                action="gallery.updated", object_id=gallery.pk, before=before, after=describe_row(gallery)
            )
    except IntegrityError as error:
        raise _name_taken(gallery.name) from error
    return gallery


def hide_gallery(*, gallery: Gallery) -> bool:
    """Take the gallery out of sight at once. False when somebody else did so before."""
    with transaction.atomic():
        hidden = Gallery.objects.filter(pk=gallery.pk, deleted_at=None).update(deleted_at=timezone.now())
        if hidden:
            record_change(
                action="gallery.deleted", object_id=gallery.pk, before=describe_row(gallery), after=None
            )
    return bool(hidden)


def _name_taken(name: str) -> Conflict:
    return Conflict(f"There is a gallery named {name!r} already.", code="gallery_name_taken")
