"""The last phase of an import in mode `replace`: products that no row names are deleted."""

from django.db import transaction

from jobs.dispatch import PURGE_IMAGES, dispatch_on_commit
from jobs.models import Job
from jobs.turn import Turn
from tenants.domain.products import delete_products
from tenants.models import Gallery
from transfer.imports.planning import list_unnamed
from transfer.imports.standing import keep_standing

_BATCH = 500


def retire_products(job: Job, gallery: Gallery, turn: Turn) -> None:
    """Delete them, and count them in the result as `retired`. Raises `NotDone` when the slice is over."""
    while batch := list(list_unnamed(job, gallery)[:_BATCH]):
        turn.check()
        with transaction.atomic():
            retired = job.result.get("retired", 0) + len(batch)
            keep_standing(job, retired=retired)
            delete_products(batch)
            dispatch_on_commit(PURGE_IMAGES, str(job.tenant_id))
    keep_standing(job, retired=job.result.get("retired", 0))
