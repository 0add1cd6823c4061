"""Large files on their way to the service, in chunks: what is cut short goes on, in a later process, too."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from vitrine.errors import ApiProblem, ServiceUnreachable
from vitrine.files import Measured, Sendable, cut_chunks
from vitrine.pages import list_rows
from vitrine.setbacks import Setbacks
from vitrine.transport import Transport

_CHUNK: Final = 4 * 2**20
_MOST_CHUNKS: Final = 10_000  # the service takes no more of one file
# The last chunk is answered when the service has read through the whole file, some seconds a GiB.
_ANSWER_S: Final = 900.0
# Our chunk met another sender's, or was damaged on its way: what is there decides how to go on.
_PASSING: Final = frozenset({"upload_offset", "chunk_damaged"})
Sent = Callable[[int], object]


@dataclass(frozen=True)
class UploadRow:
    """A file on its way: `received` of `size` bytes are there; `complete` once it may be used.

    chunk_bytes: the most that a chunk may have.
    """

    id: str
    filename: str
    size: int
    sha256: str
    received: int
    chunk_bytes: int
    complete: bool


class Uploads:
    """The shop's uploads. All methods raise `ApiProblem` and `ServiceUnreachable`."""

    def __init__(self, transport: Transport, sleep: Callable[[float], None]) -> None:
        self._transport = transport
        self._sleep = sleep

    def list_uploads(self) -> Iterator[UploadRow]:
        """The uploads that have not expired, newest first."""
        return map(_read_upload, list_rows(self._transport, "/v1/uploads"))

    def read(self, upload: str) -> UploadRow:
        """How far the upload is, by id."""
        return _read_upload(self._transport.send("GET", f"/v1/uploads/{upload}"))

    def discard(self, upload: str) -> None:
        """Give an upload up."""
        self._transport.send("DELETE", f"/v1/uploads/{upload}")

    def find(self, filename: str, measured: Measured) -> UploadRow | None:
        """The upload of this very file that is furthest on, None where there is none."""
        wanted = (filename, measured.size, measured.sha256)
        found = [row for row in self.list_uploads() if (row.filename, row.size, row.sha256) == wanted]
        return max(found, key=lambda row: (row.complete, row.received), default=None)

    def send(
        self, file: Sendable, measured: Measured, *, sent: Sent | None = None, chunk_bytes: int = _CHUNK
    ) -> UploadRow:
        """The complete upload of the file; one that was begun before goes on where it was.

        sent: told how many bytes of the file are there. A service that is away for a while is waited for.
        Raises `FileProblem` as the file does.
        """
        row = self.find(file.filename, measured) or self._begin(file.filename, measured)
        setbacks, reached = Setbacks(self._sleep), row.received
        while not row.complete:
            try:
                for now in self._send_rest(self.read(row.id), file, chunk_bytes):
                    row = now
                    if row.received > reached:
                        setbacks.forget()
                        reached = row.received
                    if sent is not None:
                        sent(row.received)
            except (ApiProblem, ServiceUnreachable) as error:
                if isinstance(error, ApiProblem) and error.code not in _PASSING:
                    raise
                setbacks.bear(error)
        return row

    def _begin(self, filename: str, measured: Measured) -> UploadRow:
        body = {"filename": filename, "size": measured.size, "sha256": measured.sha256}
        return _read_upload(self._transport.send("POST", "/v1/uploads", json=body))

    def _send_rest(self, row: UploadRow, file: Sendable, chunk_bytes: int) -> Iterator[UploadRow]:
        """The upload as it is, then after each chunk."""
        yield row
        if row.complete:
            return
        size = min(max(chunk_bytes, -(-row.size // _MOST_CHUNKS)), row.chunk_bytes)
        # Where all bytes are there but the file was not read through, the last chunk again has that done.
        offset = row.received if row.received < row.size else (row.size - 1) // size * size
        for chunk in cut_chunks(file.read_blocks(), start=offset, size=size):
            row = self._put(row.id, offset, chunk)
            offset += len(chunk)
            yield row

    def _put(self, upload: str, offset: int, chunk: bytes) -> UploadRow:
        return _read_upload(
            self._transport.put_bytes(
                f"/v1/uploads/{upload}/chunks",
                chunk,
                params={"offset": offset},
                headers={"X-Chunk-SHA256": hashlib.sha256(chunk).hexdigest()},
                answer_s=_ANSWER_S,
            )
        )


def _read_upload(row: Mapping[str, Any]) -> UploadRow:
    return UploadRow(
        id=str(row["id"]),
        filename=str(row["filename"]),
        size=int(row["size"]),
        sha256=str(row["sha256"]),
        received=int(row["received"]),
        chunk_bytes=int(row["chunk_bytes"]),
        complete=row["completed_at"] is not None,
    )
