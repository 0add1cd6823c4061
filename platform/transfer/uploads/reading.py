"""An upload as one file: seekable, with no more than one chunk of it in memory."""

import io
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, BinaryIO

from django.utils import timezone

from tenants.errors import Conflict
from tenants.models import Upload, UploadChunk
from transfer.uploads.chunks import read_chunk
from transfer.uploads.lookup import renewed_expiry


def open_upload(upload: Upload) -> BinaryIO:
    """The file, to be read by one thread. Puts off the upload's end.

    Raises `Conflict` (`upload_not_complete`). Reading raises `UploadLost`, and `Unavailable` to be tried
    again; neither is an `OSError`, so that readers of archives do not take one for a damaged archive.
    """
    if upload.completed_at is None:
        raise Conflict(
            f"Only {upload.received} of the upload's {upload.size} bytes are there.",
            code="upload_not_complete",
        )
    Upload.objects.filter(pk=upload.pk, expires_at__gt=timezone.now()).update(expires_at=renewed_expiry())
    chunks = list(UploadChunk.objects.filter(upload=upload).order_by("offset"))
    return io.BufferedReader(_ChunkedFile(upload.size, chunks), buffer_size=64 * 1024)


class _ChunkedFile(io.RawIOBase):
    """Bytes that lie in several stored files."""

    def __init__(self, size: int, chunks: Sequence[UploadChunk]) -> None:
        self._size = size
        self._chunks = chunks
        self._offsets = [chunk.offset for chunk in chunks]
        self._position = 0
        self._loaded: tuple[int, bytes] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move; behind the end is allowed, as in any file."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError(f"cannot seek to {origin + offset}")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer as far as the chunk at this place goes; 0 at the end."""
        if self._position >= self._size:
            return 0
        start, data = self._load_chunk()
        begin = self._position - start
        part = data[begin : begin + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def close(self) -> None:
        """Let go of the chunk."""
        self._loaded = None
        super().close()

    def _load_chunk(self) -> tuple[int, bytes]:
        """(offset, bytes) of the chunk at this place, read once for as long as reading stays in it."""
        chunk = self._chunks[bisect_right(self._offsets, self._position) - 1]
        if self._loaded is None or self._loaded[0] != chunk.offset:
            self._loaded = None
            self._loaded = (chunk.offset, read_chunk(chunk))
        return self._loaded
