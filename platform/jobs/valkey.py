"""The connection pools to Valkey that calls and presence share in a process."""

from functools import cache
from uuid import UUID

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.errors import Unavailable

_TIMEOUT_S = 3


@cache
def connect_valkey(*, patience_s: int = 0, timeout_s: float = _TIMEOUT_S) -> "redis.Redis":
    """A thread-safe client; commands fail within seconds when the server is away, or says nothing.

    patience_s: how long a blocking read of this client may last on the server. timeout_s: how long any other.
    """
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=min(2, timeout_s),
        socket_timeout=patience_s + timeout_s,
        # A connection that broke while it was idle is made again; one that says nothing is not asked twice.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        health_check_interval=30,
    )


def forget_tenant(tenant_id: UUID) -> None:
    """Delete every key that names the tenant. Raises `Unavailable`."""
    client = connect_valkey()
    try:
        for key in client.scan_iter(f"vitrine:*{tenant_id}*", count=1000):
            client.delete(key)
    except redis.RedisError as error:
        raise Unavailable(
            "The broker is away. Try again shortly.", code="broker_away", retry_after=5
        ) from error
