"""Rows of an import as its engine leaves them, for tests of what becomes of their photos."""

import io
from typing import Any

from PIL import Image

from jobs.models import Job, JobItem
from tenants.models import ReferenceImage
from tests.api.photos import draw_photo
from tests.retrieval.shelf import Shelf


def make_import(shelf: Shelf, *, near_duplicates: int | None = 2) -> Job:
    """An import of the gallery, which nobody is asked to run."""
    given: dict[str, Any] = {"near_duplicates": near_duplicates}
    return Job.objects.create(
        tenant=shelf.tenant, gallery=shelf.gallery, kind=Job.Kind.IMPORT, trigger="test", input=given
    )


def add_items(job: Job, images: list[ReferenceImage]) -> list[JobItem]:
    """A row for each photo, which waits for it to be indexed."""
    first = job.items.count() + 1
    return JobItem.objects.bulk_create(
        JobItem(tenant_id=job.tenant_id, job=job, line=line, image=image, state=JobItem.State.STORED)
        for line, image in enumerate(images, start=first)
    )


def draw_copy(seed: int, *, side: int) -> bytes:
    """The photo of this seed in another size: other bytes, the same look."""
    photo = Image.open(io.BytesIO(draw_photo(seed)))
    buffer = io.BytesIO()
    photo.resize((side, side), Image.Resampling.LANCZOS).save(buffer, "PNG")
    return buffer.getvalue()
