"""What a shop lets the platform keep of its customers' photos."""

from dataclasses import dataclass

from django.db import transaction

from tenants.domain.audit import record_change
from tenants.models import Tenant
from tenants.scope import current_tenant_id


@dataclass(frozen=True)
class Privacy:
    """keep_queries_days: for how long query photos are kept; None: not at all."""

    keep_queries_days: int | None


def read_privacy() -> Privacy:
    """What the tenant that is set has chosen."""
    return Privacy(Tenant.objects.get(pk=current_tenant_id()).keep_queries_days)


def change_privacy(*, keep_queries_days: int | None) -> Privacy:
    """Choose for the tenant that is set. What is kept longer than that is removed by a job, soon."""
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update(no_key=True).get(pk=current_tenant_id())
        before, tenant.keep_queries_days = tenant.keep_queries_days, keep_queries_days
        tenant.save(update_fields=["keep_queries_days"])
        record_change(
            action="privacy.changed",
            object_id=tenant.pk,
            before={"keep_queries_days": before},
            after={"keep_queries_days": keep_queries_days},
        )
    return Privacy(keep_queries_days)
