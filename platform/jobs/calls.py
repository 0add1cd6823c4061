"""Calls that a worker answers within the request: ask, wait, get the answer or a clear refusal.

The photo travels beside the task, in a key that fades, so that the broker's messages stay small; the answer
comes back through a list made for this call. Nothing is kept once the caller has gone.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from config.log import request_id
from jobs.admission import (
    IN_FLIGHT,
    PACE,
    QUEUE,
    UNSAVED,
    Ticket,
    check_admission,
    month_key,
    name_call,
    name_month,
    queue_admission,
)
from jobs.errors import CallRefused, Unavailable
from jobs.valkey import connect_valkey
from tenants.domain.quotas import QuotaExceeded
from tenants.domain.recognitions import month_of
from tenants.errors import NotFound
from tenants.models.identifiers import new_id

_GRACE_S = 5

# Hands the reply over. An answer that is still waited for counts in the shop's month, and tells how long it
# took: in one step, so that each counts once, whoever is killed, and none that nobody waited for.
_REPLY = """
local reply, calls, pace, month, unsaved = unpack(KEYS)
redis.call('RPUSH', reply, ARGV[1])
redis.call('EXPIRE', reply, ARGV[2])
if redis.call('ZREM', calls, ARGV[3]) == 0 or ARGV[4] == '' then return end
local spent, before = tonumber(ARGV[4]), tonumber(redis.call('GET', pace))
redis.call('SET', pace, before and before + 0.1 * (spent - before) or spent, 'EX', 3600)
if redis.call('EXISTS', month) == 1 then
  redis.call('INCR', month)
  redis.call('SADD', unsaved, ARGV[5])
end
"""


@dataclass(frozen=True)
class Call:
    """One question to a worker, as the worker reads it."""

    id: str
    tenant_id: UUID
    arguments: dict[str, Any]
    photo: bytes
    # Seconds of this process's clock.
    taken_at: float = field(default_factory=time.monotonic)


def ask_worker(*, task: str, tenant_id: UUID, arguments: dict[str, Any], photo: bytes) -> dict[str, Any]:
    """The worker's answer, within `RECOGNIZE_TIMEOUT_S`.

    Raises `Unavailable` (no worker, all busy, the shop has its part of them, no answer in time, Valkey away),
    `QuotaExceeded` and `CallRefused`.
    """
    try:
        call_id = str(new_id())
        _enter_call(call_id, tenant_id, photo)
        _send_call(call_id, task, tenant_id, arguments)
        return _await_answer(tenant_id, call_id)
    except (redis.RedisError, OperationalError) as error:
        raise Unavailable(
            "The broker is away. Try again shortly.", code="broker_away", retry_after=5
        ) from error


def count_calls() -> int:
    """Calls that somebody waits for, queued or at work. Raises `redis.RedisError` when Valkey is away."""
    return int(connect_valkey().zcount(IN_FLIGHT, time.time(), "+inf"))


def receive_call(*, call_id: str, tenant_id: str, arguments: dict[str, Any]) -> Call | None:
    """The call with its photo, or None when the caller has given up and the photo has faded."""
    photo = connect_valkey().getdel(_photo_key(call_id))
    if not isinstance(photo, bytes):
        return None
    return Call(
        id=call_id,
        tenant_id=UUID(tenant_id),
        arguments=arguments,
        photo=photo,
    )


def answer_call(call: Call, answer: dict[str, Any]) -> None:
    """Give the caller its answer."""
    spent_ms = (time.monotonic() - call.taken_at) * 1000
    _push_reply(call, {"answer": answer}, spent_ms=f"{spent_ms:.1f}")


def refuse_call(call: Call, *, code: str, message: str, retry_after: int | None = None) -> None:
    """Tell the caller why not."""
    _push_reply(call, {"refusal": {"code": code, "message": message, "retry_after": retry_after}})


def _enter_call(call_id: str, tenant_id: UUID, photo: bytes) -> None:
    """Have the call taken, and its photo, in one round trip; the photo of one that is not goes at once."""
    ticket = Ticket(tenant_id, call_id, _month_of_call(call_id))
    taken = False
    while not taken:
        with connect_valkey().pipeline() as pipe:
            queue_admission(pipe, ticket)
            pipe.set(_photo_key(call_id), photo, ex=settings.RECOGNIZE_TIMEOUT_S + _GRACE_S)
            verdict = pipe.execute()[0]
        try:
            taken = check_admission(ticket, verdict)
        except (Unavailable, QuotaExceeded):
            connect_valkey().delete(_photo_key(call_id))
            raise


def _send_call(call_id: str, task: str, tenant_id: UUID, arguments: dict[str, Any]) -> None:
    current_app.send_task(
        task,
        args=(call_id, str(tenant_id), arguments, request_id.get()),
        queue=QUEUE,
        expires=settings.RECOGNIZE_TIMEOUT_S,
        ignore_result=True,
    )


def _await_answer(tenant_id: UUID, call_id: str) -> dict[str, Any]:
    started = time.monotonic()
    timeout = settings.RECOGNIZE_TIMEOUT_S
    reply = connect_valkey(patience_s=timeout).blpop([_reply_key(call_id)], timeout=timeout)
    if reply is None:
        _forget_call(tenant_id, call_id)
        waited = time.monotonic() - started
        raise Unavailable(
            f"No worker answered within {waited:.0f} seconds.", code="recognition_timeout", retry_after=2
        )
    return _read_reply(json.loads(reply[1]))


def _read_reply(reply: dict[str, Any]) -> dict[str, Any]:
    if "answer" in reply:
        answer: dict[str, Any] = reply["answer"]
        return answer
    refusal = reply["refusal"]
    if refusal["retry_after"]:
        raise Unavailable(refusal["message"], code=refusal["code"], retry_after=refusal["retry_after"])
    if refusal["code"].endswith("_not_found"):
        raise NotFound(refusal["message"], code=refusal["code"])
    raise CallRefused(refusal["message"], code=refusal["code"])


def _push_reply(call: Call, reply: dict[str, Any], *, spent_ms: str = "") -> None:
    """spent_ms: of an answer, which counts; empty of a refusal."""
    month = _month_of_call(call.id)
    keys = (_reply_key(call.id), IN_FLIGHT, PACE, month_key(call.tenant_id, month), UNSAVED)
    connect_valkey().eval(
        _REPLY,
        len(keys),
        *keys,
        json.dumps(reply),
        _GRACE_S,
        name_call(call.tenant_id, call.id),
        spent_ms,
        name_month(call.tenant_id, month),
    )


def _forget_call(tenant_id: UUID, call_id: str) -> None:
    with connect_valkey().pipeline() as pipe:
        pipe.delete(_photo_key(call_id))
        pipe.zrem(IN_FLIGHT, name_call(tenant_id, call_id))
        pipe.execute()


def _month_of_call(call_id: str) -> date:
    """The month in which it was asked, as its UUIDv7 tells: a call counts where it was taken."""
    return month_of(datetime.fromtimestamp((UUID(call_id).int >> 80) / 1000, UTC))


def _photo_key(call_id: str) -> str:
    return f"vitrine:photo:{call_id}"


def _reply_key(call_id: str) -> str:
    return f"vitrine:reply:{call_id}"
