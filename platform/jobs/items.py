"""The rows of an import: each step is a conditional UPDATE, so that a row ends exactly once.

Conditions on the row's own state stand in the UPDATE's own WHERE, never in a subquery alone: PostgreSQL looks
at them again when it had to wait for somebody who changed the row meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from jobs.models import JobItem
from tenants.models import ReferenceImage

_State = JobItem.State
UNFINISHED = (_State.PENDING, _State.STORED)


@dataclass(frozen=True)
class ItemCounts:
    """How many rows of an import there are, and how many of them ended how."""

    total: int
    done: int
    failed: int
    skipped: int

    @property
    def unfinished(self) -> int:
        """Rows that have not ended."""
        return self.total - self.done - self.failed - self.skipped


def items_of(job_id: UUID, state: str | None = None) -> QuerySet[JobItem]:
    """The rows of the import, or those in one state, in the order in which they are read."""
    items = JobItem.objects.filter(job=job_id).order_by("pk")
    return items if state is None else items.filter(state=state)


def count_items(job_id: UUID) -> ItemCounts:
    """The rows of the import by how they ended."""
    counts = dict(items_of(job_id).order_by().values_list("state").annotate(Count("pk")))
    return ItemCounts(
        total=sum(counts.values()),
        done=counts.get(_State.INDEXED, 0) + counts.get(_State.PLANNED, 0),
        failed=counts.get(_State.FAILED, 0),
        skipped=counts.get(_State.DUPLICATE, 0),
    )


def list_in_flight(job_id: UUID) -> QuerySet[JobItem]:
    """Rows whose photos are stored and wait to be indexed."""
    return items_of(job_id, _State.STORED).filter(
        image__state=ReferenceImage.State.PENDING, image__deleted_at=None
    )


def end_items(items: QuerySet[JobItem], *, code: str, message: str) -> int:
    """End those of the rows that have not ended as failed; how many."""
    return items.order_by().filter(state__in=UNFINISHED).update(**describe_failure(code, message))


def describe_failure(code: str, message: str) -> Mapping[str, Any]:
    """The fields of a row that failed."""
    return {"state": _State.FAILED, "code": code, "message": message[:500], "ended_at": timezone.now()}


def settle_items(job_id: UUID) -> int:
    """End the rows whose photos have ended, as those did; how many."""
    stored = items_of(job_id, _State.STORED).order_by()
    images = ReferenceImage.objects.filter(pk=OuterRef("image_id"), deleted_at=None)
    now = timezone.now()
    indexed = stored.filter(Exists(images.filter(state=ReferenceImage.State.INDEXED)))
    failed = images.filter(state=ReferenceImage.State.FAILED)
    return (
        indexed.update(state=_State.INDEXED, ended_at=now)
        + stored.filter(Exists(failed)).update(
            state=_State.FAILED,
            code=Subquery(failed.values("failure_code")),
            message=Subquery(failed.values("failure_message")),
            ended_at=now,
        )
        + stored.filter(~Exists(images)).update(
            **describe_failure("image_deleted", "The photo was deleted before it was indexed.")
        )
    )
