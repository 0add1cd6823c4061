"""An import from its source to the end of every row."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from jobs.models import Job, JobItem
from retrieval.index.store import VectorStore
from retrieval.photos.purging import purge_deleted
from tenants.domain.images import add_image, delete_image
from tenants.domain.products import create_product, delete_product
from tenants.models import Gallery, Product, ReferenceImage
from tests.api.photos import draw_photo
from tests.retrieval.gate import Gate
from tests.retrieval.shelf import Shelf
from tests.transfer.imports.catalogues import (
    Catalogue,
    ask_import,
    assert_exact,
    catalogue,
    counts_of,
    make_import,
    run_slice,
    run_to_end,
    states_of,
)
from transfer.sources.source import SourceRow

Serve = Callable[[Catalogue], Catalogue]


def test_archive_of_folders_is_imported(shop: Shelf, store: VectorStore) -> None:
    photos = {f"sku-{seed // 2}/{seed}.png": draw_photo(seed) for seed in range(5)}
    job = run_to_end(ask_import(shop, photos))

    assert (job.state, counts_of(job)) == ("succeeded", (5, 5, 0, 0))
    assert job.result == {"created": 3, "updated": 0}
    assert set(states_of(job).values()) == {"indexed"}
    assert_exact(shop, job, store)
    products = Product.objects.filter(gallery=shop.gallery)
    assert sorted(products.values_list("sku", flat=True)) == ["sku-0", "sku-1", "sku-2"]
    image = ReferenceImage.objects.get(product__sku="sku-2")
    assert (image.filename, image.content_type, image.width) == ("4.png", "image/png", 320)


def test_each_row_ends_as_its_photo_deserves(shop: Shelf, store: VectorStore) -> None:
    """One bad row never fails the import."""
    files = {
        "one/good.png": draw_photo(1),
        "one/same.png": draw_photo(1),
        "two/shared.png": draw_photo(1),
        "two/text.png": b"no photo at all",
        "two/broken.png": draw_photo(2)[:2000],
        "two/good.png": draw_photo(3),
    }
    job = run_to_end(ask_import(shop, files))

    assert (job.state, counts_of(job)) == ("succeeded", (6, 3, 2, 1))
    states = {name.rpartition("/")[2]: state for name, state in states_of(job).items()}
    rows = {row.name.rpartition("/")[2]: row for row in JobItem.objects.filter(job=job, sku="two")}
    first = ReferenceImage.objects.get(product__sku="one")
    assert states["text.png"] == "failed image_unsupported_format"
    assert states["broken.png"] == "failed image_unreadable"
    assert states["same.png"] == "duplicate exact_duplicate"
    assert JobItem.objects.get(job=job, state="duplicate").duplicate_of == first.pk
    assert rows["shared.png"].conflicts == [first.pk]
    assert rows["good.png"].conflicts == []
    assert rows["broken.png"].message == ReferenceImage.objects.get(state="failed").failure_message


def test_second_import_of_the_same_photos_finds_them_all(shop: Shelf, store: VectorStore) -> None:
    photos = {f"one/{seed}.png": draw_photo(seed) for seed in range(3)}
    run_to_end(ask_import(shop, photos))
    images = set(ReferenceImage.objects.values_list("pk", flat=True))

    job = run_to_end(ask_import(shop, photos))

    assert counts_of(job) == (3, 0, 0, 3)
    assert set(ReferenceImage.objects.values_list("pk", flat=True)) == images
    assert set(JobItem.objects.filter(job=job).values_list("duplicate_of", flat=True)) == images


def test_photo_that_looks_the_same_is_a_duplicate_where_that_is_asked(
    shop: Shelf, store: VectorStore, serve: Serve
) -> None:
    copy = draw_photo(1, image_format="JPEG")
    photos = {"one/a.png": draw_photo(1), "one/b.jpg": copy, "two/c.jpg": copy}
    serve(catalogue(photos))

    job = run_to_end(make_import(shop, near_duplicates=2))

    assert states_of(job)["one/b.jpg"] == "duplicate near_duplicate"
    assert counts_of(job) == (3, 2, 0, 1)
    kept = ReferenceImage.objects.get(filename="a.png")
    assert kept.pk in JobItem.objects.get(job=job, sku="two").conflicts
    purge_deleted()
    assert_exact(shop, job, store)


def test_photo_that_had_failed_gets_another_chance(shop: Shelf, serve: Serve) -> None:
    product = create_product(gallery=shop.gallery, sku="one")
    image = add_image(product=product, filename="a.png", image_format="png", data=draw_photo(1)).image
    ReferenceImage.objects.filter(pk=image.pk).update(state="failed", failure_code="file_lost")
    serve(catalogue({"one/a.png": draw_photo(1)}))

    job = run_to_end(make_import(shop))

    image.refresh_from_db()
    row = JobItem.objects.get(job=job)
    assert (row.state, row.image_id, image.state) == ("indexed", image.pk, "indexed")


def test_products_hold_what_their_rows_say_last(shop: Shelf, serve: Serve) -> None:
    there = create_product(gallery=shop.gallery, sku="b", title="kept", category="old", attributes={"a": 1})
    fields: list[tuple[str, dict[str, Any]]] = [
        ("a", {"title": "first", "attributes": {"size": "L"}}),
        ("b", {"category": "new", "score_threshold": 0.5, "style_of": "a"}),
        ("a", {"title": "last"}),
        ("c", {"style_of": "nowhere"}),
    ]
    rows = [SourceRow(line, sku, "none", "none", said) for line, (sku, said) in enumerate(fields, start=1)]
    serve(Catalogue(rows))

    job = run_to_end(make_import(shop))

    a, b, c = Product.objects.filter(gallery=shop.gallery).order_by("sku")
    assert (a.title, a.attributes, a.style_of) == ("last", {"size": "L"}, None)
    assert (b.pk, b.title, b.category, b.attributes) == (there.pk, "kept", "new", {"a": 1})
    assert (b.score_threshold, b.style_of, c.style_of) == (0.5, a, None)
    assert b.updated_at > there.updated_at
    assert (job.result["created"], job.result["updated"]) == (2, 1)
    (problem,) = job.result["problems"]
    assert problem["line"] == 4
    assert "nowhere" in problem["message"]
    assert set(states_of(job).values()) == {"failed photo_missing"}


def test_given_box_goes_with_the_photo(shop: Shelf, serve: Serve) -> None:
    serve(catalogue({"one/a.png": draw_photo(1)}, box=[85, 60, 235, 260]))
    run_to_end(make_import(shop))
    assert ReferenceImage.objects.get().given_box == [85, 60, 235, 260]


def test_mode_create_refuses_products_that_were_there_and_only_those(shop: Shelf, serve: Serve) -> None:
    create_product(gallery=shop.gallery, sku="old", title="kept")
    serve(
        catalogue({f"{sku}/{n}.png": draw_photo(n) for n, sku in enumerate(["old", "new", "new"])}, title="t")
    )

    job = run_to_end(make_import(shop, mode="create"))

    assert states_of(job) == {
        "old/0.png": "failed sku_exists",
        "new/1.png": "indexed",
        "new/2.png": "indexed",
    }
    titles = Product.objects.filter(gallery=shop.gallery).values_list("sku", "title")
    assert dict(titles) == {"old": "kept", "new": "t"}


def test_mode_replace_retires_products_that_no_row_names(shop: Shelf, serve: Serve) -> None:
    for sku in ("kept", "broken", "gone"):
        product = create_product(gallery=shop.gallery, sku=sku)
        add_image(product=product, filename="a.png", image_format="png", data=draw_photo(len(sku)))
    serve(catalogue({"kept/a.png": draw_photo(11), "broken/a.png": b"no photo"}))

    job = run_to_end(make_import(shop, mode="replace"))

    live = Product.objects.filter(gallery=shop.gallery, deleted_at=None)
    assert sorted(live.values_list("sku", flat=True)) == ["broken", "kept"]
    assert (job.state, job.result["retired"], counts_of(job)) == ("succeeded", 1, (2, 1, 1, 0))
    assert not ReferenceImage.objects.filter(product__sku="gone", deleted_at=None).exists()


def test_dry_run_says_what_would_be_and_changes_nothing(shop: Shelf, serve: Serve) -> None:
    for sku in ("kept", "gone", "going"):
        create_product(gallery=shop.gallery, sku=sku)
    serve(catalogue({"kept/a.png": draw_photo(1), "new/a.png": draw_photo(2), "/c.png": draw_photo(3)}))

    job = run_to_end(make_import(shop, mode="replace", dry_run=True))

    assert job.state == "succeeded"
    assert job.result == {
        "would_create": 1,
        "would_update": 1,
        "would_retire": ["going", "gone"],
        "retire_count": 2,
    }
    assert counts_of(job) == (3, 2, 1, 0)
    assert states_of(job) == {"kept/a.png": "planned", "new/a.png": "planned", "/c.png": "failed row_invalid"}
    assert Product.objects.filter(gallery=shop.gallery, deleted_at=None).count() == 3
    assert not ReferenceImage.objects.exists()


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([], "no rows"),
        ([SourceRow(7, " ", "a", "a")], r"Line 7: .* no SKU"),
        ([SourceRow(7, "s" * 101, "a", "a")], "longer than 100"),
    ],
    ids=["empty", "blank", "long"],
)
def test_source_without_a_usable_row_fails_with_its_reason(
    shop: Shelf, serve: Serve, listed: list[SourceRow], message: str
) -> None:
    serve(Catalogue(listed))
    job = run_to_end(make_import(shop, mode="replace"))
    assert (job.state, job.code) == ("failed", "no_usable_rows")
    assert re.search(message, job.message)
    assert len(job.result.get("problems", [])) == len(listed)


def test_source_that_is_refused_says_which_lines(shop: Shelf) -> None:
    create_product(gallery=shop.gallery, sku="kept")
    job = run_to_end(ask_import(shop, {"../evil.png": draw_photo(1)}, mode="replace"))
    assert job.state == "failed"
    assert "evil" in job.message
    assert Product.objects.filter(gallery=shop.gallery, deleted_at=None).count() == 1


def test_photo_deleted_before_it_is_indexed_fails_its_row(
    shop: Shelf, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(catalogue({"one/a.png": draw_photo(1), "one/b.png": draw_photo(2)}))
    Gate(monkeypatch, lambda: delete_image(image=ReferenceImage.objects.get(filename="a.png")))
    job = run_to_end(make_import(shop))
    assert states_of(job) == {"one/a.png": "failed image_deleted", "one/b.png": "indexed"}


def test_product_deleted_while_the_import_runs_fails_its_rows(shop: Shelf, serve: Serve) -> None:
    photos = {"gone/a.png": draw_photo(1), "kept/b.png": draw_photo(2)}
    source = serve(catalogue(photos))

    def delete_it(place: str) -> None:
        for product in Product.objects.filter(sku="gone"):
            delete_product(product=product)

    source.reading = delete_it
    job = run_to_end(make_import(shop))
    assert states_of(job) == {"gone/a.png": "failed product_deleted", "kept/b.png": "indexed"}


def test_gallery_deleted_while_the_import_runs_fails_all_that_is_left(shop: Shelf, serve: Serve) -> None:
    serve(catalogue({"one/a.png": draw_photo(1)}))
    job = make_import(shop)
    Gallery.objects.filter(pk=shop.gallery.pk).update(deleted_at="2020-01-01T00:00Z")
    try:
        ended = run_slice(job)
    finally:
        Gallery.objects.filter(pk=shop.gallery.pk).update(deleted_at=None)
    assert (ended.state, ended.code) == ("failed", "gallery_deleted")


def test_import_waits_for_a_gallery_that_is_not_ready(shop: Shelf, serve: Serve) -> None:
    serve(catalogue({"one/a.png": draw_photo(1)}))
    job = make_import(shop)
    Gallery.objects.filter(pk=shop.gallery.pk).update(state=Gallery.State.PROVISIONING)
    try:
        assert run_slice(job).state == "pending"
    finally:
        Gallery.objects.filter(pk=shop.gallery.pk).update(state=Gallery.State.READY)
    assert run_to_end(job).state == Job.State.SUCCEEDED
