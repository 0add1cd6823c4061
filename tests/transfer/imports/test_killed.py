"""Workers killed at every point of an import: the next slice goes on, and nothing is lost or doubled."""

from collections.abc import Callable
from types import ModuleType

import pytest
from pytest_django import Settings

from jobs.errors import Unavailable
from jobs.models import Job, JobItem
from jobs.progress import MAX_ATTEMPTS as JOB_ATTEMPTS
from jobs.turn import Turn
from retrieval.index.store import VectorStore
from retrieval.photos.indexing import index_pending
from tenants.domain import files
from tenants.errors import StorageAway
from tenants.models import Product
from tests.api.photos import draw_photo
from tests.retrieval.moments import Killed, act_after, act_before, kill, once
from tests.retrieval.shelf import Shelf, list_stored_files
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
from transfer.imports import feeding, listing, products, running, storing
from transfer.imports.feeding import MAX_ATTEMPTS

Serve = Callable[[Catalogue], Catalogue]

PHOTOS = {f"sku-{seed % 3}/{seed}.png": draw_photo(seed) for seed in range(6)}


def kill_slice(job: Job) -> None:
    """A slice that does not end: as after kill -9, the job stays `running` until its lease is over."""
    with pytest.raises(Killed):
        run_slice(job)
    assert Job.objects.get(pk=job.pk).state == Job.State.RUNNING


@pytest.mark.parametrize(
    ("act", "owner", "name"),
    [
        (act_before, listing, "make_item"),
        (act_after, listing, "_list_rows"),
        (act_after, running, "list_source"),
        (act_before, products, "_write_products"),
        (act_after, products, "_write_products"),
        (act_after, running, "store_products"),
        (act_before, feeding, "read_photos"),
        (act_before, feeding, "store_photos"),
        (act_before, storing, "_find_known"),
        (act_after, storing, "replace_file"),
        (act_after, feeding, "store_photos"),
        (act_before, running, "index_pending"),
        (act_after, running, "index_pending"),
        (act_before, running, "settle_items"),
        (act_after, running, "settle_items"),
        (act_after, running, "drop_marks"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)).rpartition(".")[2],
)
def test_import_goes_on_wherever_its_worker_was_killed(  # noqa: PLR0917 - fixtures and the table's columns
    shop: Shelf,
    store: VectorStore,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    act: Callable[..., None],
    owner: ModuleType,
    name: str,
) -> None:
    settings.INDEX_BATCH = 4
    serve(catalogue(PHOTOS))
    job = make_import(shop)
    act(monkeypatch, owner, name, once(kill))
    kill_slice(job)

    ended = run_to_end(job)

    assert (ended.state, counts_of(ended)) == ("succeeded", (6, 6, 0, 0))
    assert ended.result == {"created": 3, "updated": 0}
    assert_exact(shop, ended, store)


def test_import_gets_there_although_every_slice_is_killed_after_a_batch(
    shop: Shelf, store: VectorStore, serve: Serve, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Far more often than a job that gets nowhere is tried."""
    settings.INDEX_BATCH = 1
    photos = {f"one/{seed}.png": draw_photo(seed) for seed in range(JOB_ATTEMPTS + 4)}
    serve(catalogue(photos))
    job = make_import(shop)
    monkeypatch.setattr("transfer.imports.feeder._REPORT_EVERY_S", 0.0)
    left = len(photos) - 1

    def kill_while_there_are_more() -> None:
        nonlocal left
        left -= 1
        if left > 0:
            raise Killed

    monkeypatch.setattr(running, "index_pending", lambda _turn: index_pending(Turn(0, 0)))
    act_after(monkeypatch, running, "index_pending", kill_while_there_are_more)
    killed = 0
    while job.state in ("pending", "running"):
        try:
            job = run_slice(job)
        except Killed:
            killed += 1

    assert killed > JOB_ATTEMPTS
    assert (job.state, counts_of(job)[1]) == ("succeeded", len(photos))
    assert_exact(shop, job, store)


def test_photo_whose_reading_kills_is_given_up_and_takes_no_other_with_it(
    shop: Shelf, store: VectorStore, serve: Serve
) -> None:
    def kill_on_poison(place: str) -> None:
        if place == "sku-1/4.png":
            raise Killed

    serve(Catalogue(catalogue(PHOTOS).rows, PHOTOS, kill_on_poison))
    job = make_import(shop)
    killed = 0
    while job.state in ("pending", "running"):
        try:
            job = run_slice(job)
        except Killed:
            killed += 1

    assert killed == MAX_ATTEMPTS
    assert (job.state, counts_of(job)) == ("succeeded", (6, 5, 1, 0))
    assert states_of(job)["sku-1/4.png"] == "failed gave_up"
    assert_exact(shop, job, store)


def test_file_that_was_stored_before_its_photo_was_refused_is_removed(
    shop: Shelf, store: VectorStore, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the file was stored; at the next attempt the source has the photo no more."""
    source = serve(catalogue({"one/a.png": draw_photo(1)}))
    job = make_import(shop)
    act_after(monkeypatch, storing, "replace_file", once(kill))
    kill_slice(job)
    assert len(list_stored_files(shop)) == 1
    source.photos = {}

    ended = run_to_end(job)

    assert states_of(ended) == {"one/a.png": "failed photo_missing"}
    assert list_stored_files(shop) == set()


@pytest.mark.parametrize(
    ("where", "trouble"),
    [
        ("transfer.imports.storing.replace_file", StorageAway("The disk is away.")),
        ("transfer.imports.feeding.read_photos", Unavailable("away", code="storage_away", retry_after=5)),
        ("transfer.imports.running.index_pending", Unavailable("away", code="index_away", retry_after=5)),
    ],
    ids=["storing", "reading", "indexing"],
)
def test_server_that_is_away_puts_the_import_back_without_blame(  # noqa: PLR0917 - fixtures and the table's columns
    shop: Shelf,
    store: VectorStore,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    trouble: Exception,
) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise trouble

    serve(catalogue(PHOTOS))
    job = make_import(shop)
    with monkeypatch.context() as away:
        away.setattr(where, fail)
        for _ in range(JOB_ATTEMPTS + MAX_ATTEMPTS):
            waiting = run_slice(job)
            assert (waiting.state, waiting.attempts) == ("pending", 0)
    assert waiting.code.endswith("_away")
    assert max(JobItem.objects.filter(job=job).values_list("attempts", flat=True)) <= 1

    ended = run_to_end(job)

    assert counts_of(ended) == (6, 6, 0, 0)
    assert_exact(shop, ended, store)


def test_file_that_could_not_be_stored_whole_leaves_no_other_behind(
    shop: Shelf, store: VectorStore, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage goes away between two files of a batch, and the source is emptied meanwhile."""
    source = serve(catalogue(PHOTOS))
    job = make_import(shop)
    stored: list[str] = []

    def store_two(key: str, data: bytes) -> str:
        if len(stored) == 2:
            raise StorageAway("The disk is full.")
        stored.append(key)
        return files.store_file(key, data)

    with monkeypatch.context() as away:
        away.setattr(storing, "replace_file", store_two)
        away.setattr(storing, "_WRITERS", 1)
        storing._writers.cache_clear()  # noqa: SLF001 - one writer, so that it is known which files are there
        assert run_slice(job).state == "pending"
    storing._writers.cache_clear()  # noqa: SLF001
    assert len(list_stored_files(shop)) == 2
    source.photos = {}

    ended = run_to_end(job)

    assert counts_of(ended) == (6, 0, 6, 0)
    assert list_stored_files(shop) == set()


def test_error_of_ours_ends_the_rows_too(shop: Shelf, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(catalogue(PHOTOS))
    job = make_import(shop)
    monkeypatch.setattr(running, "link_styles", lambda *_args: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        run_slice(job)
    job.refresh_from_db()
    assert (job.state, counts_of(job)) == ("errored", (6, 0, 6, 0))
    assert set(states_of(job).values()) == {"failed internal_error"}
    assert Product.objects.filter(gallery=shop.gallery).count() == 3
