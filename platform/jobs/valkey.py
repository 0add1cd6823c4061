"""The one connection pool to Valkey that calls and presence share in a process."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


@cache
def connect_valkey() -> "redis.Redis":
    """A thread-safe client; commands fail within seconds when the server is away."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=2,
        # Longer than any blocking read of a reply, which has its own time limit on the server.
        socket_timeout=settings.RECOGNIZE_TIMEOUT_S + 5,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
    )
