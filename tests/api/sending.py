"""Files sent to the API in chunks, archives to send, and imports followed to their end."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from typing import Any

import httpx

from tests.api.measuring import ENDED
from tests.conftest import Shop, wait_until


def begin_upload(shop: Shop, data: bytes, **body: object) -> str:
    """The address of a new upload of these bytes, none sent yet."""
    begun = shop.http.post("/v1/uploads", json={"filename": "shop.zip", "size": len(data), **body})
    assert begun.status_code == 201, begun.text
    address: str = begun.headers["Location"]
    return address


def send_chunk(shop: Shop, address: str, offset: int, part: bytes, **headers: str) -> httpx.Response:
    """One chunk, with the right headers where no others are given."""
    given = {
        "Content-Type": "application/octet-stream",
        "X-Chunk-SHA256": hashlib.sha256(part).hexdigest(),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return shop.http.put(f"{address}/chunks", params={"offset": offset}, content=part, headers=given)


def send_file(shop: Shop, data: bytes, step: int = 50_000, **body: object) -> str:
    """The id of a complete upload of these bytes."""
    address = begin_upload(shop, data, **body)
    for offset in range(0, len(data), step):
        taken = send_chunk(shop, address, offset, data[offset : offset + step])
        assert taken.status_code == 200, taken.text
    return address.rpartition("/")[2]


def pack(entries: Mapping[str, bytes | str]) -> bytes:
    """A ZIP archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def start_import(shop: Shop, gallery: str, **body: object) -> dict[str, Any]:
    """The new import's job."""
    taken = shop.http.post(f"/v1/galleries/{gallery}/imports", json=body)
    assert taken.status_code == 202, taken.text
    job: dict[str, Any] = taken.json()
    assert taken.headers["Location"] == f"/v1/jobs/{job['id']}"
    return job


def wait_ended(shop: Shop, job: str) -> dict[str, Any]:
    """The job once it has ended, however."""
    path = f"/v1/jobs/{job}"
    wait_until(lambda: shop.http.get(path).json()["state"] in ENDED, f"{path} has ended", 120)
    ended: dict[str, Any] = shop.http.get(path).json()
    return ended


def list_items(shop: Shop, job: str, **query: object) -> list[dict[str, Any]]:
    """The rows of a job, of all pages."""
    rows: list[dict[str, Any]] = []
    following: str | None = str(httpx.URL(f"/v1/jobs/{job}/items", params={"limit": 7, **query}))
    while following:
        page = shop.http.get(following).json()
        rows += page["results"]
        following = page["next"]
    return rows
