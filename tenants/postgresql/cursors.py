"""Cursors that tell PostgreSQL with every statement whose rows it may see.

`SET LOCAL …; SELECT …` is one message and one transaction (PostgreSQL, "Multiple Statements in a Simple
Query"), in autocommit and inside a transaction alike. So it costs no round trip, nothing has to be remembered
about the connection, its transaction or its savepoints, and nothing stays behind when another thread gets it.
A way round these cursors tells nothing, and row-level security then shows nothing.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import psycopg
from django.db.backends.postgresql import base
from psycopg import sql
from psycopg.pq import TransactionStatus

from tenants.scope import describe_scope

SETTING = "vitrine.tenant"
if TYPE_CHECKING:
    # Django's stubs do not say what its cursors derive from.
    class _DjangoCursor(psycopg.ClientCursor[Any]): ...

    class _DjangoServerSideCursor(psycopg.ServerCursor[Any]): ...
else:
    _DjangoCursor, _DjangoServerSideCursor = base.Cursor, base.ServerSideCursor

Statement = str | bytes | sql.SQL | sql.Composed
_FAILED = TransactionStatus.INERROR
_IDLE = TransactionStatus.IDLE


class ScopedCursor(_DjangoCursor):
    """Django's cursor, whose statements carry the scope."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Execute it under the scope that is set now."""
        preamble = _preface(self.connection.info.transaction_status)
        if not preamble or not query:
            return super().execute(query, params, **options)
        super().execute(_put_before(preamble, query), params, **options)
        self.nextset()
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **_options: Any) -> None:
        """Execute it once for each; psycopg's own way would send statements without their scope."""
        changed = 0
        for params in params_seq:
            changed += max(self.execute(query, params).rowcount, 0)
        self._rowcount = changed


class ScopedServerSideCursor(_DjangoServerSideCursor):
    """A cursor in the server, declared under the scope that was set then."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Declare it; in autocommit in a transaction of its own, which fetches all rows as it ends."""
        preamble = _preface(self.connection.info.transaction_status)
        if not preamble:
            return super().execute(query, params, **options)
        if not self.connection.autocommit:
            return self._declare(preamble, query, params, options)
        with self.connection.transaction():
            return self._declare(preamble, query, params, options)

    def _declare(self, preamble: str, query: Any, params: Any, options: dict[str, Any]) -> Self:
        with _DjangoCursor(self.connection) as cursor:
            cursor.execute(preamble.encode())
        return super().execute(query, params, **options)


def _preface(status: TransactionStatus) -> str:
    """What goes before a statement; nothing where nothing is set, nor where only a rollback can follow."""
    scope = describe_scope()
    if status == _FAILED or (status == _IDLE and not scope):
        return ""
    return f"SET LOCAL {SETTING} = '{scope}';"


def _put_before(preamble: str, query: Statement) -> Statement:
    if isinstance(query, str):
        return preamble + query
    if isinstance(query, bytes):
        return preamble.encode() + query
    return sql.Composed([sql.SQL(preamble), query])
