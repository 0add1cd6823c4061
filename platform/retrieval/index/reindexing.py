"""A gallery's next index: filled beside the one that is searched, compared, and only then searched itself."""

from collections.abc import Sequence
from functools import partial

from django.db import transaction

from jobs.dispatch import INDEX_IMAGES, dispatch_on_commit
from jobs.events import emit_event
from jobs.models import Job
from jobs.progress import hold_job, report_progress
from retrieval.index.embedding import embed_gallery
from retrieval.index.generations import begin_generation, drop_collections, go_live, wanted_settings
from retrieval.index.raw_vectors import list_regions
from retrieval.index.reconciling import compare_index, mend_index
from retrieval.index.rows import list_embedders, list_searched, space_of
from retrieval.index.store import connect_store
from retrieval.quality.exemplars import ensure_exemplar_vectors
from retrieval.quality.translating import compare_scales, move_thresholds
from tenants.errors import DomainError
from tenants.models import Gallery, ReferenceImage, VectorIndex, WebhookEndpoint

_PASSES = 5
_SEAL_AT = 10_000


class IndexIncomplete(DomainError):
    """The new index still differs from PostgreSQL after several passes; the old one stays in use."""

    code = "index_incomplete"


def build_index(job: Job) -> None:
    """Fill a new generation from PostgreSQL (from stored files for a model that is new) and go over to it.

    job.input: `asked` (fit although the gallery is small), `reuse` (keep what was fitted). Killed anywhere, a
    second run goes on with what is there; the old index is searched until the new one is whole. Cancelled at
    any moment, it does not go over (retrieval.index.cancelling).
    """
    gallery = job.gallery
    # With a result it went over before it was killed; only its end was lost.
    if gallery is None or gallery.deleted_at or job.result:
        return
    try:
        _build(job, gallery)
    except Exception:
        # A gallery that was deleted meanwhile takes every step's ground away, whichever came next.
        if not _is_gone(gallery):
            raise
        # The job that deletes it may have looked before there were these collections.
        drop_collections(gallery)


def _build(job: Job, gallery: Gallery) -> None:
    wanted = wanted_settings(gallery)
    embed_gallery(gallery, wanted.embedders, tell=partial(_tell, job))
    report_progress(job, done=job.done)
    indexes = begin_generation(
        gallery, asked=job.input.get("asked", False), reuse=job.input.get("reuse", False)
    )
    for index in indexes:
        connect_store().ensure_collection(space_of(index))
    # Photos that were indexed before the rows above were there, and after the first look.
    embed_gallery(gallery, list_embedders(indexes), tell=lambda _done, _total: None)
    for index in indexes:
        _fill(job, index)
    _go_over(job, gallery, indexes)


def _tell(job: Job, done: int, total: int) -> None:
    job.done, job.total = done, total
    report_progress(job, done=done)


def _fill(job: Job, index: VectorIndex) -> None:
    """Compare and mend until nothing differs; the comparison is what shows that the index is whole."""
    for _ in range(_PASSES):
        report_progress(job, done=job.done)
        drift = compare_index(index, thorough=True)
        if not drift:
            _seal(index)
            return
        mend_index(index, drift)
    raise IndexIncomplete(
        "The new index does not come to hold what the gallery holds. The old one stays in use. Try again."
    )


def _seal(index: VectorIndex) -> None:
    """Have a large collection searched by its index from its first day; small ones are as fast without."""
    if len(list_regions(index.gallery_id, index.embedders)) >= _SEAL_AT:
        connect_store().seal(space_of(index))


def _go_over(job: Job, gallery: Gallery, indexes: Sequence[VectorIndex]) -> None:
    gallery.refresh_from_db()
    ensure_exemplar_vectors(gallery, list_embedders(indexes))
    translation = compare_scales(gallery, list_searched(gallery), indexes)
    job.result = {
        "generation": indexes[0].generation,
        "indexes": [_describe(index) for index in indexes],
        "images": _count_indexed(gallery),
    }
    with transaction.atomic():
        hold_job(job)
        go_live(gallery, indexes)
        if translation:
            job.result["thresholds"] = move_thresholds(Gallery.objects.get(pk=gallery.pk), translation)
        Gallery.objects.filter(pk=gallery.pk).update(state=Gallery.State.READY)
        job.save(update_fields=["result"])
        emit_event(
            WebhookEndpoint.Event.GALLERY_REINDEXED,
            {"gallery": str(gallery.pk), "job": str(job.pk), "trigger": job.trigger, **job.result},
        )
        dispatch_on_commit(INDEX_IMAGES, str(gallery.tenant_id))


def _is_gone(gallery: Gallery) -> bool:
    return not Gallery.objects.filter(pk=gallery.pk, deleted_at=None).exists()


def _count_indexed(gallery: Gallery) -> int:
    return ReferenceImage.objects.filter(
        gallery=gallery, state=ReferenceImage.State.INDEXED, deleted_at=None
    ).count()


def _describe(index: VectorIndex) -> dict[str, object]:
    return {
        "model": index.model,
        "stored": index.stored,
        "dim": index.dim,
        "projected": index.projection_id is not None,
        "binarizer": index.rotation.method if index.rotation else None,
    }
