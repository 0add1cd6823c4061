"""An upload that we write ourselves, chunk by chunk, and go on with in another process."""

import hashlib
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from jobs.errors import Unavailable
from retrieval.photos.files import delete_file
from tenants.errors import StorageAway
from tenants.models import Upload, UploadChunk
from transfer.uploads.chunks import list_files, name_chunk, store_chunk
from transfer.uploads.lookup import renewed_expiry


class GrowingFile:
    """The end of such an upload. What was written lies in memory, less than a chunk of it, until `flush`.

    Until it is finished the upload's size is more than is there, so that nobody takes it for whole.
    """

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self._buffer = bytearray()

    @property
    def position(self) -> int:
        """Bytes written so far, flushed or not."""
        return self.upload.received + len(self._buffer)

    def write(self, data: bytes) -> None:
        """Add bytes at the end. Raises `Unavailable`."""
        self._buffer += data
        while len(self._buffer) >= settings.UPLOAD_CHUNK_BYTES:
            self._store(settings.UPLOAD_CHUNK_BYTES)

    def flush(self) -> None:
        """Store what is left. Raises `Unavailable`."""
        if self._buffer:
            self._store(len(self._buffer))

    def cut_back(self, size: int) -> None:
        """Forget what was stored behind these bytes, which end where a flush did. Raises `Unavailable`."""
        for chunk in UploadChunk.objects.filter(upload=self.upload, offset__gte=size).order_by("-offset"):
            for name in list_files(self.upload, chunk):
                delete_file(name)
            chunk.delete()
        # Of a process killed before it wrote the row.
        delete_file(name_chunk(self.upload, self.upload.received))
        self.upload.received, self.upload.size, self.upload.completed_at = size, size + 1, None
        self.upload.save(update_fields=["received", "size", "completed_at"])

    def finish(self) -> None:
        """Make of it an upload like any other: whole."""
        self.flush()
        self.upload.size, self.upload.completed_at = self.upload.received, timezone.now()
        self.upload.expires_at = renewed_expiry()
        self.upload.save(update_fields=["size", "completed_at", "expires_at"])

    def _store(self, size: int) -> None:
        data = bytes(self._buffer[:size])
        upload, offset = self.upload, self.upload.received
        try:
            with transaction.atomic():
                UploadChunk.objects.create(
                    tenant_id=upload.tenant_id,
                    upload=upload,
                    offset=offset,
                    size=size,
                    sha256=hashlib.sha256(data).hexdigest(),
                    file=store_chunk(upload, offset, data),
                )
                end = offset + size
                grown = {"received": end, "size": end + 1, "expires_at": renewed_expiry()}
                Upload.objects.filter(pk=upload.pk).update(**grown)
        except StorageAway as away:
            raise Unavailable(away.message, code=away.code, retry_after=5) from away
        upload.received = end
        del self._buffer[:size]


def begin_file(*, upload_id: UUID, tenant_id: UUID, filename: str) -> GrowingFile:
    """An empty one, under this id."""
    return GrowingFile(
        Upload.objects.create(
            pk=upload_id,
            tenant_id=tenant_id,
            kind=Upload.Kind.EXPORT,
            filename=filename,
            size=1,
            expires_at=renewed_expiry(),
        )
    )
