"""Whose rows the running code may see: one tenant at a time, held in a ContextVar."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from tenants.errors import TenantRequired

_current: ContextVar[UUID | None] = ContextVar("tenant", default=None)


def current_tenant_id() -> UUID:
    """The id of the tenant that is set. Raises `TenantRequired` when none is."""
    tenant_id = _current.get()
    if tenant_id is None:
        raise TenantRequired("No tenant is set: enter tenant_scope() before touching tenant-owned rows.")
    return tenant_id


@contextmanager
def tenant_scope(tenant_id: UUID) -> Iterator[None]:
    """Run the block as this tenant, and restore whatever was set before."""
    token = _current.set(tenant_id)
    try:
        yield
    finally:
        _current.reset(token)
