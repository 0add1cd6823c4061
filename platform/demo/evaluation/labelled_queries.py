"""The data's queries kept in the gallery with the SKU they show, so that the service can evaluate itself."""

from collections.abc import Iterable

from demo.datasets import LabelledPhoto
from demo.importing import Failure
from demo.settling import Told, wait_until_settled
from demo.skus import make_sku
from inference.metadata import hash_picture
from vitrine.client import VitrineClient
from vitrine.photos import Photo


def bring_queries(
    client: VitrineClient, gallery: str, photos: Iterable[LabelledPhoto], tell: Told
) -> list[Failure]:
    """Make exactly these photos the gallery's labelled queries, and wait until they have been looked at.

    What is there already is not sent again, what is there beside them is deleted. Returns those that cannot
    be used. Raises `GaveUpWaiting`.
    """
    failures: list[Failure] = []
    wanted = _read_photos(photos, failures)
    there = {row.sha256: row for row in client.list_labelled_queries(gallery)}
    for digest, row in there.items():
        if digest not in wanted and row.id:
            client.delete_labelled_query(gallery, row.id)
    by_sku: dict[str, list[Photo]] = {}
    for digest, (sku, upload) in wanted.items():
        if digest not in there or there[digest].sku != sku:
            by_sku.setdefault(sku, []).append(upload)
    for done, (sku, uploads) in enumerate(by_sku.items(), start=1):
        tell(f"labelled queries of {done} of {len(by_sku)} products")
        refused = [row for row in client.upload_labelled_queries(gallery, uploads, sku=sku) if row.id is None]
        failures += [_describe(sku, row.filename, row.failure_code, row.failure_message) for row in refused]
    wait_until_settled(client, gallery, tell)
    failed = client.list_labelled_queries(gallery, state="failed")
    return failures + [
        _describe(row.sku or "", row.filename, row.failure_code, row.failure_message) for row in failed
    ]


def _read_photos(
    photos: Iterable[LabelledPhoto], failures: list[Failure]
) -> dict[str | None, tuple[str, Photo]]:
    """SKU and photo by digest: the service keeps the same file once."""
    found: dict[str | None, tuple[str, Photo]] = {}
    for photo in photos:
        try:
            upload = Photo.from_path(photo.path)
        except OSError as error:
            reason = f"The file cannot be read: {error.strerror}."
            failures.append(Failure(str(photo.path), "file_unreadable", reason))
        else:
            found[hash_picture(upload.data)] = make_sku(photo.label), upload
    return found


def _describe(sku: str, filename: str, code: str | None, message: str | None) -> Failure:
    return Failure(f"{sku}/{filename}", code or "failed", message or "The photo cannot be used.")
