"""Rows of an import without a photo: they have ended once their product is stored."""

from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from jobs.items import items_of
from jobs.models import Job, JobItem
from jobs.turn import Turn
from tenants.models import Gallery, Product
from transfer.imports.standing import keep_standing
from transfer.imports.storing import describe_orphan

_BATCH = 1000


def end_bare_rows(job: Job, gallery: Gallery, turn: Turn) -> None:
    """End them as indexed, with no image; as failed where somebody has deleted the product meanwhile.

    After the styles are linked, so that a row that is cancelled before that can be retried. Raises `NotDone`
    when the slice is over.
    """
    bare = items_of(job.pk, JobItem.State.PENDING).filter(place="")
    live = Product.objects.filter(gallery=gallery, deleted_at=None, sku=OuterRef("sku"))
    while not job.result.get("bare_ended"):
        turn.check()
        # Not from the first row each time: there may be hundreds of thousands with photos before.
        rest = bare.filter(pk__gt=UUID(job.result["bare_after"])) if "bare_after" in job.result else bare
        keys = list(rest.values_list("pk", flat=True)[:_BATCH])
        with transaction.atomic():
            if not keys:
                keep_standing(job, bare_ended=True)
                return
            keep_standing(job, bare_after=str(keys[-1]))
            rows = JobItem.objects.filter(pk__in=keys, state=JobItem.State.PENDING)
            rows.filter(Exists(live)).update(state=JobItem.State.INDEXED, ended_at=timezone.now())
            rows.update(**describe_orphan())
