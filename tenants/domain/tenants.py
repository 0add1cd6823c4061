"""Shops come into being, and out of sight."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.errors import Conflict, InvalidTenant
from tenants.models import Gallery, Tenant
from tenants.scope import tenant_scope


def create_tenant(*, slug: str, name: str) -> Tenant:
    """A new shop. Raises `InvalidTenant`, and `Conflict` when the slug is taken."""
    tenant = Tenant(slug=slug, name=name)
    try:
        tenant.full_clean(validate_unique=False)
        with transaction.atomic():
            tenant.save(force_insert=True)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidTenant(f"{field}: {messages[0]}") from error
    except IntegrityError as error:
        raise Conflict(f"There is a tenant {slug!r} already.", code="slug_taken") from error
    return tenant


def hide_tenant(*, tenant: Tenant) -> None:
    """Refuse the shop's keys and take its galleries out of sight, at once; done before is fine."""
    now = timezone.now()
    with transaction.atomic(), tenant_scope(tenant.pk):
        Tenant.objects.filter(pk=tenant.pk, deleted_at=None).update(deleted_at=now)
        Gallery.objects.filter(deleted_at=None).update(deleted_at=now)
