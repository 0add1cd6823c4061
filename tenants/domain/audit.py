"""The audit log: who changed what, from where, before and after. Written with the change, or not at all."""

import getpass
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.transaction import TransactionManagementError

from config.log import request_id
from tenants.models import AuditEvent
from tenants.scope import current_tenant_id


@dataclass(frozen=True)
class Actor:
    """Who does something. id and name are those of the key or the user; address: the caller's, None for none.

    kind: `key`, `user`, `operator` (somebody at the command line) or `system` (the service itself).
    """

    kind: AuditEvent.Actor
    id: str = ""
    name: str = ""
    address: str | None = None


SYSTEM = Actor(AuditEvent.Actor.SYSTEM)
_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Run the block on behalf of this actor, and restore whoever was set before."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> Actor:
    """On whose behalf the code runs; the service itself when nobody was named."""
    return _actor.get()


def name_operator() -> Actor:
    """Whoever runs a command on this machine, by the name that the system knows."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container's user need not have a name.
        name = f"uid {os.getuid()}"
    return Actor(AuditEvent.Actor.OPERATOR, name=name)


def find_actor(*, action: str, object_id: UUID | str) -> Actor:
    """Who did this to the object first, for work done later on their behalf; else the service itself."""
    events = AuditEvent.objects.filter(object_id=str(object_id), action=action).order_by("pk")
    event = events.first()
    if event is None:
        return SYSTEM
    kind = AuditEvent.Actor(event.actor)
    return Actor(kind, id=event.actor_id, name=event.actor_name, address=event.address)


def record_change(
    *,
    action: str,
    object_id: UUID | str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Write down a change of the tenant that is set, in the transaction that makes it.

    action: `<noun>.<verb in the past>`. before is None for what is new, after for what is gone; of what was
    changed only the fields that differ are kept, and where none does nothing is written. Neither may hold a
    secret (see `describe_row`). Raises `TransactionManagementError` outside of a transaction, as the event
    must come to be exactly when the change does.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError(f"{action} is to be recorded in the transaction that does it.")
    if before is not None and after is not None:
        before, after = _keep_differing(before, after)
        if not before and not after:
            return
    actor = current_actor()
    request = request_id.get()
    AuditEvent.objects.create(
        tenant_id=current_tenant_id(),
        actor=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        address=actor.address,
        request_id="" if request == "-" else request,
        action=action,
        object_id=str(object_id),
        before=before,
        after=after,
    )


def _keep_differing(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    same = {name for name in before.keys() & after.keys() if before[name] == after[name]}
    return (
        {name: value for name, value in before.items() if name not in same},
        {name: value for name, value in after.items() if name not in same},
    )
