"""A typed client of the REST API v1: for the `vitrine` command, the demo, and programs of your own."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx

from vitrine.answers import (
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
    read_sent_photo,
)
from vitrine.comparisons import Comparison, read_comparison
from vitrine.errors import ApiProblem, GaveUpWaiting
from vitrine.imports import ImportWish
from vitrine.jobs import JobRow, Jobs, read_job
from vitrine.keys import Keys
from vitrine.pages import list_rows
from vitrine.photos import Photo, batch_photos
from vitrine.setbacks import StallWatch
from vitrine.transport import Patience, Transport
from vitrine.uploads import Uploads

_POLL_S: Final = 0.25
_REFUSALS: Final = frozenset({400, 413, 415, 422})  # the photos are at fault
Waiting = Callable[[int], None]
Said = Mapping[str, str]


class VitrineClient:
    """One shop's view of the service; `jobs`, `uploads` and `keys` hold what there is to do with those.

    All methods raise `ApiProblem` and `ServiceUnreachable`.
    """

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
        self.jobs: Final = Jobs(self._transport, sleep)
        self.uploads: Final = Uploads(self._transport, sleep)
        self.keys: Final = Keys(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    def list_galleries(self) -> Iterator[GalleryRow]:
        """All galleries, newest first."""
        return map(read_gallery, list_rows(self._transport, "/v1/galleries"))

    def find_gallery(self, name: str) -> GalleryRow | None:
        """The gallery of this name, None where there is none."""
        return next((row for row in self.list_galleries() if row.name == name), None)

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
            self.pause()
            gallery = self.read_gallery(gallery.id)
        return gallery

    def pause(self) -> None:
        """Wait a moment before asking again."""
        self._sleep(_POLL_S)

    def read_gallery(self, gallery: str) -> GalleryRow:
        """The gallery as it is now, by id."""
        return read_gallery(self._transport.send("GET", f"/v1/galleries/{gallery}"))

    def change_settings(self, gallery: str, settings: Mapping[str, Any]) -> GalleryRow:
        """Change these settings of a gallery, None takes one back to its default.

        The row's `job` builds the index anew where the change wants another one.
        """
        body = {"settings": dict(settings)}
        return read_gallery(self._transport.send("PATCH", f"/v1/galleries/{gallery}", json=body))

    def reindex(self, gallery: str) -> JobRow:
        """The job that builds the gallery's index anew, and fits it also where the gallery is small."""
        return read_job(self._transport.send("POST", f"/v1/galleries/{gallery}/reindex"))

    def delete_gallery(self, gallery: str) -> None:
        """Delete a gallery by id with all that is in it."""
        self._transport.send("DELETE", f"/v1/galleries/{gallery}")

    def list_products(self, gallery: str) -> Iterator[ProductRow]:
        """All products of a gallery."""
        return map(read_product, list_rows(self._transport, f"/v1/galleries/{gallery}/products"))

    def create_product(self, gallery: str, *, sku: str, title: str, category: str = "") -> ProductRow:
        """A new product. Raises `ApiProblem` with code `sku_taken` where the gallery has it."""
        body = {"sku": sku, "title": title, "category": category}
        return read_product(self._transport.send("POST", f"/v1/galleries/{gallery}/products", json=body))

    def list_images(self, gallery: str, *, state: str | None = None) -> Iterator[ImageRow]:
        """The reference images of a gallery, of one state or of all."""
        params = {"state": state} if state else {}
        return map(read_image, list_rows(self._transport, f"/v1/galleries/{gallery}/images", params))

    def upload_images(self, gallery: str, product: str, photos: Iterable[Photo]) -> list[ImageRow]:
        """Send photos of one product in batches; what was refused comes back as `failed` with a reason.

        A picture that the product has already comes back as its existing row.
        """
        rows: list[ImageRow] = []
        for batch in batch_photos(photos):
            rows += self._upload_batch(f"/v1/galleries/{gallery}/products/{product}/images", batch)
        return rows

    def wait_until_indexed(
        self, gallery: str, *, stall_s: float = 180.0, waiting: Waiting | None = None
    ) -> None:
        """Return once no image of the gallery is pending; `waiting` is told how many are.

        Raises `GaveUpWaiting` when the number has not gone down for `stall_s` seconds.
        """
        stall, fewest = StallWatch(stall_s), None
        while pending := self.read_gallery(gallery).pending:
            if waiting is not None:
                waiting(pending)
            fewest = pending if fewest is None else min(pending, fewest)
            stall.look(f"{fewest} images are pending")
            self.pause()

    def recognize(
        self, gallery: str, photo: Photo, *, top_k: int | None = None, said: Said | None = None
    ) -> Recognition:
        """Which product is on the photo. said: fields of the form, over the gallery's settings."""
        return read_recognition(self._send_photo(f"/v1/galleries/{gallery}/recognize", photo, top_k, said))

    def search(
        self, gallery: str, photo: Photo, *, top_k: int | None = None, said: Said | None = None
    ) -> Search:
        """The nearest reference images, without a decision. said: as in `recognize`."""
        return read_search(self._send_photo(f"/v1/galleries/{gallery}/search", photo, top_k, said))

    def list_labelled_queries(self, gallery: str, *, state: str | None = None) -> Iterator[ImageRow]:
        """The labelled queries of a gallery, of one state or of all."""
        params = {"state": state} if state else {}
        return map(
            read_image, list_rows(self._transport, f"/v1/galleries/{gallery}/labelled-queries", params)
        )

    def upload_labelled_queries(
        self, gallery: str, photos: Iterable[Photo], *, sku: str = ""
    ) -> list[ImageRow]:
        """Send photos that should be answered with this SKU; with `unknown` where the gallery lacks it, or it
        is empty. What was refused comes back as `failed` with a reason.
        """
        rows: list[ImageRow] = []
        for batch in batch_photos(photos):
            rows += self._upload_batch(f"/v1/galleries/{gallery}/labelled-queries", batch, {"sku": sku})
        return rows

    def delete_labelled_query(self, gallery: str, query: str) -> None:
        """Delete a labelled query by id."""
        self._transport.send("DELETE", f"/v1/galleries/{gallery}/labelled-queries/{query}")

    def start_import(self, gallery: str, wish: ImportWish) -> JobRow:
        """The job that imports a catalogue."""
        path = f"/v1/galleries/{gallery}/imports"
        return read_job(self._transport.send("POST", path, json=wish.as_body()))

    def start_export(self, gallery: str) -> JobRow:
        """The job that writes the gallery into an archive; one that is under way already."""
        return read_job(self._transport.send("POST", f"/v1/galleries/{gallery}/exports"))

    def start_evaluation(self, gallery: str, *, source: str, sample: int) -> JobRow:
        """The job that evaluates the usual ways of ranking; its result names the `evaluation`.

        source: queries, or leave_one_out. sample: ask with at most so many photos.
        """
        body = {"source": source, "sample": sample}
        return read_job(self._transport.send("POST", f"/v1/galleries/{gallery}/evaluations", json=body))

    def read_evaluation(self, gallery: str, evaluation: str) -> Comparison:
        """An evaluation with all figures, by id."""
        path = f"/v1/galleries/{gallery}/evaluations/{evaluation}"
        return read_comparison(self._transport.send("GET", path))

    def apply_evaluation(self, gallery: str, evaluation: str, *, way: int | None = None) -> GalleryRow:
        """Let the gallery rank as the evaluation recommends, or in the way at this place."""
        path = f"/v1/galleries/{gallery}/evaluations/{evaluation}/apply"
        body = {} if way is None else {"policy": way}
        return read_gallery(self._transport.send("POST", path, json=body))

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

    def _send_photo(self, path: str, photo: Photo, top_k: int | None, said: Said | None) -> Any:
        data = {**(said or {}), **({} if top_k is None else {"top_k": str(top_k)})}
        return self._transport.send("POST", path, data=data, files=[photo.as_part("image")])

    def _upload_batch(self, path: str, batch: Sequence[Photo], data: Said | None = None) -> list[ImageRow]:
        files = [each.as_part("images") for each in batch]
        try:
            body = self._transport.send("POST", path, data=data, files=files)
        except ApiProblem as problem:
            if problem.status not in _REFUSALS:
                raise
            if len(batch) > 1:
                return [row for each in batch for row in self._upload_batch(path, [each], data)]
            return [_make_refusal(batch[0], problem)]
        return [read_sent_photo(result) for result in body["results"]]


def _make_refusal(photo: Photo, problem: ApiProblem) -> ImageRow:
    return ImageRow(
        None, "failed", photo.filename, failure_code=problem.code, failure_message=problem.message
    )
