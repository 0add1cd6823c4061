"""Several workers at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

from django.db import connection

from tenants.scope import tenant_scope

T = TypeVar("T")


def run_as(tenant_id: UUID, *works: Callable[[], T]) -> list[T]:
    """Run the works at once as the tenant, each in a thread with a connection of its own."""

    def run(work: Callable[[], T]) -> T:
        try:
            with tenant_scope(tenant_id):
                return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
