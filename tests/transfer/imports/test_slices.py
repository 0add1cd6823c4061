"""Imports take turns: a slice of time each, one message a turn."""

import io
from collections.abc import Callable, Iterator
from uuid import UUID

import numpy as np
import pytest
import redis
from PIL import Image
from pytest_django import Settings

from jobs.dispatch import RUN_JOB, send_task
from jobs.lookup import UNFINISHED
from jobs.models import Job, JobItem
from jobs.unfinished import list_stranded_jobs
from retrieval.index.store import VectorStore
from tenants.models import ReferenceImage
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo
from tests.jobs.conftest import broker, relay
from tests.jobs.messages import list_messages, take_message
from tests.retrieval.shelf import Shelf, drop_collections_of, open_shelf
from tests.tenants.rows import change_rows
from tests.transfer.imports.catalogues import (
    Catalogue,
    assert_exact,
    catalogue,
    counts_of,
    make_import,
    pack,
    run_slice,
    run_to_end,
)
from transfer.imports import listing
from transfer.imports.request import ImportRequest
from transfer.imports.starting import start_import
from transfer.sources.source import SourceRow
from transfer.uploads.receiving import store_upload
from workers.bulk import run_queued_job

__all__ = ["broker", "relay"]
Serve = Callable[[Catalogue], Catalogue]


@pytest.fixture(autouse=True)
def alone(rows: None) -> None:
    """No job that another test has left waits: the sweeper would find it, too."""
    change_rows(Job.across_tenants.filter(state__in=UNFINISHED), state=Job.State.CANCELLED)


@pytest.fixture
def globex(rows: None, store: VectorStore) -> Iterator[Shelf]:
    """Another shop with a gallery of its own."""
    opened = open_shelf("globex")
    store.ensure_collection(opened.space)
    yield opened
    drop_collections_of(opened, store)


def draw_scrap(seed: int) -> bytes:
    """A tiny picture, drawn at once: thousands are wanted."""
    pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def start(shelf: Shelf, seeds: range) -> UUID:
    """Ask for an import of photos drawn from the seeds, as the API does."""
    with tenant_scope(shelf.tenant.id):
        upload = store_upload("a.zip", pack({f"sku/{seed}.png": draw_scrap(seed) for seed in seeds}))
        request = ImportRequest(upload=upload.pk, near_duplicates=None)
        return start_import(gallery=shelf.gallery, request=request, trigger="test").pk


def run_next(broker: "redis.Redis") -> UUID:
    """Do as a worker does with the oldest message; the job that it was for."""
    while True:
        message = take_message(broker, "bulk")
        if message.task == RUN_JOB:
            run_queued_job(*message.args)
            return UUID(message.args[1])


def sweep_jobs() -> None:
    """What the sweeper sends for jobs, whose messages may all be on their way."""
    for tenant_id, job_id, turn in list_stranded_jobs():
        send_task(RUN_JOB, str(tenant_id), str(job_id), str(turn))


def grow_old(*jobs: UUID) -> None:
    """The sweeper leaves young jobs alone."""
    change_rows(Job.across_tenants.filter(pk__in=jobs), created_at="2020-01-01T00:00Z")


def has_ended(job_id: UUID) -> bool:
    return Job.across_tenants.get(pk=job_id).state not in ("pending", "running")


def test_small_import_does_not_wait_for_a_huge_one(
    shop: Shelf, store: VectorStore, globex: Shelf, broker: "redis.Redis", settings: Settings
) -> None:
    """One worker, and a sweeper that asks again for every job that waits, each time."""
    settings.INDEX_SLICE_S = settings.INDEX_SLICE_MAX_S = 1
    settings.INDEX_BATCH = 4
    huge = start(shop, range(5000))
    grow_old(huge)
    for _ in range(4):
        assert run_next(broker) == huge
        sweep_jobs()
    small = start(globex, range(10_000, 10_010))
    grow_old(small)

    turns = count_turns(shop, huge)
    while not has_ended(small):
        run_next(broker)
        sweep_jobs()

    with tenant_scope(globex.tenant.id):
        assert counts_of(Job.objects.get(pk=small)) == (10, 10, 0, 0)
    assert count_turns(shop, huge) - turns <= count_turns(globex, small) + 1
    assert Job.objects.get(pk=huge).done < 2500, "the huge import was to be far from its end"


def count_turns(shelf: Shelf, job_id: UUID) -> int:
    """Slices that the job has had, but for the last."""
    with tenant_scope(shelf.tenant.id):
        return Job.objects.get(pk=job_id).turn


def test_message_that_is_sent_again_and_again_gives_one_turn(
    shop: Shelf, broker: "redis.Redis", settings: Settings
) -> None:
    settings.INDEX_SLICE_S = settings.INDEX_SLICE_MAX_S = 1
    settings.INDEX_BATCH = 4
    job = start(shop, range(60))
    grow_old(job)
    for _ in range(5):
        sweep_jobs()
    assert len(list_messages(broker, "bulk")) == 6

    for _ in range(6):
        run_next(broker)

    assert Job.objects.get(pk=job).turn == 1
    (message,) = [each for each in list_messages(broker, "bulk") if each.task == RUN_JOB]
    assert message.args == [str(shop.tenant.id), str(job), "1"]


def test_import_whose_messages_are_all_lost_is_found_again(
    shop: Shelf, store: VectorStore, broker: "redis.Redis", settings: Settings
) -> None:
    settings.INDEX_SLICE_S = settings.INDEX_SLICE_MAX_S = 1
    settings.INDEX_BATCH = 4
    job = start(shop, range(12))
    grow_old(job)
    run_next(broker)
    broker.flushdb()

    while not has_ended(job):
        if not list_messages(broker, "bulk"):
            sweep_jobs()
        run_next(broker)

    assert_exact(shop, Job.objects.get(pk=job), store)


def test_slices_bound_the_photos_in_flight_and_add_up(
    shop: Shelf, store: VectorStore, serve: Serve, settings: Settings
) -> None:
    settings.INDEX_SLICE_S = settings.INDEX_SLICE_MAX_S = 1
    settings.INDEX_BATCH = 2
    serve(catalogue({f"one/{seed}.png": draw_photo(seed) for seed in range(40)}))
    job = make_import(shop)
    slices = 0
    while job.state in ("pending", "running"):
        job = run_slice(job)
        slices += 1
        stored = ReferenceImage.objects.filter(gallery=shop.gallery, state="pending").count()
        assert stored <= 4 * settings.INDEX_BATCH + settings.INDEX_BATCH
        assert job.done + job.failed + job.skipped <= job.total == 40

    assert slices > 1
    assert counts_of(job) == (40, 40, 0, 0)
    assert_exact(shop, job, store)


def test_listing_goes_on_in_the_next_slice_and_lists_each_row_once(
    shop: Shelf, serve: Serve, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_BATCH", 10)
    settings.INDEX_SLICE_S = settings.INDEX_SLICE_MAX_S = 0
    serve(Catalogue([SourceRow(line, f"s{line}", "none", "none") for line in range(1, 96)]))
    job = make_import(shop, dry_run=True)

    job = run_slice(job)
    assert (job.state, job.result) == ("pending", {"rows": 10})
    job = run_to_end(job)

    assert (job.state, job.turn, counts_of(job)) == ("succeeded", 10, (95, 95, 0, 0))
    lines = JobItem.objects.filter(job=job).order_by("pk").values_list("line", flat=True)
    assert list(lines) == list(range(1, 96))
