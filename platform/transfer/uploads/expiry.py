"""Uploads that nobody uses any more, taken away with their files.

Gone is what has expired: nothing but a job that read it before touches it from then on, so that its removal
races with nobody, and may be killed anywhere and done again.
"""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from jobs.dispatch import REMOVE_UPLOADS, dispatch_on_commit
from retrieval.photos.files import delete_file
from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.errors import Conflict
from tenants.models import Upload, UploadChunk
from transfer.uploads.chunks import list_files, name_chunk
from transfer.uploads.lookup import is_read, list_uploads, missing_upload, renewed_expiry

_BATCH = 100


def keep_upload(upload_id: UUID) -> None:
    """Put off the upload's end, since it is used now; a job that reads it begins with this.

    In the transaction that creates the job, so that the upload cannot go between. Raises `NotFound`.
    """
    if not list_uploads().filter(pk=upload_id).update(expires_at=renewed_expiry()):
        raise missing_upload()


def discard_upload(*, upload: Upload) -> None:
    """Take the upload out of sight; a worker removes its files. Raises `Conflict` while a job is at it."""
    if Upload.objects.filter(is_read(), pk=upload.pk).exists():
        raise Conflict(
            "An import is reading the upload. Wait for it, or cancel it first.", code="upload_in_use"
        )
    if upload.kind == Upload.Kind.EXPORT and upload.completed_at is None:
        raise Conflict("An export is writing it. Wait for it, or cancel the export.", code="upload_in_use")
    expire_upload(upload)


def expire_upload(upload: Upload) -> None:
    """Let it end now, whoever might want it."""
    with transaction.atomic():
        now = timezone.now()
        if Upload.objects.filter(pk=upload.pk, expires_at__gt=now).update(expires_at=now):
            record_change(
                action="upload.deleted", object_id=upload.pk, before=describe_row(upload), after=None
            )
        dispatch_on_commit(REMOVE_UPLOADS, str(upload.tenant_id))


def remove_expired() -> None:
    """Remove the expired uploads of the tenant that is set, unless a job still reads them.

    Raises `Unavailable`; what is left is removed by the next call.
    """
    expired = Upload.objects.filter(~is_read(), expires_at__lte=timezone.now())
    for upload_id in list(expired.values_list("pk", flat=True)):
        with transaction.atomic():
            # Waits for a chunk that was under way when it expired, and then sees what that made of it.
            upload = expired.select_for_update().filter(pk=upload_id).first()
        if upload is not None:
            remove_upload(upload)


def remove_upload(upload: Upload) -> None:
    """Remove an upload that is used no more: its files, then its rows. Raises `Unavailable`."""
    chunks = UploadChunk.objects.filter(upload=upload).order_by("offset")
    while batch := list(chunks[:_BATCH]):
        for chunk in batch:
            for name in list_files(upload, chunk):
                delete_file(name)
        UploadChunk.objects.filter(pk__in=[chunk.pk for chunk in batch]).delete()
    # A chunk that was stored by a process killed before it wrote the row.
    delete_file(name_chunk(upload, upload.received))
    upload.delete()


def tenants_with_expired_uploads() -> list[UUID]:
    """Tenants with uploads to remove."""
    expired = Upload.across_tenants.filter(~is_read(), expires_at__lte=timezone.now())
    return list(expired.order_by("tenant_id").values_list("tenant_id", flat=True).distinct())
