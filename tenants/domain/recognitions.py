"""Answered recognitions of a shop in a month, as PostgreSQL keeps them: Valkey counts, this is its memory."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from tenants.models import MonthlyUsage, Tenant
from tenants.scope import tenant_scope


def read_recognitions(tenant_id: UUID, month: date) -> int:
    """How many were kept of the month. month: its first day, in UTC."""
    with tenant_scope(tenant_id):
        kept = MonthlyUsage.objects.filter(month=month).values_list("recognitions", flat=True).first()
    return kept or 0


def keep_recognitions(*, tenant_id: UUID, month: date, count: int) -> int:
    """Keep the month's count where it is higher than what was kept; the higher of both.

    Of a shop that is being removed nothing is kept. Done twice or out of order, it does no harm.
    """
    with transaction.atomic(), tenant_scope(tenant_id):
        # Locked, so that the shop is not removed meanwhile, nor the row made twice.
        locked = Tenant.objects.select_for_update(no_key=True).filter(pk=tenant_id, deleted_at=None)
        if not locked.exists():
            return count
        row, _ = MonthlyUsage.objects.get_or_create(tenant_id=tenant_id, month=month)
        if row.recognitions < count:
            MonthlyUsage.objects.filter(pk=row.pk).update(recognitions=count)
        return max(row.recognitions, count)


def month_of(moment: datetime) -> date:
    """The first day of its month in UTC."""
    return moment.astimezone(UTC).date().replace(day=1)


def month_after(month: date) -> datetime:
    """When the month is over."""
    beyond = month.replace(day=1) + timedelta(days=31)
    return datetime(beyond.year, beyond.month, 1, tzinfo=UTC)
