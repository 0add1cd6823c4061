"""Another try for the rows of an import that failed."""

from dataclasses import replace
from uuid import UUID

from jobs.items import items_of
from jobs.lookup import UNFINISHED
from jobs.models import Job, JobItem
from tenants.errors import Conflict, NotFound
from tenants.models import Gallery
from transfer.errors import SourceRefused
from transfer.imports.request import ImportRequest
from transfer.imports.starting import start_import
from transfer.sources.opening import open_source


def retry_import(*, job: Job, trigger: str) -> Job:
    """The job that imports only the rows that failed in this one, from the same source.

    It lists the source again, and takes the lines that failed. A retry of mode `replace` changes as `upsert`
    does: products that it does not name were named before. Raises `Conflict`: `job_unfinished`,
    `nothing_to_retry`, `gallery_deleted`, `source_gone`.
    """
    gallery = _check_retriable(job)
    request = ImportRequest.parse(job.input)
    _check_source(request)
    mode = "upsert" if request.mode == "replace" else request.mode
    again = replace(request, mode=mode, retry_of=UUID(str(job.pk)))
    return start_import(gallery=gallery, request=again, trigger=trigger)


def _check_retriable(job: Job) -> Gallery:
    """The import's gallery."""
    if job.state in UNFINISHED:
        raise Conflict("The import has not ended yet. Wait for it, or cancel it.", code="job_unfinished")
    if job.state != Job.State.SUCCEEDED and not job.result.get("listed"):
        raise Conflict(
            "The import ended before its source was read whole. Start a new one; what is there already is"
            " skipped.",
            code="nothing_to_retry",
        )
    if not items_of(job.pk, JobItem.State.FAILED).exists():
        raise Conflict("No row of the import failed.", code="nothing_to_retry")
    if job.gallery is None or job.gallery.deleted_at:
        raise Conflict("The gallery was deleted.", code="gallery_deleted")
    return job.gallery


def _check_source(request: ImportRequest) -> None:
    try:
        with open_source(upload=request.upload, directory=request.directory, columns=request.columns):
            pass
    except (NotFound, SourceRefused) as gone:
        raise Conflict(
            f"What the import read is gone. {gone.message} Start a new import.", code="source_gone"
        ) from gone
