"""Shops come into being, and out of sight."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.errors import Conflict, InvalidTenant
from tenants.models import Gallery, Tenant
from tenants.scope import tenant_scope


def create_tenant(*, slug: str, name: str) -> Tenant:
    """A new shop. Raises `InvalidTenant`, and `Conflict` when the slug is taken."""
    tenant = Tenant(slug=slug, name=name)
    try:
        tenant.full_clean(validate_unique=False)
        with transaction.atomic(), tenant_scope(tenant.pk):
            tenant.save(force_insert=True)
            record_change(
                action="tenant.created", object_id=tenant.pk, before=None, after=describe_row(tenant)
            )
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidTenant(f"{field}: {messages[0]}") from error
    except IntegrityError as error:
        raise Conflict(f"There is a tenant {slug!r} already.", code="slug_taken") from error
    return tenant


def lock_tenant(tenant_id: UUID) -> Tenant:
    """The shop, held until the transaction ends: what is counted of its rows meanwhile stays so."""
    return Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)


def hide_tenant(*, tenant: Tenant) -> None:
    """Refuse the shop's keys and take its galleries out of sight, at once; done before is fine."""
    now = timezone.now()
    with transaction.atomic(), tenant_scope(tenant.pk):
        if Tenant.objects.filter(pk=tenant.pk, deleted_at=None).update(deleted_at=now):
            record_change(
                action="tenant.closed", object_id=tenant.pk, before=describe_row(tenant), after=None
            )
        Gallery.objects.filter(deleted_at=None).update(deleted_at=now)
