"""Bringing products and their photos into a gallery, nothing twice."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.settling import Told, wait_until_settled
from inference.metadata import hash_picture
from vitrine.answers import ImageRow
from vitrine.client import VitrineClient
from vitrine.photos import Photo


@dataclass(frozen=True)
class Article:
    """A product to import with the files of its photos."""

    sku: str
    title: str
    category: str
    photos: Sequence[Path]


@dataclass(frozen=True)
class Failure:
    """A photo that did not make it into the gallery, and why."""

    name: str
    code: str
    message: str


@dataclass(frozen=True)
class Imported:
    """What an import did; `seconds` from the first upload until the last photo was indexed, which is before
    the service has fitted on them what it fits.
    """

    products: int
    photos: int
    already_there: int
    failures: tuple[Failure, ...]
    seconds: float


def import_articles(client: VitrineClient, gallery: str, articles: Iterable[Article], tell: Told) -> Imported:
    """Create the products that are missing, send the photos that are missing, and wait until all are indexed
    and the gallery has done what follows (its projection is fitted).

    Files that cannot be read and photos that the service refuses are returned as failures, not raised.
    Raises `GaveUpWaiting`.
    """
    start = time.monotonic()
    skus = {product.sku: product.id for product in client.list_products(gallery)}
    known = {(row.product_id, row.sha256) for row in client.list_images(gallery) if row.state != "failed"}
    created = sent = skipped = 0
    failures: list[Failure] = []
    names: dict[str, str] = {}
    for article in articles:
        if article.sku not in skus:
            made = client.create_product(
                gallery, sku=article.sku, title=article.title, category=article.category
            )
            skus[article.sku] = made.id
            created += 1
        product = skus[article.sku]
        uploads = _read_photos(article, failures)
        missing = [each for each in uploads if (product, hash_picture(each.data)) not in known]
        skipped += len(uploads) - len(missing)
        rows = client.upload_images(gallery, product, missing)
        sent += sum(row.id is not None for row in rows)
        for row in rows:
            _note_upload(row, article, names, failures)
        tell(f"sent {sent} photos of {len(skus)} products")
    client.wait_until_indexed(
        gallery, waiting=lambda pending: tell(f"{pending} photos are still being indexed")
    )
    seconds = time.monotonic() - start
    wait_until_settled(client, gallery, tell)
    failures += [_describe_failure(row, names) for row in client.list_images(gallery, state="failed")]
    return Imported(created, sent, skipped, tuple(failures), seconds)


def _read_photos(article: Article, failures: list[Failure]) -> list[Photo]:
    uploads = []
    for path in article.photos:
        try:
            uploads.append(Photo.from_path(path))
        except OSError as error:
            failures.append(
                Failure(str(path), "file_unreadable", f"The file cannot be read: {error.strerror}.")
            )
    return uploads


def _note_upload(row: ImageRow, article: Article, names: dict[str, str], failures: list[Failure]) -> None:
    name = f"{article.title}/{row.filename}"
    if row.id is not None:
        names[row.id] = name
    else:
        failures.append(
            Failure(name, row.failure_code or "refused", row.failure_message or "The photo was refused.")
        )


def _describe_failure(row: ImageRow, names: dict[str, str]) -> Failure:
    name = names.get(row.id or "", row.filename)
    return Failure(
        name, row.failure_code or "failed", row.failure_message or "The photo could not be indexed."
    )
