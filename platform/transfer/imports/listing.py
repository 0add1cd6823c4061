"""The first phase of an import: every row of the source becomes an item, before any of them is worked on."""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from jobs.errors import NotDone
from jobs.items import describe_failure, items_of
from jobs.models import Job, JobItem
from jobs.progress import report_progress
from tenants.models import Gallery, Product
from transfer.errors import LineProblem, SourceRefused
from transfer.imports.request import ImportRequest
from transfer.imports.rows import make_item
from transfer.imports.standing import MAX_PROBLEMS, add_problems, keep_standing, report_items
from transfer.sources.source import Source, SourceRow

_BATCH = 1000
# A job's lease is renewed for ten minutes; what cannot be listed in that time never is.
_LONGEST_S = 480


def list_source(job: Job, gallery: Gallery, request: ImportRequest, source: Source) -> None:
    """Make the items of the source's rows that are not there yet.

    Raises `NotDone` when the slice is over. The next one skips what is listed, which for a packed archive
    takes as long as listing it did: each slice lasts twice as long as its skipping, so it gets on and takes
    no more than a few times as long in all. Raises `SourceRefused`, also for a source without a usable row.
    """
    if job.result.get("listed"):
        return
    try:
        _list_rows(job, request, source)
        _refuse_unusable(job)
    except SourceRefused as refused:
        keep_standing(job, problems=add_problems(job, refused.problems))
        raise
    with transaction.atomic():
        keep_standing(job, listed=True)
        if request.mode == "create":
            _refuse_existing(job, gallery, request.retry_of)
    report_items(job)


def _list_rows(job: Job, request: ImportRequest, source: Source) -> None:
    started = time.monotonic()
    rows = islice(source.list_rows(), job.result.get("rows", 0), None)
    deadline: float | None = None
    for batch in _take_batches(rows):
        skipping = time.monotonic() - started
        deadline = deadline or started + max(settings.INDEX_SLICE_S, min(2 * skipping, _LONGEST_S))
        with transaction.atomic():
            keep_standing(job, rows=job.result.get("rows", 0) + len(batch))
            made = [make_item(job, row) for row in _pick_rows(batch, request.retry_of)]
            JobItem.objects.bulk_create(made)
            job.total += len(made)
            report_progress(job, done=job.done)
        if skipping > _LONGEST_S:
            raise SourceRefused("The source takes too long to list. Split it into several.")
        if time.monotonic() > deadline:
            raise NotDone


def _take_batches(rows: Iterable[SourceRow]) -> Iterator[list[SourceRow]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _pick_rows(rows: Sequence[SourceRow], retry_of: UUID | None) -> Sequence[SourceRow]:
    """All rows, or in a retry those that failed before."""
    if retry_of is None:
        return rows
    failed = items_of(retry_of, JobItem.State.FAILED).filter(line__in=[row.line for row in rows])
    lines = set(failed.order_by().values_list("line", flat=True))
    return [row for row in rows if row.line in lines]


def _refuse_unusable(job: Job) -> None:
    items = items_of(job.pk)
    if items.filter(state=JobItem.State.PENDING).exists():
        return
    problems = [LineProblem(item.line, item.message) for item in items[:MAX_PROBLEMS]]
    if not problems:
        raise SourceRefused("The source holds no rows.", code="no_usable_rows")
    first = problems[0]
    raise SourceRefused(
        f"No row of the source can be used. Line {first.line}: {first.message}",
        code="no_usable_rows",
        problems=problems,
    )


def _refuse_existing(job: Job, gallery: Gallery, retry_of: UUID | None) -> None:
    """In mode `create`, end the rows of SKUs that the gallery has now, before this import made any.

    In a retry only rows that were ended so the first time: the others' products may be that import's own.
    """
    there = Product.objects.filter(gallery=gallery, deleted_at=None).values("sku")
    rows = _pending(job).filter(sku__in=there)
    if retry_of:
        before = items_of(retry_of, JobItem.State.FAILED).filter(code="sku_exists")
        rows = rows.filter(line__in=before.order_by().values("line"))
    message = "The gallery has a product with this SKU already. Import with mode `upsert` to add to it."
    rows.update(**describe_failure("sku_exists", message))


def _pending(job: Job) -> QuerySet[JobItem]:
    return items_of(job.pk, JobItem.State.PENDING).order_by()
