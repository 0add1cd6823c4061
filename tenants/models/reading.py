"""Reading across tenants: rows that a query fetches while PostgreSQL is told that the platform asks."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, NoReturn, TypeVar

from django.db import models

from tenants.errors import TenantRequired
from tenants.scope import platform_scope

_Model_co = TypeVar("_Model_co", bound=models.Model, covariant=True)


class ReadingQuerySet(models.QuerySet[_Model_co]):
    """Rows that are read under a scope which the query set itself chooses, for the time of each statement."""

    def reading(self) -> AbstractContextManager[None]:
        """What is entered for each statement."""
        raise NotImplementedError

    def _fetch_all(self) -> None:
        with self.reading():
            super()._fetch_all()

    def _iterator(self, use_chunked_fetch: bool, chunk_size: int | None) -> Iterator[Any]:  # noqa: FBT001 - Django's
        rows = super()._iterator(use_chunked_fetch, chunk_size)  # type: ignore[misc]  # the stubs lack it
        while True:
            # Not around the loop: what a generator sets would hold for its caller between two rows.
            with self.reading():
                try:
                    row = next(rows)
                except StopIteration:
                    return
            yield row

    def count(self) -> int:
        """How many there are."""
        with self.reading():
            return super().count()

    def exists(self) -> bool:
        """Whether there is one."""
        with self.reading():
            return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Sums and the like over all of them."""
        with self.reading():
            return super().aggregate(*args, **kwargs)

    def explain(self, *, format: str | None = None, **options: Any) -> str:  # noqa: A002 - Django's own name
        """How PostgreSQL would read them."""
        with self.reading():
            return super().explain(format=format, **options)


class PlatformQuerySet(ReadingQuerySet[_Model_co]):
    """Rows of every tenant, which can be read and not written."""

    def reading(self) -> AbstractContextManager[None]:
        """The platform asks."""
        return platform_scope()

    def select_for_update(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raises `TenantRequired`: PostgreSQL locks only what may be written."""
        _refuse_write()

    def update(self, **_kwargs: Any) -> NoReturn:
        """Raises `TenantRequired`."""
        _refuse_write()

    def delete(self) -> NoReturn:
        """Raises `TenantRequired`."""
        _refuse_write()

    def create(self, **_kwargs: Any) -> NoReturn:
        """Raises `TenantRequired`."""
        _refuse_write()

    def bulk_create(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raises `TenantRequired`."""
        _refuse_write()

    def bulk_update(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raises `TenantRequired`."""
        _refuse_write()


def _refuse_write() -> NoReturn:
    raise TenantRequired("across_tenants only reads: enter the row's tenant_scope() and write by `objects`.")
