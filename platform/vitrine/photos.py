"""Photos on their way to the service: their bytes, and batches of them."""

import mimetypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BATCH_FILES: Final = 16
BATCH_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class Photo:
    """A photo to send: the name the shop will see and its bytes."""

    filename: str
    data: bytes

    @classmethod
    def from_path(cls, path: Path) -> "Photo":
        """The file's bytes under its own name. Raises `OSError`."""
        return cls(path.name, path.read_bytes())

    def as_part(self, field: str) -> tuple[str, tuple[str, bytes, str]]:
        """The photo as a field of a multipart form."""
        content_type = mimetypes.guess_type(self.filename)[0] or "application/octet-stream"
        return field, (self.filename, self.data, content_type)


def batch_photos(
    photos: Iterable[Photo], *, files: int = BATCH_FILES, size: int = BATCH_BYTES
) -> Iterator[list[Photo]]:
    """Batches of at most `files` photos and, unless one photo alone is larger, `size` bytes."""
    batch: list[Photo] = []
    weight = 0
    for photo in photos:
        if batch and (len(batch) == files or weight + len(photo.data) > size):
            yield batch
            batch, weight = [], 0
        batch.append(photo)
        weight += len(photo.data)
    if batch:
        yield batch
