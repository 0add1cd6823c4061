"""A gallery into an archive that an import reads back to the same gallery, in slices of time."""

import json
import re
import time
from uuid import UUID

from django.conf import settings
from django.db import transaction

from jobs.errors import NotDone, Unavailable
from jobs.models import Job
from jobs.progress import report_progress
from retrieval.photos.files import read_file
from tenants.errors import NotFound
from tenants.models import Gallery, Product, ReferenceImage
from transfer.exports.draft import Draft, discard_drafts, open_draft
from transfer.exports.rows import (
    count_failed,
    describe_photo,
    describe_product,
    list_bare_products,
    list_photos,
    name_photo,
    page_through,
)


def run_export(job: Job) -> None:
    """Write the gallery's archive, as an upload whose id the job's result names.

    Killed anywhere, the next run goes on from what was kept last; cancelled or failed, it leaves nothing.
    Photos that could not be indexed are left out (job.skipped), as are those whose file is lost (job.failed).
    Raises `NotFound` for a deleted gallery, `Unavailable`, `NotDone`.
    """
    # With a result the archive was whole before the worker was killed; only the job's end was lost.
    if not job.result:
        try:
            _export(job)
        except (NotDone, Unavailable):
            raise
        except Exception:
            discard_drafts(job)
            raise
    discard_drafts(job, but=job.result["upload"])


def _export(job: Job) -> None:
    gallery = job.gallery
    if gallery is None or gallery.deleted_at:
        raise NotFound("The gallery was deleted meanwhile.", code="gallery_not_found")
    draft = open_draft(job, filename=_name_archive(gallery))
    _add_photos(job, gallery, draft)
    _add_products(job, gallery, draft)
    products = Product.objects.filter(gallery=gallery, deleted_at=None).count()
    draft.finish(_describe_gallery(gallery, photos=job.done, products=products))
    with transaction.atomic():
        report_progress(job, done=job.done)
        draft.archive.finish()
        job.result = {
            "upload": str(draft.archive.upload.pk),
            "filename": draft.archive.upload.filename,
            "size": draft.archive.upload.size,
            "photos": job.done,
            "products": products,
            "failed_photos": job.skipped,
            "lost_photos": job.failed,
        }
        job.save(update_fields=["result"])


def _add_photos(job: Job, gallery: Gallery, draft: Draft) -> None:
    deadline = time.monotonic() + settings.INDEX_SLICE_S
    photos, after = list_photos(gallery), _read_key(job, "photo")
    left = photos.filter(pk__gt=after) if after else photos
    job.total, job.skipped = job.done + job.failed + left.count(), count_failed(gallery)
    for photo in page_through(photos, after=after):
        _add_photo(job, photo, draft)
        late = time.monotonic() > deadline
        if late or draft.is_full():
            draft.keep(photo=str(photo.pk))
        if late:
            raise NotDone
        after = photo.pk
    draft.keep(photo=str(after) if after else None)


def _add_photo(job: Job, photo: ReferenceImage, draft: Draft) -> None:
    row = describe_photo(photo, place=name_photo(photo, number=job.done + job.failed + 1))
    try:
        data = read_file(photo.file)
    except FileNotFoundError:
        # Its product may have no other photo.
        draft.add_product(describe_product(photo.product))
        job.failed += 1
    else:
        draft.add_photo(row, data)
        job.done += 1


def _add_products(job: Job, gallery: Gallery, draft: Draft) -> None:
    after = _read_key(job, "product")
    for product in page_through(list_bare_products(gallery), after=after):
        draft.add_product(describe_product(product))
        after = product.pk
    draft.keep(product=str(after) if after else None)


def _read_key(job: Job, name: str) -> UUID | None:
    said = job.input.get(name)
    return UUID(said) if said else None


def _describe_gallery(gallery: Gallery, *, photos: int, products: int) -> bytes:
    facts = {
        "name": gallery.name,
        "settings": gallery.settings,
        "counts": {"photos": photos, "products": products},
    }
    return json.dumps(facts, ensure_ascii=False, indent=2).encode()


def _name_archive(gallery: Gallery) -> str:
    return f"{re.sub(r'[^0-9A-Za-z_-]+', '-', gallery.name).strip('-') or 'gallery'}.zip"
