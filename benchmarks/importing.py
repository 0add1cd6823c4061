"""Imports of made-up catalogues through the API, for the benchmarks that need one under way."""

import io
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from demo.photos import write_photos
from vitrine.client import VitrineClient
from vitrine.files import measure_file
from vitrine.imports import ImportWish


def read_demo_photos(var: Path) -> list[bytes]:
    """The demo's reference photos, drawn if they are not there yet."""
    return [path.read_bytes() for path in sorted(write_photos(var / "demo").folder.rglob("*.jpg"))]


def copy_photos(photos: list[bytes], copies: int) -> list[bytes]:
    """The photos and as many copies of each, no two of which are the same file."""
    copied = list(photos)
    for quality in range(90, 90 - copies, -1):
        for photo in photos:
            buffer = io.BytesIO()
            Image.open(io.BytesIO(photo)).save(buffer, "JPEG", quality=quality)
            copied.append(buffer.getvalue())
    return copied


def draw_noise(count: int) -> Iterator[bytes]:
    """Small JPEGs that no two dHashes are near: 9 x 8 fields of any brightness."""
    random = np.random.default_rng(11)
    for _ in range(count):
        fields = Image.fromarray(random.integers(0, 256, (8, 9, 3), dtype=np.uint8))
        buffer = io.BytesIO()
        fields.resize((72, 64), Image.Resampling.NEAREST).save(buffer, "JPEG", quality=85)
        yield buffer.getvalue()


def pack_photos(photos: Iterable[bytes], *, a_product: int) -> bytes:
    """A ZIP with a folder for every `a_product` photos."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, photo in enumerate(photos):
            archive.writestr(f"product-{number // a_product:06}/{number:06}.jpg", photo)
    return buffer.getvalue()


@contextmanager
def bench_gallery(client: VitrineClient, **settings: Any) -> Iterator[str]:
    """The id of a gallery of the benchmark's own, deleted at the end."""
    gallery = client.ensure_gallery(f"benchmark of imports {uuid.uuid4().hex}", settings=settings).id
    try:
        yield gallery
    finally:
        client.delete_gallery(gallery)


@dataclass(frozen=True)
class MemoryFile:
    """A file that lies in memory only."""

    data: bytes
    filename: str = "catalogue.zip"

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)

    def read_blocks(self) -> Iterator[bytes]:
        """All at once."""
        yield self.data


def start_import(
    client: VitrineClient, gallery: str, archive: bytes, *, near_duplicates: int | Literal["usual"] | None
) -> str:
    """The id of the job that imports the archive."""
    file = MemoryFile(archive)
    upload = client.uploads.send(file, measure_file(file))
    wish = ImportWish(upload=upload.id, near_duplicates=near_duplicates)
    return client.start_import(gallery, wish).id
