"""Rows without a photo: each is its product's, and ends with it."""

from collections.abc import Callable
from typing import Any

import pytest

from jobs.models import Job, JobItem
from retrieval.index.store import VectorStore
from tenants.domain.products import create_product, delete_product
from tenants.models import Product, ReferenceImage
from tests.api.photos import draw_photo
from tests.jobs.conftest import broker, relay
from tests.retrieval.moments import act_after, act_before, kill, once
from tests.retrieval.shelf import Shelf
from tests.transfer.imports.catalogues import (
    Catalogue,
    assert_exact,
    catalogue,
    counts_of,
    make_import,
    run_slice,
    run_to_end,
)
from tests.transfer.imports.test_killed import kill_slice
from transfer.imports import bare, running
from transfer.imports.cancelling import cancel_import
from transfer.imports.retrying import retry_import
from transfer.sources.source import SourceRow

__all__ = ["broker", "relay"]
Serve = Callable[[Catalogue], Catalogue]


def bare_rows(*skus: str, start: int = 1, **fields: Any) -> list[SourceRow]:
    """A row without a photo for each SKU."""
    return [SourceRow(line, sku, "", "", fields) for line, sku in enumerate(skus, start)]


def serve_mixed(serve: Serve) -> Catalogue:
    """Two rows with photos, and then `a` to `e` without; `a` is a style of `e`."""
    mixed = catalogue({"one/a.png": draw_photo(1), "a/b.png": draw_photo(2)})
    styled = bare_rows("a", start=3, title="A", style_of="e")
    mixed.rows = [*mixed.rows, *styled, *bare_rows("b", "c", "d", "e", start=4)]
    return serve(mixed)


def states_by_line(job: Job) -> dict[int, str]:
    rows = JobItem.objects.filter(job=job).values_list("line", "state", "code")
    return {line: f"{state} {code}".strip() for line, state, code in rows}


def forbid_reading(source: Catalogue) -> None:
    def check(place: str) -> None:
        assert place, "a row without a photo was fed"

    source.reading = check


def test_rows_without_photos_end_with_their_products(shop: Shelf, store: VectorStore, serve: Serve) -> None:
    forbid_reading(serve_mixed(serve))
    job = run_to_end(make_import(shop))

    assert (job.state, counts_of(job)) == ("succeeded", (7, 7, 0, 0))
    assert job.result == {"created": 6, "updated": 0, "problems": []}
    assert set(states_by_line(job).values()) == {"indexed"}
    assert_exact(shop, job, store)
    products = {product.sku: product for product in Product.objects.filter(gallery=shop.gallery)}
    assert sorted(products) == ["a", "b", "c", "d", "e", "one"]
    assert (products["a"].title, products["a"].style_of) == ("A", products["e"])
    assert ReferenceImage.objects.filter(product=products["a"]).count() == 1


def test_import_without_any_photo_succeeds(shop: Shelf, store: VectorStore, serve: Serve) -> None:
    there = create_product(gallery=shop.gallery, sku="b", title="old")
    serve(Catalogue(bare_rows("a", "b", title="new")))
    job = run_to_end(make_import(shop))
    assert (job.state, counts_of(job)) == ("succeeded", (2, 2, 0, 0))
    assert job.result == {"created": 1, "updated": 1}
    there.refresh_from_db()
    assert there.title == "new"
    assert_exact(shop, job, store)


def test_dry_run_plans_rows_without_photos(shop: Shelf, serve: Serve) -> None:
    serve(Catalogue(bare_rows("a", "b")))
    job = run_to_end(make_import(shop, dry_run=True))
    assert states_by_line(job) == {1: "planned", 2: "planned"}
    assert (job.result, counts_of(job)) == ({"would_create": 2, "would_update": 0}, (2, 2, 0, 0))
    assert not Product.objects.filter(gallery=shop.gallery).exists()


def test_modes_count_rows_without_photos(shop: Shelf, serve: Serve) -> None:
    for sku in ("a", "gone"):
        create_product(gallery=shop.gallery, sku=sku)
    serve(Catalogue(bare_rows("a", "b")))
    job = run_to_end(make_import(shop, mode="create"))
    assert states_by_line(job) == {1: "failed sku_exists", 2: "indexed"}

    job = run_to_end(make_import(shop, mode="replace"))
    assert (job.result["retired"], counts_of(job)) == (1, (2, 2, 0, 0))
    live = Product.objects.filter(gallery=shop.gallery, deleted_at=None)
    assert sorted(live.values_list("sku", flat=True)) == ["a", "b"]


MOMENTS = [
    *((act, running, name) for act in (act_before, act_after) for name in ("store_products", "link_styles")),
    (act_before, bare, "describe_orphan"),
    (act_before, running, "Feeder"),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: f"{moment[0].__name__} {moment[2]}")
def test_killed_import_ends_each_row_once(
    shop: Shelf,
    store: VectorStore,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    moment: tuple[Callable[..., None], Any, str],
) -> None:
    act, room, name = moment
    monkeypatch.setattr(bare, "_BATCH", 2)
    forbid_reading(serve_mixed(serve))
    job = make_import(shop)
    with monkeypatch.context() as killed:
        act(killed, room, name, once(kill))
        kill_slice(job)
    job = run_to_end(job)
    assert (job.state, counts_of(job)) == ("succeeded", (7, 7, 0, 0))
    assert_exact(shop, job, store)


def test_product_deleted_meanwhile_fails_its_row(
    shop: Shelf, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(Catalogue(bare_rows("gone", "kept")))

    def delete_it() -> None:
        delete_product(product=Product.objects.get(gallery=shop.gallery, sku="gone"))

    act_after(monkeypatch, running, "store_products", delete_it)
    job = run_to_end(make_import(shop))
    assert states_by_line(job) == {1: "failed product_deleted", 2: "indexed"}
    assert counts_of(job) == (2, 1, 1, 0)


@pytest.mark.usefixtures("broker")
def test_cancelled_rows_without_photos_are_taken_up_by_a_retry(
    shop: Shelf, store: VectorStore, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_mixed(serve)
    job = make_import(shop)
    with monkeypatch.context() as cancelled:
        act_before(cancelled, running, "end_bare_rows", lambda: cancel_import(job))
        job = run_slice(job)
    assert (job.state, counts_of(job)) == ("cancelled", (7, 0, 7, 0))
    assert set(states_by_line(job).values()) == {"failed cancelled"}

    again = run_to_end(retry_import(job=job, trigger="test"))

    assert (again.state, counts_of(again)) == ("succeeded", (7, 7, 0, 0))
    assert_exact(shop, again, store)
