"""Which calls are taken: as many as the workers answer soon, and of no shop more than its part.

A call that would wait longer than `RECOGNIZE_WAIT_MS` is refused at once, by how long calls took lately: so a
flood costs those who are refused a moment, and those who are taken no more than that wait. Calls are answered
in the order they came, so a shop's part of the queue is its part of the workers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

import redis
from django.conf import settings

from jobs.errors import Unavailable
from jobs.presence import key_of
from jobs.valkey import connect_valkey
from tenants.domain.allowances import recall_allowance
from tenants.domain.quotas import QuotaExceeded
from tenants.domain.recognitions import month_after, month_of, read_recognitions

QUEUE = "recognize"
# Each call from asking to answering, as `<tenant>/<call>`, by when its caller gives up.
IN_FLIGHT = "vitrine:calls"
# Milliseconds that a worker's thread needs for a call, on average lately.
PACE = "vitrine:pace"
# Months of shops whose count PostgreSQL does not know yet.
UNSAVED = "vitrine:recognitions"
_MONTH_LIFE_S = 40 * 86400
# So many calls may wait for each thread, however slow they are: else a thread would run dry between two.
_LEAST_WAITING = 2

_ADMIT = """
local calls, present, pace, month = unpack(KEYS)
local member, tenant = ARGV[1], ARGV[2]
local timeout, most_waiting, patience = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local at_once, a_month, least = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local threads = 0
for _, said in ipairs(redis.call('HVALS', present)) do
  local worker = cjson.decode(said)
  if worker['until'] > now then threads = threads + (worker.facts.threads or 1) end
end
if threads == 0 then return {'workers_away', 0} end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now)
local waiting, spent = most_waiting, tonumber(redis.call('GET', pace) or 0)
if spent > 0 then
  waiting = math.min(waiting, math.max(least * threads, math.floor(patience * threads / spent)))
end
local room = threads + waiting
local mine, others, seen = 0, 0, {}
local members = redis.call('ZRANGE', calls, 0, -1)
for _, call in ipairs(members) do
  local owner = string.match(call, '^[^/]*')
  if owner == tenant then mine = mine + 1
  elseif not seen[owner] then seen[owner] = true; others = others + 1 end
end
if #members >= room then return {'workers_saturated', 0} end
local part = math.max(threads, math.ceil(room * 3 / 4))
if at_once >= 0 then part = at_once end
if others > 0 then part = math.min(part, math.ceil(room / (others + 1))) end
if mine >= part then return {'too_many_at_once', part} end
local used = tonumber(redis.call('GET', month))
if not used then return {'month_unknown', 0} end
if a_month >= 0 and used + mine >= a_month then return {'quota_exceeded', used} end
if member ~= '' then
  redis.call('ZADD', calls, now + timeout, member)
  redis.call('EXPIRE', calls, timeout + 5)
end
return {'admitted', 0}
"""


@dataclass(frozen=True)
class Ticket:
    """A call that asks to be taken; with an empty `call_id`, only whether one would be.

    month: in which it would count.
    """

    tenant_id: UUID
    call_id: str
    month: date


def enquire(tenant_id: UUID) -> Ticket:
    """Whether a call of the shop would be taken now."""
    return Ticket(tenant_id, "", month_of(datetime.now(UTC)))


def queue_admission(pipe: "redis.client.Pipeline", ticket: Ticket) -> None:
    """Ask with the pipeline's next round trip whether the call is taken: `check_admission` reads it."""
    allowance = recall_allowance(ticket.tenant_id)
    pipe.eval(
        _ADMIT,
        4,
        IN_FLIGHT,
        key_of(QUEUE),
        PACE,
        month_key(ticket.tenant_id, ticket.month),
        name_call(ticket.tenant_id, ticket.call_id) if ticket.call_id else "",
        str(ticket.tenant_id),
        settings.RECOGNIZE_TIMEOUT_S,
        settings.RECOGNIZE_QUEUE_LIMIT,
        settings.RECOGNIZE_WAIT_MS,
        _or_none(allowance.recognitions_at_once),
        _or_none(allowance.recognitions_a_month),
        _LEAST_WAITING,
    )


def check_admission(ticket: Ticket, answer: Sequence[bytes | int]) -> bool:
    """Whether the call is taken; False: ask again, the month's count is known now.

    Raises `Unavailable` (no worker, none free soon, the shop has its part) and `QuotaExceeded`.
    """
    verdict, number = answer
    if verdict == b"admitted":
        return True
    if verdict == b"month_unknown":
        seed_month(ticket.tenant_id, ticket.month)
        return False
    raise _refuse(ticket, bytes(verdict).decode() if isinstance(verdict, bytes) else "", number)


def seed_month(tenant_id: UUID, month: date) -> None:
    """Begin counting where PostgreSQL is. Raises `redis.RedisError`."""
    kept = read_recognitions(tenant_id, month)
    connect_valkey().set(month_key(tenant_id, month), kept, nx=True, ex=_MONTH_LIFE_S)


def month_key(tenant_id: UUID, month: date) -> str:
    """Where the shop's answered calls of the month are counted."""
    return f"{UNSAVED}:{name_month(tenant_id, month)}"


def name_month(tenant_id: UUID, month: date) -> str:
    """The shop's month as it stands in `UNSAVED`."""
    return f"{tenant_id}:{month:%Y-%m}"


def name_call(tenant_id: UUID, call_id: str) -> str:
    """The call as it stands in `IN_FLIGHT`."""
    return f"{tenant_id}/{call_id}"


def _or_none(bound: int | None) -> int:
    return -1 if bound is None else bound


def _refuse(ticket: Ticket, verdict: str, number: bytes | int) -> Exception:
    if verdict == "workers_away":
        return Unavailable(
            "No recognition worker is running. Try again shortly.", code=verdict, retry_after=5
        )
    if verdict == "workers_saturated":
        return Unavailable("All recognition workers are busy.", code=verdict, retry_after=1)
    if verdict == "too_many_at_once":
        return Unavailable(
            f"The shop has {int(number)} recognitions under way, its part of the workers. Wait for their"
            " answers.",
            code=verdict,
            retry_after=1,
        )
    bound = recall_allowance(ticket.tenant_id).recognitions_a_month
    return QuotaExceeded(
        f"The shop may have {bound} recognitions a month, and has had {int(number)}; others may be under way."
        f" It gets new ones on {month_after(ticket.month):%Y-%m-%d} (UTC); ask the operator of this service"
        " for more."
    )
