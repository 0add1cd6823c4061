"""Another try for the rows that failed."""

from collections.abc import Callable

import pytest
import redis
from django.utils import timezone

from jobs.models import Job, JobItem
from retrieval.index.store import VectorStore
from tenants.domain.products import create_product, delete_product
from tenants.errors import Conflict
from tenants.models import Product, Upload
from tests.api.photos import draw_photo
from tests.jobs.conftest import broker, relay
from tests.retrieval.shelf import Shelf
from tests.transfer.imports.catalogues import (
    Catalogue,
    ask_import,
    catalogue,
    counts_of,
    make_import,
    run_to_end,
    states_of,
)
from transfer.imports.cancelling import cancel_import
from transfer.imports.retrying import retry_import

__all__ = ["broker", "relay"]
pytestmark = pytest.mark.usefixtures("broker")
Serve = Callable[[Catalogue], Catalogue]


def retry(job: Job) -> Job:
    """The retry as it ended."""
    return run_to_end(retry_import(job=job, trigger="test"))


def test_retry_runs_the_failed_rows_only(shop: Shelf, store: VectorStore, serve: Serve) -> None:
    source = serve(catalogue({"one/a.png": draw_photo(1), "one/b.png": b"broken", "two/c.png": b"broken"}))
    first = run_to_end(make_import(shop))
    assert counts_of(first) == (3, 1, 2, 0)
    source.photos = {"one/a.png": draw_photo(1), "one/b.png": draw_photo(2), "two/c.png": b"broken"}

    second = retry(first)

    assert states_of(second) == {"one/b.png": "indexed", "two/c.png": "failed image_unsupported_format"}
    assert second.input["retry_of"] == str(first.pk)
    assert list(JobItem.objects.filter(job=second).order_by("line").values_list("line", flat=True)) == [2, 3]
    source.photos = {**source.photos, "two/c.png": draw_photo(3)}
    assert states_of(retry(second)) == {"two/c.png": "indexed"}
    assert counts_of(Job.objects.get(pk=first.pk)) == (3, 1, 2, 0)


def test_retry_of_a_replacing_import_retires_nothing(shop: Shelf, serve: Serve) -> None:
    source = serve(catalogue({"one/a.png": draw_photo(1), "two/b.png": b"broken"}))
    first = run_to_end(make_import(shop, mode="replace"))
    source.photos = {**source.photos, "two/b.png": draw_photo(2)}
    assert counts_of(retry(first)) == (1, 1, 0, 0)
    assert Product.objects.filter(gallery=shop.gallery, deleted_at=None).count() == 2


def test_retry_of_a_creating_import_knows_its_own_products(shop: Shelf, serve: Serve) -> None:
    old = create_product(gallery=shop.gallery, sku="old")
    older = create_product(gallery=shop.gallery, sku="older")
    photos = {f"{sku}/a.png": draw_photo(n) for n, sku in enumerate(["old", "older", "new"])}
    source = serve(catalogue({**photos, "new/a.png": b"broken"}))
    first = run_to_end(make_import(shop, mode="create"))
    assert counts_of(first) == (3, 0, 3, 0)
    delete_product(product=old)
    source.photos = photos

    second = retry(first)

    assert states_of(second) == {
        "old/a.png": "indexed",
        "older/a.png": "failed sku_exists",
        "new/a.png": "indexed",
    }
    older.refresh_from_db()
    assert older.deleted_at is None


def test_cancelled_import_is_taken_up_by_a_retry(shop: Shelf, serve: Serve) -> None:
    serve(catalogue({"one/a.png": draw_photo(1), "one/b.png": draw_photo(2)}))
    job = make_import(shop)
    job.result = {"listed": True, "rows": 2}
    job.save()
    JobItem.objects.bulk_create(
        JobItem(tenant=shop.tenant, job=job, line=line, sku="one", name="n") for line in (1, 2)
    )
    assert counts_of(retry(cancel_import(job))) == (2, 2, 0, 0)


def test_retry_is_refused_where_it_makes_no_sense(shop: Shelf, serve: Serve) -> None:
    serve(catalogue({"one/a.png": draw_photo(1)}))
    done = run_to_end(make_import(shop))
    unlisted = cancel_import(make_import(shop))
    waiting = make_import(shop)
    for job, code in [
        (done, "nothing_to_retry"),
        (unlisted, "nothing_to_retry"),
        (waiting, "job_unfinished"),
    ]:
        with pytest.raises(Conflict) as refused:
            retry_import(job=job, trigger="test")
        assert refused.value.code == code
    cancel_import(waiting)


def test_retry_of_an_upload_that_is_gone_says_so(shop: Shelf, broker: "redis.Redis") -> None:
    job = run_to_end(ask_import(shop, {"one/a.png": b"broken", "one/b.png": draw_photo(1)}))
    assert counts_of(job) == (2, 1, 1, 0)
    Upload.objects.update(expires_at=timezone.now())
    with pytest.raises(Conflict) as refused:
        retry_import(job=job, trigger="test")
    assert refused.value.code == "source_gone"
