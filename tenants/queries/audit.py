"""The audit log of a shop, as it is read and taken along."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet

from tenants.models import AuditEvent

COLUMNS: Final = (
    "id",
    "at",
    "actor",
    "actor_id",
    "actor_name",
    "address",
    "request_id",
    "action",
    "object",
    "before",
    "after",
)


def list_audit_events(
    *,
    action: str | None = None,
    actor: str | None = None,
    object_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEvent]:
    """The changes of the tenant that is set, those asked for. actor: an id, or a kind of actor.

    since, until: from then on, and before then.
    """
    wanted: Mapping[str, Any] = {"action": action, "object_id": object_id, "at__gte": since, "at__lt": until}
    events = AuditEvent.objects.filter(**{name: value for name, value in wanted.items() if value is not None})
    return events if actor is None else events.filter(Q(actor_id=actor) | Q(actor=actor))


def describe_events(events: Iterable[AuditEvent]) -> Iterator[list[Any]]:
    """The events as rows of a table with these `COLUMNS`; before and after as JSON, empty for none."""
    for event in events:
        yield [
            event.pk,
            event.at.isoformat(),
            event.actor,
            event.actor_id,
            event.actor_name,
            event.address or "",
            event.request_id,
            event.action,
            event.object_id,
            _write_json(event.before),
            _write_json(event.after),
        ]


def _write_json(value: Mapping[str, Any] | None) -> str:
    return "" if value is None else json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
