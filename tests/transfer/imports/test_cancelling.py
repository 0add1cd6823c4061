"""An import that nobody wants any more: what is done stays, and every row ends."""

import threading
from collections.abc import Callable

import pytest
from django.utils import timezone
from pytest_django import Settings

from jobs.cancelling import cancel_job
from jobs.models import Job, JobItem
from retrieval.index.store import VectorStore
from retrieval.photos.purging import purge_deleted
from tenants.errors import Conflict
from tenants.models import ReferenceImage
from tests.api.photos import draw_photo
from tests.retrieval.gate import Gate
from tests.retrieval.moments import act_after, act_before, kill, once
from tests.retrieval.shelf import Shelf, list_stored_files, run_together
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
from tests.transfer.imports.test_killed import kill_slice
from transfer.imports import storing
from transfer.imports.cancelling import cancel_import
from transfer.imports.ending import end_abandoned

Serve = Callable[[Catalogue], Catalogue]

PHOTOS = {f"one/{seed}.png": draw_photo(seed) for seed in range(8)}


def assert_cancelled(shelf: Shelf, job: Job, store: VectorStore) -> Job:
    purge_deleted()
    job = Job.objects.get(pk=job.pk)
    assert (job.state, job.code) == ("cancelled", "cancelled")
    assert job.done + job.failed + job.skipped == job.total == JobItem.objects.filter(job=job).count()
    assert job.done == JobItem.objects.filter(job=job, state="indexed").count()
    assert_exact(shelf, job, store)
    return job


def test_import_that_has_not_begun_is_cancelled(shop: Shelf, store: VectorStore) -> None:
    job = cancel_import(make_import(shop))
    assert counts_of(assert_cancelled(shop, job, store)) == (0, 0, 0, 0)


def test_cancelled_import_keeps_what_is_done(
    shop: Shelf, store: VectorStore, serve: Serve, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled by somebody else while its photos are in the models."""
    settings.INDEX_BATCH = 2
    serve(catalogue(PHOTOS))
    job = make_import(shop)
    batches: list[int] = []

    def cancel_in_third_batch() -> None:
        batches.append(1)
        if len(batches) == 3:
            run_together(shop, lambda: cancel_import(job))

    Gate(monkeypatch, cancel_in_third_batch)
    run_slice(job)

    job = assert_cancelled(shop, job, store)
    assert job.done >= 1
    assert job.failed >= 2
    assert set(states_of(job).values()) == {"indexed", "failed cancelled"}


def test_cancelling_waits_for_photos_that_are_being_stored(
    shop: Shelf, store: VectorStore, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(catalogue(PHOTOS))
    job = make_import(shop)
    cancelled = threading.Thread(target=lambda: run_together(shop, lambda: cancel_import(job)))
    # The rows are locked by then: the one who cancels comes after them, not between.
    act_before(monkeypatch, storing, "replace_file", once(cancelled.start))
    run_slice(job)
    cancelled.join()
    job = assert_cancelled(shop, job, store)
    assert job.failed == len(PHOTOS)
    assert list_stored_files(shop) == set()


def test_cancelling_removes_what_a_killed_worker_left(
    shop: Shelf, store: VectorStore, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(catalogue(PHOTOS))
    job = make_import(shop)
    with monkeypatch.context() as killed:
        act_after(killed, storing, "replace_file", once(kill))
        kill_slice(job)
    assert list_stored_files(shop)
    cancel_import(job)
    assert list_stored_files(shop) == set()
    assert_cancelled(shop, job, store)


def test_cancelling_while_rows_are_listed_ends_those_that_are_there(
    shop: Shelf, store: VectorStore, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.imports.listing._BATCH", 2)
    source = serve(catalogue(PHOTOS))
    job = make_import(shop)

    def cancel_in_third_batch(line: int) -> None:
        if line == 5:
            run_together(shop, lambda: cancel_import(job))

    source.listing = cancel_in_third_batch
    run_slice(job)
    assert counts_of(assert_cancelled(shop, job, store)) == (4, 0, 4, 0)


def test_import_that_has_ended_is_not_cancelled(shop: Shelf, serve: Serve) -> None:
    serve(catalogue({"one/a.png": draw_photo(1)}))
    job = run_to_end(make_import(shop))
    with pytest.raises(Conflict) as refused:
        cancel_import(job)
    assert refused.value.code == "job_finished"
    assert states_of(job) == {"one/a.png": "indexed"}


@pytest.mark.parametrize("how", ["cancelled", "given up"])
def test_rows_of_an_import_that_somebody_else_ended_are_ended(
    shop: Shelf, store: VectorStore, serve: Serve, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    serve(catalogue(PHOTOS))
    job = make_import(shop)
    with monkeypatch.context() as killed:
        act_after(killed, storing, "replace_file", once(kill))
        kill_slice(job)
    if how == "cancelled":
        cancel_job(job)
    else:
        Job.objects.filter(pk=job.pk).update(state="errored", code="gave_up", finished_at=timezone.now())

    end_abandoned()

    job.refresh_from_db()
    assert (job.total, job.failed) == (len(PHOTOS), len(PHOTOS))
    assert set(states_of(job).values()) == {f"failed {job.code}"}
    assert not ReferenceImage.objects.filter(gallery=shop.gallery).exists()
    assert_exact(shop, job, store)
