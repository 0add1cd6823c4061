"""An upload whose last byte has come: checked whole, where its sender said what the whole should be."""

import hashlib

from django.db import transaction
from django.utils import timezone

from tenants.domain.audit import record_change
from tenants.models import Upload, UploadChunk
from transfer.uploads.chunks import read_chunk
from transfer.uploads.errors import UploadRefused
from transfer.uploads.expiry import expire_upload


def complete_upload(upload: Upload) -> Upload:
    """The upload as it is, complete when nothing is missing. Two at once, or again after a kill, is fine.

    Reads the file through once where its sha256 was said: some seconds a GiB. Raises `UploadRefused`
    (`upload_damaged`; the upload is given up), `Unavailable`.
    """
    if upload.received < upload.size or upload.completed_at:
        return upload
    if upload.sha256 and _hash_whole(upload) != upload.sha256:
        expire_upload(upload)
        raise UploadRefused(
            "All chunks are there, but the file is not the one that its sha256 says. Begin a new upload.",
            code="upload_damaged",
        )
    with transaction.atomic():
        now = timezone.now()
        if Upload.objects.filter(pk=upload.pk, completed_at=None).update(completed_at=now):
            record_change(
                action="upload.completed",
                object_id=upload.pk,
                before={"completed_at": None},
                after={"completed_at": now},
            )
    upload.refresh_from_db()
    return upload


def _hash_whole(upload: Upload) -> str:
    """Hex; the chunks come one by one."""
    digest = hashlib.sha256()
    for chunk in UploadChunk.objects.filter(upload=upload).order_by("offset"):
        digest.update(read_chunk(chunk))
    return digest.hexdigest()
