"""The stored files of an upload, one a chunk, under keys that carry the tenant.

A chunk's key says what it holds (upload and offset), so that a process killed between the file and its row
leaves nothing that nobody knows of: the chunk sent again takes the file's place, and an upload that expires
takes along what lies at its next offset.
"""

from retrieval.photos.files import read_file
from tenants.domain.files import remove_file, store_file
from tenants.models import Upload, UploadChunk
from transfer.uploads.errors import UploadLost


def store_chunk(upload: Upload, offset: int, data: bytes) -> str:
    """The name under which the chunk is stored. The upload's row is locked. Raises `StorageAway`."""
    key = name_chunk(upload, offset)
    # What a killed process left there; storages give a second file another name rather than replace one.
    remove_file(key)
    return store_file(key, data)


def read_chunk(chunk: UploadChunk) -> bytes:
    """The stored bytes. Raises `UploadLost` when they are not all there, `Unavailable`."""
    try:
        data = read_file(chunk.file)
    except FileNotFoundError as error:
        raise _lost(chunk) from error
    if len(data) != chunk.size:
        raise _lost(chunk)
    return data


def list_files(upload: Upload, chunk: UploadChunk) -> set[str]:
    """Every name under which the chunk may lie."""
    return {chunk.file, name_chunk(upload, chunk.offset)}


def name_chunk(upload: Upload, offset: int) -> str:
    """The key of the chunk that begins at the offset."""
    return f"{upload.tenant_id}/uploads/{upload.pk}.{offset:014d}"


def _lost(chunk: UploadChunk) -> UploadLost:
    return UploadLost(f"The stored bytes of the upload from {chunk.offset} on are lost. Begin a new upload.")
