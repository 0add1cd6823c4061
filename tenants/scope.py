"""Whose rows the running code may see: one tenant at a time, held in a ContextVar.

The ORM filters by it (tenants.models.owned), and every statement tells PostgreSQL (tenants.postgresql), whose
row-level security then shows and takes no others.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from uuid import UUID

from tenants.errors import TenantRequired

# Every tenant's rows, to be read and never written.
EVERY_TENANT: Final = "all"

_current: ContextVar[UUID | str | None] = ContextVar("tenant", default=None)


def current_tenant_id() -> UUID:
    """The id of the tenant that is set. Raises `TenantRequired` when none is."""
    tenant_id = _current.get()
    if not isinstance(tenant_id, UUID):
        raise TenantRequired("No tenant is set: enter tenant_scope() before touching tenant-owned rows.")
    return tenant_id


def describe_scope() -> str:
    """As PostgreSQL is told it: the id of the tenant that is set, `all`, or nothing."""
    return str(_current.get() or "")


@contextmanager
def tenant_scope(tenant_id: UUID) -> Iterator[None]:
    """Run the block as this tenant, and restore whatever was set before."""
    # Parsed whatever it is said to be: it becomes part of what PostgreSQL executes.
    token = _current.set(tenant_id if type(tenant_id) is UUID else UUID(str(tenant_id)))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def platform_scope() -> Iterator[None]:
    """Let the block read the rows of every tenant, and write none: for the platform's own questions.

    What `across_tenants` reads enters it by itself; nothing else should.
    """
    token = _current.set(EVERY_TENANT)
    try:
        yield
    finally:
        _current.reset(token)
