"""An import from its request to its end, in slices. Killed anywhere, the next slice goes on.

Its phases: list the rows of the source, store the products that they name, link the styles, end the rows
that have no photo, feed the photos and see them indexed, and in mode `replace` retire the products that no
row names.
"""

from django.db import InterfaceError, OperationalError

from jobs.errors import JobCancelled, NotDone, Unavailable
from jobs.items import items_of, settle_items
from jobs.models import Job, JobItem
from jobs.turn import Turn
from retrieval.photos.indexing import index_pending
from retrieval.photos.leases import list_free
from tenants.errors import Conflict, DomainError
from tenants.models import Gallery
from transfer.imports.bare import end_bare_rows
from transfer.imports.ending import end_rest
from transfer.imports.feeder import Feeder
from transfer.imports.listing import list_source
from transfer.imports.planning import plan_import
from transfer.imports.products import link_styles, store_products
from transfer.imports.request import ImportRequest
from transfer.imports.retiring import retire_products
from transfer.imports.standing import drop_marks, report_items
from transfer.sources.opening import open_source
from transfer.sources.source import Source

_LOOK_AGAIN_S = 1.0


def run_import(job: Job) -> None:
    """Work on the import for a slice of time; its rows are ended before the job is, whichever way.

    Raises `NotDone` when there is more to do; `Unavailable` when a server is away, and then nothing is lost;
    any other `DomainError` when the import as a whole cannot be done.
    """
    try:
        _run_slice(job, ImportRequest.parse(job.input))
    except (NotDone, Unavailable, OperationalError, InterfaceError):
        raise
    except JobCancelled as cancelled:
        end_rest(job, code=cancelled.code, message=cancelled.message)
        raise
    except DomainError as error:
        end_rest(job, code=error.code, message=error.message)
        raise
    except Exception:
        end_rest(job, code="internal_error", message="An error of ours ended the import; it was logged.")
        raise


def _run_slice(job: Job, request: ImportRequest) -> None:
    turn = Turn()
    gallery = _open_gallery(job)
    with open_source(upload=request.upload, directory=request.directory, columns=request.columns) as source:
        list_source(job, gallery, request, source)
        if request.dry_run:
            plan_import(job, gallery, request.mode)
        else:
            store_products(job, gallery, request.mode, turn)
            link_styles(job, gallery, turn)
            end_bare_rows(job, gallery, turn)
            _take_photos(job, gallery, source, turn)
    if request.mode == "replace" and not request.dry_run:
        retire_products(job, gallery, turn)
    report_items(job)
    drop_marks(job)


def _open_gallery(job: Job) -> Gallery:
    gallery = job.gallery
    if gallery is None or gallery.deleted_at:
        raise Conflict("The gallery was deleted.", code="gallery_deleted")
    if gallery.state == Gallery.State.FAILED:
        raise Conflict("The gallery could not be made ready. Delete it.", code="gallery_not_ready")
    if gallery.state != Gallery.State.READY:
        raise NotDone(after_s=_LOOK_AGAIN_S)
    return gallery


def _take_photos(job: Job, gallery: Gallery, source: Source, turn: Turn) -> None:
    """Feed photos and index them until all rows have ended. Raises `NotDone` when the slice is over first."""
    with Feeder(job, gallery, source) as feeder:
        while not turn.is_over:
            index_pending(turn)
            feeder.check()
            if feeder.exhausted and not list_free().exists():
                break
            feeder.wait(_LOOK_AGAIN_S)
    settle_items(job.pk)
    if not report_items(job).unfinished:
        return
    busy = items_of(job.pk, JobItem.State.PENDING).exists() or list_free().exists()
    # Else its last photos are in another worker's hands.
    raise NotDone(after_s=0 if busy else _LOOK_AGAIN_S)
