"""Answered recognitions of each shop, by month: counted in Valkey as they are answered, kept in PostgreSQL.

Each answer is counted once, in the step that hands it over (jobs.calls): a worker that dies before has
counted nothing. PostgreSQL learns of it some seconds later; should Valkey lose its data, it tells where to go
on.
"""

import logging
from datetime import UTC, date, datetime
from uuid import UUID

import redis

from jobs.admission import UNSAVED, month_key
from jobs.valkey import connect_valkey
from tenants.domain.recognitions import keep_recognitions, month_of, read_recognitions

_log = logging.getLogger(__name__)

_FORGET = """
if (redis.call('GET', KEYS[2]) or '') == ARGV[2] then redis.call('SREM', KEYS[1], ARGV[1]) end
"""


def count_recognitions(tenant_id: UUID) -> int:
    """The shop's answered recognitions of this month; with Valkey away, as they were some seconds before."""
    month = month_of(datetime.now(UTC))
    try:
        counted = connect_valkey().get(month_key(tenant_id, month))
    except redis.RedisError as error:
        _log.warning("cannot ask for the newest count of recognitions: %s", error)
        counted = None
    return read_recognitions(tenant_id, month) if counted is None else int(counted)


def save_recognitions() -> None:
    """Let PostgreSQL know what changed. Killed half-way, a shop is saved with its next answer."""
    client = connect_valkey()
    try:
        for name in client.smembers(UNSAVED):
            _save(client, name.decode() if isinstance(name, bytes) else name)
    except redis.RedisError as error:
        # Nothing is answered meanwhile, either.
        _log.warning("cannot save the counts of recognitions: %s", error)


def _save(client: "redis.Redis", name: str) -> None:
    tenant, _, said = name.partition(":")
    tenant_id, month = UUID(tenant), date.fromisoformat(f"{said}-01")
    counted = client.get(month_key(tenant_id, month))
    if counted is not None:
        kept = keep_recognitions(tenant_id=tenant_id, month=month, count=int(counted))
        if kept > int(counted):
            # Valkey came back with older data than PostgreSQL has.
            client.incrby(month_key(tenant_id, month), kept - int(counted))
    # Only if nothing was answered since: else it is to be saved once more.
    _forget_unchanged(client, name, month_key(tenant_id, month), counted)


def _forget_unchanged(client: "redis.Redis", name: str, key: str, counted: bytes | str | None) -> None:
    client.eval(_FORGET, 2, UNSAVED, key, name, "" if counted is None else counted)
