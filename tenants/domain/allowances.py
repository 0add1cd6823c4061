"""What a shop may have and do: its own row, or the platform's defaults."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.db import transaction

from tenants.domain.audit import record_change
from tenants.models import Quota, Tenant
from tenants.scope import tenant_scope

# A change made elsewhere is known to every process after so many seconds.
KNOWN_FOR_S = 10


@dataclass(frozen=True)
class Allowance:
    """The bounds of a shop; None is without bound."""

    galleries: int | None
    products: int | None
    images: int | None
    bytes: int | None
    recognitions_a_month: int | None
    calls_a_minute: int | None
    recognitions_at_once: int | None


NAMES = tuple(field.name for field in fields(Allowance))


def default_allowance() -> Allowance:
    """That of a shop of which nothing else is said: settings `QUOTA_*`."""
    return Allowance(**{name: getattr(settings, f"QUOTA_{name.upper()}") for name in NAMES})


def recall_allowance(tenant_id: UUID) -> Allowance:
    """The shop's bounds, as they were at most `KNOWN_FOR_S` seconds ago: no request waits for a query."""
    return _load(tenant_id, int(time.monotonic() // KNOWN_FOR_S)) or default_allowance()


def set_quota(*, tenant: Tenant, bounds: Mapping[str, int | None]) -> Allowance:
    """Change these bounds of the shop, by the names of `Allowance`; the others stay as they are now.

    From then on the platform's defaults are nothing to it.
    """
    with transaction.atomic(), tenant_scope(tenant.pk):
        # Two operators at once: the second sees what the first said.
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        before = _read(tenant.pk) or default_allowance()
        after = Allowance(**{**asdict(before), **bounds})
        Quota.objects.update_or_create(tenant_id=tenant.pk, defaults=asdict(after))
        record_change(action="quota.updated", object_id=tenant.pk, before=asdict(before), after=asdict(after))
    _load.cache_clear()
    return after


def reset_quota(*, tenant: Tenant) -> Allowance:
    """Let the platform's defaults hold for the shop again."""
    with transaction.atomic(), tenant_scope(tenant.pk):
        before, after = _read(tenant.pk), default_allowance()
        Quota.objects.all().delete()
        if before is not None:
            record_change(
                action="quota.reset", object_id=tenant.pk, before=asdict(before), after=asdict(after)
            )
    _load.cache_clear()
    return after


@lru_cache(maxsize=4096)
def _load(tenant_id: UUID, _period: int) -> Allowance | None:
    return _read(tenant_id)


def _read(tenant_id: UUID) -> Allowance | None:
    with tenant_scope(tenant_id):
        said = Quota.objects.values(*NAMES).first()
    return Allowance(**said) if said else None
