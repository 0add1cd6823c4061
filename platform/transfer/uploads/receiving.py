"""Files that come in chunks: each is checked, kept once, and the sender told where to go on."""

import hashlib
import io
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.domain.files import clean_filename, remove_file
from tenants.errors import Conflict
from tenants.models import Upload, UploadChunk
from tenants.scope import current_tenant_id
from transfer.uploads.chunks import name_chunk, store_chunk
from transfer.uploads.completing import complete_upload
from transfer.uploads.errors import UploadRefused
from transfer.uploads.expiry import expire_upload
from transfer.uploads.lookup import lock_upload, renewed_expiry

_MOST_CHUNKS = 10_000


def create_upload(*, filename: str, size: int, sha256: str = "") -> Upload:
    """An upload to send chunks to. size: bytes of the whole file. sha256: hex, of the whole file; checked.

    Raises `UploadRefused` (`upload_empty`, `upload_too_large`).
    """
    if size < 1:
        raise UploadRefused("The file is empty.", code="upload_empty")
    if size > settings.UPLOAD_MAX_BYTES:
        limit = settings.UPLOAD_MAX_BYTES // 2**20
        raise UploadRefused(
            f"The file is larger than {limit} MiB. Send it in parts.", code="upload_too_large"
        )
    with transaction.atomic():
        upload = Upload.objects.create(
            tenant_id=current_tenant_id(),
            filename=clean_filename(filename),
            size=size,
            sha256=sha256.lower(),
            expires_at=renewed_expiry(),
        )
        record_change(action="upload.created", object_id=upload.pk, before=None, after=describe_row(upload))
    return upload


def append_chunk(*, upload: Upload, offset: int, sha256: str, data: bytes) -> Upload:
    """The upload with the chunk in it; the last one completes it. The very same chunk again changes nothing.

    sha256: hex, of `data`. Of several at once for one upload, each waits for the one before it. Raises
    `Conflict` (`upload_offset`, with the right one in `extra`; `upload_closed` for what an export writes),
    `NotFound`, `StorageAway`, `UploadRefused` (`chunk_damaged`, `chunk_too_large`, `chunk_too_small`,
    `chunk_beyond_end`, `upload_damaged`).
    """
    if upload.kind == Upload.Kind.EXPORT:
        raise Conflict("An export writes this file. Begin an upload of your own.", code="upload_closed")
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256.lower():
        raise UploadRefused("The chunk is not what its sha256 says. Send it again.", code="chunk_damaged")
    _check_size(upload, offset, len(data))
    with transaction.atomic():
        locked = lock_upload(upload.pk)
        same = UploadChunk.objects.filter(upload=locked, offset=offset, size=len(data), sha256=digest)
        if not same.exists():
            _check_offset(locked, offset)
            _keep_chunk(locked, digest, data)
    return complete_upload(locked)


def store_upload(filename: str, file: BinaryIO) -> Upload:
    """A complete upload of a file that is here whole. Raises as `create_upload` and `append_chunk`."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    upload = create_upload(filename=filename, size=size)
    try:
        while data := file.read(settings.UPLOAD_CHUNK_BYTES):
            digest = hashlib.sha256(data).hexdigest()
            upload = append_chunk(upload=upload, offset=upload.received, sha256=digest, data=data)
    except BaseException:
        expire_upload(upload)
        raise
    return upload


def _check_size(upload: Upload, offset: int, size: int) -> None:
    """A chunk fits into memory and into the file, and a file is no multitude of chunks."""
    end, most = offset + size, settings.UPLOAD_CHUNK_BYTES
    if size > most:
        raise UploadRefused(f"A chunk has at most {most} bytes. Send less at once.", code="chunk_too_large")
    if end > upload.size:
        raise UploadRefused(
            f"The chunk ends at {end}, behind the file's end at {upload.size}.", code="chunk_beyond_end"
        )
    least = min(-(-upload.size // _MOST_CHUNKS), most)
    if size < least and (end < upload.size or not size):
        raise UploadRefused(
            f"A chunk of this file has at least {least} bytes, unless it is the last.", code="chunk_too_small"
        )


def _check_offset(upload: Upload, offset: int) -> None:
    if offset != upload.received:
        raise Conflict(
            f"{upload.received} bytes of the file are there. Go on at offset {upload.received}.",
            code="upload_offset",
            extra={"offset": str(upload.received)},
        )


def _keep_chunk(upload: Upload, digest: str, data: bytes) -> None:
    """File, then row. The file of a row that is not to be stays where the chunk sent again replaces it."""
    offset = upload.received
    stored = store_chunk(upload, offset, data)
    upload.received, upload.expires_at = offset + len(data), renewed_expiry()
    try:
        UploadChunk.objects.create(
            tenant_id=upload.tenant_id,
            upload=upload,
            offset=offset,
            size=len(data),
            sha256=digest,
            file=stored,
        )
        upload.save(update_fields=["received", "expires_at"])
    except BaseException:
        if stored != name_chunk(upload, offset):
            remove_file(stored)
        raise
