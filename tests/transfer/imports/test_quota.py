"""Imports into shops that may not have it all: what has no room fails row by row, and nothing else does."""

from collections.abc import Callable, Iterator

import pytest

from jobs.models import JobItem
from retrieval.index.store import VectorStore
from tenants.domain.allowances import reset_quota, set_quota
from tenants.domain.images import add_image
from tenants.domain.quotas import read_holdings
from tenants.models import Product, ReferenceImage
from tests.api.photos import draw_photo
from tests.retrieval.moments import Killed, act_after, kill, once
from tests.retrieval.shelf import Shelf
from tests.transfer.imports.catalogues import (
    Catalogue,
    assert_exact,
    catalogue,
    counts_of,
    make_import,
    run_slice,
    run_to_end,
    states_of,
)
from transfer.imports import storing
from transfer.imports.retrying import retry_import

Serve = Callable[[Catalogue], Catalogue]
PHOTOS = {f"sku-{seed % 2}/{seed}.png": draw_photo(seed) for seed in range(5)}


@pytest.fixture
def shop(shop: Shelf) -> Iterator[Shelf]:
    """The shelf, which has no quota again at the end."""
    yield shop
    reset_quota(tenant=shop.tenant)


def assert_counted(shop: Shelf) -> None:
    """That the counters are what there is."""
    has = read_holdings(shop.tenant.pk)
    sizes = list(ReferenceImage.objects.values_list("size", flat=True))
    assert (has.images, has.bytes, has.products) == (len(sizes), sum(sizes), Product.objects.count())


def test_photos_without_room_fail_and_a_retry_takes_them_when_there_is(
    shop: Shelf, store: VectorStore, serve: Serve
) -> None:
    serve(catalogue(PHOTOS))
    set_quota(tenant=shop.tenant, bounds={"images": 3})
    job = run_to_end(make_import(shop))
    assert (job.state, counts_of(job)) == ("succeeded", (5, 3, 2, 0))
    assert sorted(states_of(job).values()) == ["failed quota_exceeded"] * 2 + ["indexed"] * 3
    message = JobItem.objects.filter(job=job, code="quota_exceeded").values_list("message", flat=True)[0]
    assert "3 images" in message
    assert_exact(shop, job, store)
    assert_counted(shop)

    set_quota(tenant=shop.tenant, bounds={"images": 5})
    again = run_to_end(retry_import(job=job, trigger="test"))
    assert counts_of(again) == (2, 2, 0, 0)
    assert_counted(shop)


def test_photos_are_taken_as_long_as_their_bytes_have_room(
    shop: Shelf, store: VectorStore, serve: Serve
) -> None:
    serve(catalogue(PHOTOS))
    set_quota(tenant=shop.tenant, bounds={"bytes": sum(len(photo) for photo in PHOTOS.values()) - 1})
    job = run_to_end(make_import(shop))
    assert counts_of(job) == (5, 4, 1, 0)
    assert_counted(shop)


def test_rows_of_products_without_room_fail_with_all_their_photos(
    shop: Shelf, store: VectorStore, serve: Serve
) -> None:
    serve(catalogue(PHOTOS))
    set_quota(tenant=shop.tenant, bounds={"products": 1})
    job = run_to_end(make_import(shop))
    assert job.result["created"] == 1
    assert states_of(job) == {
        name: "indexed" if name.startswith("sku-0") else "failed quota_exceeded" for name in PHOTOS
    }
    assert_exact(shop, job, store)
    assert_counted(shop)


def test_room_that_others_take_meanwhile_is_not_given_twice(
    shop: Shelf, store: VectorStore, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between seeing the room and taking it, somebody uploads a photo."""
    serve(catalogue(PHOTOS))
    set_quota(tenant=shop.tenant, bounds={"images": 3})
    product = Product.objects.create(tenant=shop.tenant, gallery=shop.gallery, sku="other")

    def upload() -> None:
        add_image(product=product, filename="x.png", image_format="png", data=draw_photo(9))

    act_after(monkeypatch, storing, "_find_known", once(upload))
    job = run_to_end(make_import(shop))
    assert counts_of(job) == (5, 2, 3, 0)
    assert ReferenceImage.objects.count() == 3
    assert_counted(shop)


def test_worker_killed_behind_its_files_leaves_none_of_those_that_then_have_no_room(
    shop: Shelf, store: VectorStore, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(catalogue(PHOTOS))
    job = make_import(shop)
    with monkeypatch.context() as patched:
        act_after(patched, storing, "replace_file", kill)
        with pytest.raises(Killed):
            run_slice(job)
    set_quota(tenant=shop.tenant, bounds={"images": 1})
    job = run_to_end(job)
    assert counts_of(job) == (5, 1, 4, 0)
    assert_exact(shop, job, store)
    assert_counted(shop)
