"""Calls that name an `Idempotency-Key`: of one key the first runs, and all others get its answer.

The row is written before the work begins, with a lease: a process that is killed leaves it, and the next try
takes it over when the lease has run out. The answer is kept by a conditional UPDATE, in the transaction of
the work where that is one, so that of two that think they hold the lease only one can commit.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.domain.sealing import SealBroken, seal, unseal
from tenants.errors import Conflict, DomainError
from tenants.models import IdempotentCall
from tenants.scope import current_tenant_id, tenant_scope

KEPT: Final = timedelta(hours=24)
_LOOK_AGAIN_S: Final = 0.1
_FORGOTTEN_AT_ONCE: Final = 1000


class KeyReused(DomainError):
    """The key was used for another request."""

    code = "idempotency_key_reused"


class CallInProgress(Conflict):
    """The first call of this key is at work; asking again after `retry_after` seconds may give its answer."""

    code = "idempotency_in_progress"
    retry_after = 1


@dataclass(frozen=True)
class KeptAnswer:
    """What the first call was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class RunningCall:
    """The right to run the call, until the lease ends."""

    row: int
    key: str = field(repr=False)
    leased_until: datetime


def begin_call(
    *, key: str, fingerprint: str, lease: timedelta, patience_s: float
) -> RunningCall | KeptAnswer:
    """The right to run the call, or the answer of the one that has run.

    fingerprint: of the request. lease: longer than the call takes. patience_s: to wait for one at work.
    Raises `KeyReused`, `CallInProgress`; `Conflict` (`idempotency_answer_lost`) after a change of SECRET_KEY.
    """
    deadline = time.monotonic() + patience_s
    while True:
        found = _claim(key, fingerprint, lease)
        if found is not None:
            return found
        if time.monotonic() >= deadline:
            raise CallInProgress("A call with this Idempotency-Key is at work. Ask again shortly.")
        time.sleep(_LOOK_AGAIN_S)


def keep_answer(call: RunningCall, answer: KeptAnswer) -> bool:
    """Keep the answer for `KEPT`. False when the lease has run out and another call has taken its place."""
    kept = IdempotentCall.objects.filter(pk=call.row, leased_until=call.leased_until, status=None).update(
        status=answer.status,
        headers=dict(answer.headers),
        body=seal(answer.body, phrase=_make_phrase(call.key)),
    )
    return bool(kept)


def give_up_call(call: RunningCall) -> None:
    """Let the next try run: this one came to no answer that is to be kept."""
    IdempotentCall.objects.filter(pk=call.row, leased_until=call.leased_until, status=None).delete()


def forget_old_calls() -> None:
    """Remove what is older than `KEPT`, of all tenants; much of one tenant in several goes."""
    before = timezone.now() - KEPT
    old = IdempotentCall.across_tenants.filter(created_at__lt=before)
    for tenant_id in list(old.order_by("tenant_id").values_list("tenant_id", flat=True).distinct()):
        with tenant_scope(tenant_id), transaction.atomic():
            oldest = IdempotentCall.objects.filter(created_at__lt=before).order_by("created_at").values("pk")
            IdempotentCall.objects.filter(pk__in=oldest[:_FORGOTTEN_AT_ONCE]).delete()


def _claim(key: str, fingerprint: str, lease: timedelta) -> RunningCall | KeptAnswer | None:
    """None while another call is at work."""
    now = timezone.now()
    wanted = {"fingerprint": fingerprint, "leased_until": now + lease}
    try:
        with transaction.atomic():
            row, created = IdempotentCall.objects.select_for_update().get_or_create(
                tenant_id=current_tenant_id(), key=_hash_key(key), defaults=wanted
            )
            if created:
                return RunningCall(row.pk, key, row.leased_until)
            return _look(row, key, fingerprint, lease, now)
    except IntegrityError:
        # Another call came first, and was given up before we could look at it.
        return None


def _look(
    row: IdempotentCall, key: str, fingerprint: str, lease: timedelta, now: datetime
) -> RunningCall | KeptAnswer | None:
    """What a locked row means to a call that comes after it."""
    if row.created_at < now - KEPT:
        return _take_over(row, key, fingerprint, lease, now)
    if row.fingerprint != fingerprint:
        raise KeyReused("This Idempotency-Key was used for another request. Choose a new key for each.")
    if row.status is not None:
        return _read_answer(row, row.status, key)
    return _take_over(row, key, fingerprint, lease, now) if row.leased_until < now else None


def _take_over(
    row: IdempotentCall, key: str, fingerprint: str, lease: timedelta, now: datetime
) -> RunningCall:
    """The row as if it were new."""
    row.fingerprint, row.leased_until, row.created_at = fingerprint, now + lease, now
    row.status, row.headers, row.body = None, {}, b""
    row.save()
    return RunningCall(row.pk, key, row.leased_until)


def _read_answer(row: IdempotentCall, status: int, key: str) -> KeptAnswer:
    try:
        body = unseal(bytes(row.body), phrase=_make_phrase(key))
    except SealBroken as error:
        raise Conflict(
            "The call was made, but its answer cannot be read any more. Look at what it has made.",
            code="idempotency_answer_lost",
        ) from error
    return KeptAnswer(status, row.headers, body)


def _hash_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _make_phrase(key: str) -> str:
    tenant_id: UUID = current_tenant_id()
    return f"idempotent call of {tenant_id}: {key}"
