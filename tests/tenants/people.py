"""People of a shop, and shops whose rows are committed so that several connections see them."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.models import User
from django.db import connection

from tenants.errors import DomainError
from tenants.models import Membership, Tenant
from tenants.scope import tenant_scope


def make_person(name: str = "ann") -> User:
    """An account with an address of its own."""
    unique = f"{name}-{uuid.uuid4().hex[:8]}"
    return User.objects.create(username=unique, email=f"{unique}@shop.example")


def make_member(tenant: Tenant, role: str, user: User | None = None) -> Membership:
    """A person with this role in the shop."""
    with tenant_scope(tenant.pk):
        return Membership.objects.create(tenant=tenant, user=user or make_person(), role=role)


def race(*works: Callable[[], object]) -> list[str]:
    """Run the works at once, each with a connection of its own; the codes of what was refused, sorted."""

    def run(work: Callable[[], object]) -> str:
        try:
            work()
        except DomainError as error:
            return error.code
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(len(works)) as pool:
        return sorted(filter(None, pool.map(run, works)))
