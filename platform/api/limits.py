"""How many calls a shop and its keys may make: taken from buckets at each call, and told in headers.

`RateLimit-Policy` and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers-10 (structured fields,
RFC 9651). While Valkey is away calls are not counted and go on: those that need it fail by themselves.
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import redis
from django.conf import settings

from jobs.admission import check_admission, enquire, queue_admission
from jobs.buckets import Bucket, Level, Taken, queue_take, read_taken, size_bucket
from jobs.errors import Unavailable
from jobs.valkey import connect_valkey
from tenants.domain.allowances import recall_allowance
from tenants.errors import DomainError
from tenants.models import ApiKey

_TIMEOUT_S = 0.5
_PAUSE_S = 1.0
_log = logging.getLogger(__name__)


class RateLimited(Unavailable):
    """The shop or its key has made too many calls."""


@dataclass(frozen=True)
class Counted:
    """What goes with the call's answer, whatever that is, and why the call is refused; None: it is not."""

    headers: Mapping[str, str] = field(default_factory=dict)
    refusal: DomainError | None = None


class Pause:
    """Nobody waits for Valkey here for a second after it was found to be away."""

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether it lasts still."""
        return time.monotonic() < self._until

    def begin(self) -> None:
        """Let it begin now."""
        self._until = time.monotonic() + _PAUSE_S


_pause = Pause()


def count_call(key: ApiKey, *, wants_worker: bool = False) -> Counted:
    """Take a token from the shop's bucket and the key's, in one round trip.

    wants_worker: in the same round trip look whether a worker would take the call, so that one that none
    would is refused before its photo is read.
    """
    buckets = _choose_buckets(key)
    if _pause.is_on or not (buckets or wants_worker):
        return Counted()
    try:
        return _count(buckets, key.tenant_id if wants_worker else None)
    except redis.RedisError as error:
        _pause.begin()
        _log.warning("calls are not limited while Valkey is away: %s", error)
        return Counted()


def _count(buckets: Sequence[Bucket], caller: UUID | None) -> Counted:
    """caller: the shop that wants a worker."""
    ticket = None if caller is None else enquire(caller)
    with connect_valkey(timeout_s=_TIMEOUT_S).pipeline(transaction=False) as pipe:
        if buckets:
            queue_take(pipe, buckets)
        if ticket:
            queue_admission(pipe, ticket)
        answers = pipe.execute()
    taken = read_taken(buckets, answers[0]) if buckets else None
    headers = _describe(taken) if taken else {}
    if taken and taken.refused:
        return Counted(headers, _refuse(taken))
    try:
        if ticket:
            check_admission(ticket, answers[-1])
    except DomainError as refused:
        # With no worker there is nothing to be kept free, and what is wrong with the call can be said.
        if refused.code != "workers_away":
            return Counted(headers, refused)
    return Counted(headers)


def _choose_buckets(key: ApiKey) -> list[Bucket]:
    a_minute = recall_allowance(key.tenant_id).calls_a_minute
    if a_minute is None:
        return []
    of_key = a_minute * settings.RATE_LIMIT_KEY_PERCENT / 100
    # Each names the tenant, with which its keys go (jobs.valkey.forget_tenant).
    return [
        size_bucket("key", f"{key.tenant_id}:{key.pk}", a_minute=of_key, burst_s=settings.RATE_LIMIT_BURST_S),
        size_bucket("tenant", str(key.tenant_id), a_minute=a_minute, burst_s=settings.RATE_LIMIT_BURST_S),
    ]


def _describe(taken: Taken) -> dict[str, str]:
    return {
        "RateLimit-Policy": ", ".join(_describe_policy(level.bucket) for level in taken.levels),
        "RateLimit": ", ".join(_describe_level(level) for level in taken.levels),
    }


def _describe_policy(bucket: Bucket) -> str:
    return f'"{bucket.name}";q={bucket.size};w={bucket.window_s}'


def _describe_level(level: Level) -> str:
    return f'"{level.bucket.name}";r={level.tokens};t={level.full_in_s}'


def _refuse(taken: Taken) -> RateLimited:
    empty = min(taken.levels, key=lambda level: level.tokens).bucket
    whose = "This key" if empty.name == "key" else "The shop"
    return RateLimited(
        f"{whose} may make {empty.size} calls in {empty.window_s} s, and has. Send fewer, or ask the operator"
        " of this service for more.",
        code="rate_limited",
        retry_after=math.ceil(taken.wait_s),
    )


def describe_limit_headers() -> dict[str, Any]:
    """The headers as OpenAPI says them."""
    text = {"type": "string"}
    return {
        "RateLimit-Policy": {
            "description": "The limits on calls: `q` calls in `w` seconds, of the key and of the shop.",
            "schema": text,
            "example": '"key";q=3000;w=60, "tenant";q=6000;w=60',
        },
        "RateLimit": {
            "description": "What is left: `r` calls now; `t` seconds until all of them are back.",
            "schema": text,
            "example": '"key";r=2999;t=1, "tenant";r=5999;t=1',
        },
    }
