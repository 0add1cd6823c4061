"""Measurements of a gallery, kept with what they were measured on."""

from typing import Any, TypeVar

from django.db import transaction

from jobs.models import Job
from jobs.progress import hold_job
from retrieval.index.gallery_index import GalleryIndex
from retrieval.settings.gallery import GallerySettings
from tenants.models import Gallery
from tenants.models.measurement import Measurement

M = TypeVar("M", bound=Measurement)


def keep_measurement(
    kind: type[M], job: Job, index: GalleryIndex, settings: GallerySettings, **found: Any
) -> M | None:
    """Store what the job has found on the index with these settings; None for a gallery deleted meanwhile.

    Raises `JobCancelled`.
    """
    with transaction.atomic():
        hold_job(job)
        gallery = Gallery.objects.select_for_update().filter(pk=index.gallery.pk, deleted_at=None).first()
        if gallery is None:
            return None
        return kind.objects.create(
            tenant_id=gallery.tenant_id,
            gallery=gallery,
            generation=index.generation,
            embedders=list(index.embedders),
            settings=settings.as_dict(),
            **found,
        )
