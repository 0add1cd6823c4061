"""Bytes sent as a shop's program sends them."""

import hashlib
import random

from tenants.models import Upload
from transfer.uploads.receiving import append_chunk, create_upload


def make_bytes(size: int, seed: int = 1) -> bytes:
    """Bytes without a pattern."""
    return random.Random(seed).randbytes(size)


def hash_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def begin(data: bytes, *, sha256: str = "") -> Upload:
    """A new upload of these bytes, none sent yet."""
    return create_upload(filename="shop.zip", size=len(data), sha256=sha256)


def send(upload: Upload, data: bytes, start: int, stop: int) -> Upload:
    """One chunk of the file."""
    part = data[start:stop]
    return append_chunk(upload=upload, offset=start, sha256=hash_bytes(part), data=part)


def send_all(data: bytes, step: int = 700, *, sha256: str = "") -> Upload:
    """A complete upload of these bytes."""
    upload = begin(data, sha256=sha256)
    for start in range(0, len(data), step):
        upload = send(upload, data, start, start + step)
    return upload
