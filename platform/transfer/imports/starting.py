"""Asking for an import."""

from django.db import transaction

from jobs.dispatch import create_job
from jobs.models import Job
from tenants.errors import Conflict
from tenants.models import Gallery
from transfer.imports.request import ImportRequest
from transfer.uploads.expiry import keep_upload
from transfer.uploads.lookup import get_upload


def start_import(*, gallery: Gallery, request: ImportRequest, trigger: str) -> Job:
    """The job that imports the request's source into the gallery.

    Raises `NotFound` (`upload_not_found`), `Conflict` (`upload_not_complete`, `gallery_not_ready` for one
    that never will be).
    """
    if gallery.state == Gallery.State.FAILED:
        raise Conflict("The gallery could not be made ready. Delete it.", code="gallery_not_ready")
    with transaction.atomic():
        if request.upload is not None:
            keep_upload(request.upload)
            if get_upload(request.upload).completed_at is None:
                raise Conflict(
                    "The upload is not complete. Send its last chunk first.", code="upload_not_complete"
                )
        return create_job(
            tenant_id=gallery.tenant_id,
            gallery=gallery,
            kind=Job.Kind.IMPORT,
            trigger=trigger,
            given=request.as_input(),
        )
