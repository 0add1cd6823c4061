"""Rows of an import that will not be worked on any more are ended, whatever they waited for."""

import logging
from uuid import UUID

from django.db import transaction

from jobs import items
from jobs.dispatch import PURGE_IMAGES, dispatch_on_commit
from jobs.errors import Unavailable
from jobs.items import count_items, describe_failure, end_items, items_of, list_in_flight, settle_items
from jobs.lookup import UNFINISHED
from jobs.models import Job, JobItem
from tenants.domain.images import delete_images
from tenants.models import ReferenceImage
from tenants.scope import tenant_scope
from transfer.imports.leftovers import remove_leftovers

_log = logging.getLogger(__name__)


def end_rest(job: Job, *, code: str, message: str) -> None:
    """End every row that has not ended: as failed, unless its photo has ended already.

    Photos that still wait to be indexed are deleted. What is done stays. The job's row is locked first, so
    that a worker that still lists or feeds comes before or after, not between; the counts of `job` are set.
    Raises `Unavailable` when a file cannot be deleted; nothing has happened then.
    """
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(pk=job.pk)
        _end_pending(locked, code, message)
        _end_stored(locked, code, message)
        settle_items(job.pk)
        counts = count_items(job.pk)
        job.total, job.done, job.failed, job.skipped = (
            counts.total,
            counts.done,
            counts.failed,
            counts.skipped,
        )
        Job.objects.filter(pk=job.pk).update(
            total=counts.total, done=counts.done, failed=counts.failed, skipped=counts.skipped
        )


def end_abandoned() -> None:
    """End the rows of imports that were ended by somebody who did not, across all tenants.

    A job whose workers were all killed is given up by the sweeper, one of a deleted gallery is cancelled.
    """
    unfinished = JobItem.across_tenants.filter(state__in=items.UNFINISHED).exclude(job__state__in=UNFINISHED)
    for tenant_id, job_id in list(unfinished.values_list("tenant_id", "job_id").distinct()):
        with tenant_scope(tenant_id):
            for job in Job.objects.filter(pk=job_id):
                _try_to_end(job)


def _try_to_end(job: Job) -> None:
    try:
        end_rest(job, code=job.code, message=job.message)
    except Unavailable as away:
        _log.warning("the rows of import %s cannot be ended yet: %s", job.pk, away.message)


def _end_pending(job: Job, code: str, message: str) -> None:
    """A row whose photo is being stored is waited for, and is then no more pending."""
    failure = describe_failure(code, message)
    items_of(job.pk, JobItem.State.PENDING).order_by().update(**failure)
    if job.gallery is not None:
        ended = items_of(job.pk, JobItem.State.FAILED).filter(ended_at=failure["ended_at"])
        remove_leftovers(job.gallery, ended.filter(attempts__gt=0))


def _end_stored(job: Job, code: str, message: str) -> None:
    waiting = ReferenceImage.objects.filter(pk__in=list_in_flight(job.pk).values("image"))
    locked = waiting.filter(state=ReferenceImage.State.PENDING, deleted_at=None)
    keys: list[UUID] = [image.pk for image in locked.order_by("pk").select_for_update()]
    delete_images(keys)
    end_items(items_of(job.pk, JobItem.State.STORED).filter(image__in=keys), code=code, message=message)
    if keys:
        dispatch_on_commit(PURGE_IMAGES, str(job.tenant_id))
