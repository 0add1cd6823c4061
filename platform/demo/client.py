"""A typed client of the REST API v1, for the demo, the evaluation and the benchmarks."""

import mimetypes
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from demo.answers import (
    GalleryRow,
    ImageRow,
    ProductRow,
    Recognition,
    Search,
    read_gallery,
    read_image,
    read_product,
    read_recognition,
    read_search,
    read_upload,
)
from demo.errors import ApiProblem, GaveUpWaiting
from demo.transport import Patience, Transport

BATCH_FILES: Final = 16
BATCH_BYTES: Final = 16 * 1024 * 1024
_PAGE: Final = 200
_POLL_S: Final = 0.25
_REFUSALS: Final = frozenset({400, 413, 415, 422})  # the photos are at fault
Waiting = Callable[[int], None]


@dataclass(frozen=True)
class Upload:
    """A photo to send: the name the shop will see and its bytes."""

    filename: str
    data: bytes

    @classmethod
    def from_path(cls, path: Path) -> "Upload":
        """The file's bytes under its own name. Raises `OSError`."""
        return cls(path.name, path.read_bytes())


class VitrineClient:
    """One tenant's view of the service. All methods raise `ApiProblem` and `ServiceUnreachable`."""

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._transport = Transport(base_url, key, patience=patience, transport=transport, sleep=sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    def find_gallery(self, name: str) -> GalleryRow | None:
        """The gallery of this name, None where there is none."""
        rows = map(read_gallery, self._list_rows("/v1/galleries"))
        return next((row for row in rows if row.name == name), None)

    def ensure_gallery(
        self, name: str, *, settings: Mapping[str, Any] | None = None, patience_s: float = 120.0
    ) -> GalleryRow:
        """The gallery of this name, made (with these settings) if missing, once it is ready.

        Raises `GaveUpWaiting`.
        """
        gallery = self.find_gallery(name) or self._create_gallery(name, settings or {})
        deadline = time.monotonic() + patience_s
        while gallery.state != "ready":
            if gallery.state == "failed" or time.monotonic() > deadline:
                message = f"Gallery {name!r} is {gallery.state} instead of ready. See the workers' log."
                raise GaveUpWaiting("gallery_not_ready", message)
            self._sleep(_POLL_S)
            gallery = read_gallery(self._transport.send("GET", f"/v1/galleries/{gallery.id}"))
        return gallery

    def delete_gallery(self, gallery: str) -> None:
        """Delete a gallery by id with all that is in it."""
        self._transport.send("DELETE", f"/v1/galleries/{gallery}")

    def list_products(self, gallery: str) -> Iterator[ProductRow]:
        """All products of a gallery."""
        return map(read_product, self._list_rows(f"/v1/galleries/{gallery}/products"))

    def create_product(self, gallery: str, *, sku: str, title: str, category: str = "") -> ProductRow:
        """A new product. Raises `ApiProblem` with code `sku_taken` where the gallery has it."""
        body = {"sku": sku, "title": title, "category": category}
        return read_product(self._transport.send("POST", f"/v1/galleries/{gallery}/products", json=body))

    def list_images(self, gallery: str, *, state: str | None = None) -> Iterator[ImageRow]:
        """The reference images of a gallery, of one state or of all."""
        params = {"state": state} if state else {}
        return map(read_image, self._list_rows(f"/v1/galleries/{gallery}/images", params))

    def upload_images(self, gallery: str, product: str, uploads: Iterable[Upload]) -> list[ImageRow]:
        """Send photos of one product in batches; what was refused comes back as `failed` with a reason.

        A picture that the product has already comes back as its existing row.
        """
        rows: list[ImageRow] = []
        for batch in batch_uploads(uploads):
            rows += self._upload_batch(f"/v1/galleries/{gallery}/products/{product}/images", batch)
        return rows

    def wait_until_indexed(
        self, gallery: str, *, stall_s: float = 180.0, waiting: Waiting | None = None
    ) -> None:
        """Return once no image of the gallery is pending; `waiting` is told how many are.

        Raises `GaveUpWaiting` when the number has not gone down for `stall_s` seconds.
        """
        fewest, deadline = None, time.monotonic() + stall_s
        while pending := self._count_pending(gallery):
            if waiting is not None:
                waiting(pending)
            if fewest is None or pending < fewest:
                fewest, deadline = pending, time.monotonic() + stall_s
            elif time.monotonic() > deadline:
                message = (
                    f"{pending} images are pending and none was indexed for {stall_s:g} s. Do workers run?"
                )
                raise GaveUpWaiting("indexing_stalled", message)
            self._sleep(_POLL_S)

    def recognize(self, gallery: str, photo: Upload, *, top_k: int | None = None) -> Recognition:
        """Which product is on the photo."""
        return read_recognition(self._send_photo(f"/v1/galleries/{gallery}/recognize", photo, top_k))

    def search(self, gallery: str, photo: Upload, *, top_k: int | None = None) -> Search:
        """The nearest reference images, without a decision."""
        return read_search(self._send_photo(f"/v1/galleries/{gallery}/search", photo, top_k))

    def _count_pending(self, gallery: str) -> int:
        counts = self._transport.send("GET", f"/v1/galleries/{gallery}")["images"]
        return int(counts["pending"])

    def _create_gallery(self, name: str, settings: Mapping[str, Any]) -> GalleryRow:
        body = {"name": name, "settings": dict(settings)}
        try:
            return read_gallery(self._transport.send("POST", "/v1/galleries", json=body))
        except ApiProblem as problem:
            # Somebody else made it between our look and our wish.
            found = self.find_gallery(name) if problem.code == "gallery_name_taken" else None
            if found is None:
                raise
            return found

    def _send_photo(self, path: str, photo: Upload, top_k: int | None) -> Any:
        data = {} if top_k is None else {"top_k": str(top_k)}
        return self._transport.send("POST", path, data=data, files=[_make_part("image", photo)])

    def _upload_batch(self, path: str, batch: Sequence[Upload]) -> list[ImageRow]:
        try:
            body = self._transport.send("POST", path, files=[_make_part("images", each) for each in batch])
        except ApiProblem as problem:
            if problem.status not in _REFUSALS:
                raise
            if len(batch) > 1:
                return [row for each in batch for row in self._upload_batch(path, [each])]
            return [_make_refusal(batch[0], problem)]
        return [read_upload(result) for result in body["results"]]

    def _list_rows(self, path: str, params: dict[str, str] | None = None) -> Iterator[dict[str, Any]]:
        page = self._transport.send("GET", path, params={**(params or {}), "limit": _PAGE})
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            page = self._transport.send("GET", page["next"])


def batch_uploads(
    uploads: Iterable[Upload], *, files: int = BATCH_FILES, size: int = BATCH_BYTES
) -> Iterator[list[Upload]]:
    """Batches of at most `files` photos and, unless one photo alone is larger, `size` bytes."""
    batch: list[Upload] = []
    weight = 0
    for upload in uploads:
        if batch and (len(batch) == files or weight + len(upload.data) > size):
            yield batch
            batch, weight = [], 0
        batch.append(upload)
        weight += len(upload.data)
    if batch:
        yield batch


def _make_part(field: str, upload: Upload) -> tuple[str, tuple[str, bytes, str]]:
    content_type = mimetypes.guess_type(upload.filename)[0] or "application/octet-stream"
    return field, (upload.filename, upload.data, content_type)


def _make_refusal(upload: Upload, problem: ApiProblem) -> ImageRow:
    return ImageRow(
        None, "failed", upload.filename, failure_code=problem.code, failure_message=problem.message
    )
