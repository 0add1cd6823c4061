"""Shops whose rows are committed, and that leave nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.progress import run_job
from retrieval.tenants import close_tenant, delete_tenant
from tenants.models import Tenant
from tenants.scope import tenant_scope


@contextmanager
def erased_at_the_end(tenant: Tenant) -> Iterator[None]:
    """Remove the shop after the block as its erasure does; a test's transaction cannot be taken back here."""
    try:
        yield
    finally:
        erasure = close_tenant(tenant=tenant, trigger="test")
        with tenant_scope(tenant.pk), run_job(erasure.pk, turn=erasure.turn) as job:
            assert job is not None
            delete_tenant(job)
