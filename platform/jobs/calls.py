"""Calls that a worker answers within the request: ask, wait, get the answer or a clear refusal.

The photo travels beside the task, in a key that fades, so that the broker's messages stay small; the answer
comes back through a list made for this call. Nothing is kept once the caller has gone.
"""

import json
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from config.log import request_id
from jobs.errors import CallRefused, Unavailable
from jobs.presence import list_workers
from jobs.valkey import connect_valkey
from tenants.errors import NotFound
from tenants.models.identifiers import new_id

QUEUE = "recognize"
_GRACE_S = 5
# Each call from asking to answering, by when its caller gives up.
_IN_FLIGHT = "vitrine:calls"


@dataclass(frozen=True)
class Call:
    """One question to a worker, as the worker reads it."""

    id: str
    tenant_id: UUID
    arguments: dict[str, Any]
    photo: bytes


def ask_worker(*, task: str, tenant_id: UUID, arguments: dict[str, Any], photo: bytes) -> dict[str, Any]:
    """The worker's answer, within `RECOGNIZE_TIMEOUT_S`.

    Raises `Unavailable` (no worker, all busy, no answer in time, Valkey away) and `CallRefused`.
    """
    try:
        _refuse_when_hopeless()
        call_id = str(new_id())
        _send_call(call_id, task, tenant_id, arguments, photo)
        return _await_answer(call_id)
    except (redis.RedisError, OperationalError) as error:
        raise Unavailable(
            "The broker is away. Try again shortly.", code="broker_away", retry_after=5
        ) from error


def count_calls() -> int:
    """Calls that somebody waits for, queued or at work. Raises `redis.RedisError` when Valkey is away."""
    return int(connect_valkey().zcount(_IN_FLIGHT, time.time(), "+inf"))


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
    _push_reply(call, {"answer": answer})


def refuse_call(call: Call, *, code: str, message: str, retry_after: int | None = None) -> None:
    """Tell the caller why not."""
    _push_reply(call, {"refusal": {"code": code, "message": message, "retry_after": retry_after}})


def _refuse_when_hopeless() -> None:
    """Answer early rather than let a caller wait for workers that are away or hopelessly behind."""
    if not list_workers(QUEUE):
        raise Unavailable(
            "No recognition worker is running. Try again shortly.", code="workers_away", retry_after=5
        )
    if int(connect_valkey().llen(QUEUE)) >= settings.RECOGNIZE_QUEUE_LIMIT:
        raise Unavailable("All recognition workers are busy.", code="workers_saturated", retry_after=1)


def _send_call(call_id: str, task: str, tenant_id: UUID, arguments: dict[str, Any], photo: bytes) -> None:
    timeout = settings.RECOGNIZE_TIMEOUT_S
    with connect_valkey().pipeline() as pipe:
        pipe.set(_photo_key(call_id), photo, ex=timeout + _GRACE_S)
        pipe.zremrangebyscore(_IN_FLIGHT, "-inf", time.time())
        pipe.zadd(_IN_FLIGHT, {call_id: time.time() + timeout})
        pipe.expire(_IN_FLIGHT, timeout + _GRACE_S)
        pipe.execute()
    current_app.send_task(
        task,
        args=(call_id, str(tenant_id), arguments, request_id.get()),
        queue=QUEUE,
        expires=timeout,
        ignore_result=True,
    )


def _await_answer(call_id: str) -> dict[str, Any]:
    started = time.monotonic()
    timeout = settings.RECOGNIZE_TIMEOUT_S
    reply = connect_valkey(patience_s=timeout).blpop([_reply_key(call_id)], timeout=timeout)
    if reply is None:
        _forget_call(call_id)
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


def _push_reply(call: Call, reply: dict[str, Any]) -> None:
    with connect_valkey().pipeline() as pipe:
        pipe.rpush(_reply_key(call.id), json.dumps(reply))
        pipe.expire(_reply_key(call.id), _GRACE_S)
        pipe.zrem(_IN_FLIGHT, call.id)
        pipe.execute()


def _forget_call(call_id: str) -> None:
    with connect_valkey().pipeline() as pipe:
        pipe.delete(_photo_key(call_id))
        pipe.zrem(_IN_FLIGHT, call_id)
        pipe.execute()


def _photo_key(call_id: str) -> str:
    return f"vitrine:photo:{call_id}"


def _reply_key(call_id: str) -> str:
    return f"vitrine:reply:{call_id}"
