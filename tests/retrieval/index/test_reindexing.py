"""Changing anything loses nothing: a new index is filled beside the old one, whatever happens meanwhile."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from jobs.errors import JobCancelled, Unavailable
from jobs.models import Job
from jobs.turn import Turn
from retrieval.galleries import change_gallery
from retrieval.index import fitting, generations, reindexing
from retrieval.index.generations import begin_generation
from retrieval.index.reindexing import build_index
from retrieval.index.rows import list_searched, space_of
from retrieval.index.store import VectorStore
from retrieval.matches import load_matches
from retrieval.photos.indexing import index_pending
from retrieval.photos.purging import purge_deleted
from tenants.domain.images import delete_image
from tenants.models import Gallery, Projection, ReferenceImage, Rotation, VectorIndex, WebhookEndpoint
from tenants.scope import tenant_scope
from tests.conftest import wait_until
from tests.retrieval.endpoints import add_endpoint, list_events
from tests.retrieval.moments import Killed, act_after, act_before, kill, once
from tests.retrieval.shelf import Shelf, add_photos, list_collections, list_states, take_up
from tests.retrieval.stock import (
    assert_whole,
    change_index,
    draw_near,
    load_vectors,
    make_job,
    open_live,
    read_gallery,
    rebuild,
    run_again,
    stocked_shelf,
    tend,
)

PHOTOS = 24


@pytest.fixture(scope="module")
def made(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, PHOTOS, preset="exact") as shelf:
        yield shelf


@pytest.fixture
def shelf(made: Shelf) -> Iterator[Shelf]:
    """The module's gallery as the test before left it, seen as it is now."""
    with tenant_scope(made.tenant.id):
        made.gallery.refresh_from_db()
        yield made


@pytest.fixture
def no_grace(settings: Settings) -> None:
    """What is retired may be dropped at once."""
    settings.RECOGNIZE_TIMEOUT_S = -5


def name_first(shelf: Shelf) -> list[str]:
    """The product that is named first for a query near each of some photos."""
    _, vectors = load_vectors(shelf)
    index = open_live(shelf)
    queries = index.compare({model: draw_near(rows[:8], 0.3, seed=5) for model, rows in vectors.items()})
    found = load_matches(read_gallery(shelf), index.search(queries, limit=1, wanted=1))
    return [row[0].product.sku for row in found]


def assert_nothing_left_behind(shelf: Shelf, store: VectorStore) -> None:
    """One collection and one row an index that is searched, and only the artefacts that these use."""
    live = list_searched(read_gallery(shelf))
    assert list(VectorIndex.objects.filter(gallery=shelf.gallery).order_by("model")) == live
    assert list_collections(shelf, store) == sorted(space_of(index).collection for index in live)
    for kind, used in ((Projection, "projection_id"), (Rotation, "rotation_id")):
        kept = set(kind.objects.filter(gallery=shelf.gallery).values_list("pk", flat=True))
        assert kept == {getattr(index, used) for index in live} - {None}


@pytest.mark.parametrize(
    "change",
    [
        {"representation": "binary"},
        {"representation": "hybrid", "binarizer": "sign"},
        {"type": "IVF_FLAT", "nlist": 4},
        {"preset": "exact", "projection": "pca", "dims": 16},
    ],
    ids=["binary", "hybrid", "type", "projection"],
)
def test_change_ends_with_every_region_in_the_new_index_and_the_same_answers(
    shelf: Shelf, store: VectorStore, settings: Settings, change: dict[str, Any]
) -> None:
    before, named = read_gallery(shelf).generation, name_first(shelf)
    change_index(shelf, **change)

    job = rebuild(shelf, asked=True)

    assert job.state == Job.State.SUCCEEDED
    assert (job.result["generation"], job.result["images"]) == (before + 1, PHOTOS)
    assert_whole(shelf, store)
    assert name_first(shelf) == named
    tend(shelf)
    assert len(list_collections(shelf, store)) == 2, "a search may still be on its way to the old one"
    settings.RECOGNIZE_TIMEOUT_S = -5
    tend(shelf)
    assert_nothing_left_behind(shelf, store)


def cut_fill_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos are written ten at a time, and the worker dies after the first ten."""
    monkeypatch.setattr("retrieval.index.writing.BATCH", 10)
    act_after(monkeypatch, VectorStore, "upsert", kill)


KILLS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "before embedding": lambda patch: act_before(patch, reindexing, "embed_gallery", kill),
    "in fitting": lambda patch: act_after(patch, fitting, "fit_binarizer", kill),
    "before the rows": lambda patch: act_before(patch, generations, "_create_index", kill),
    "after the rows": lambda patch: act_before(patch, VectorStore, "ensure_collection", kill),
    "after the collection": lambda patch: act_after(patch, VectorStore, "ensure_collection", kill),
    "in the fill": cut_fill_in_two,
    "after the fill": lambda patch: act_before(patch, reindexing, "compare_scales", kill),
    "before it is live": lambda patch: act_before(patch, reindexing, "go_live", kill),
    "while it becomes live": lambda patch: act_after(patch, reindexing, "go_live", kill),
}


def kill_at(point: str, job: Job) -> None:
    with pytest.MonkeyPatch.context() as patch:
        KILLS[point](patch)
        with pytest.raises(Killed):
            run_again(job)


def test_reindex_killed_at_every_step_in_turn_comes_to_its_end(
    shelf: Shelf, store: VectorStore, no_grace: None
) -> None:
    """Each run goes on from where the one before was killed, and is killed a step later."""
    named, before = name_first(shelf), read_gallery(shelf).generation
    change_index(shelf, representation="binary", binarizer="itq")
    job = make_job(shelf)

    for point in KILLS:
        kill_at(point, job)
        assert Job.objects.get(pk=job.pk).state == Job.State.RUNNING
        assert (point, read_gallery(shelf).generation) == (point, before)
        assert name_first(shelf) == named
    assert 0 < store.count(shelf.space, seen=None) <= PHOTOS
    assert run_again(job).state == Job.State.SUCCEEDED

    assert read_gallery(shelf).generation == before + 1
    assert_whole(shelf, store)
    assert name_first(shelf) == named
    tend(shelf)
    assert_nothing_left_behind(shelf, store)


def test_reindex_killed_once_it_is_live_has_only_its_end_to_make(
    shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch, no_grace: None
) -> None:
    change_index(shelf, preset="exact")
    job = make_job(shelf)
    with monkeypatch.context() as patch:
        act_after(patch, reindexing, "_go_over", kill)
        with pytest.raises(Killed):
            run_again(job)
    live = read_gallery(shelf).generation

    ended = run_again(job)

    assert (ended.state, ended.result["generation"]) == (Job.State.SUCCEEDED, live)
    assert read_gallery(shelf).generation == live
    assert_whole(shelf, store)
    tend(shelf)
    assert_nothing_left_behind(shelf, store)


def test_generation_that_no_job_fills_any_more_is_rolled_back(
    shelf: Shelf, store: VectorStore, no_grace: None
) -> None:
    """Its job was killed too often, before there was a collection: no photo may wait for that one."""
    other = "hybrid" if shelf.index.stored == "float" else "float"
    change_index(shelf, representation=other)
    job = make_job(shelf)
    kill_at("after the rows", job)
    Job.objects.filter(pk=job.pk).update(state=Job.State.ERRORED)
    images = add_photos(shelf, 70)
    with pytest.raises(Unavailable):
        index_pending(Turn(30, 30))

    tend(shelf)
    tend(shelf)

    index_pending(Turn(30, 30))
    assert list_states(images) == ["indexed"]
    assert_whole(shelf, store)
    assert_nothing_left_behind(shelf, store)
    said = read_gallery(shelf).settings
    _, again = change_gallery(gallery=read_gallery(shelf), name=None, settings=said, trigger="test")
    assert again is not None, "the change was not made, so asking for it again must make it"
    again.delete()
    clear_photos(images)


def clear_photos(images: list[ReferenceImage]) -> None:
    for image in images:
        delete_image(image=image)
    purge_deleted()


def test_settings_changed_during_a_reindex_supersede_it_and_the_later_wish_wins(
    shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch, no_grace: None
) -> None:
    first, second = make_job(shelf), make_job(shelf)
    change_index(shelf, representation="binary", binarizer="sign")

    def change_and_begin() -> None:
        change_index(shelf, type="HNSW", M=8, efConstruction=40)
        begin_generation(read_gallery(shelf), asked=False, reuse=False)

    with monkeypatch.context() as patch:
        act_before(patch, reindexing, "compare_scales", once(change_and_begin))
        ended = run_again(first)
    assert (ended.state, ended.code) == (Job.State.FAILED, "superseded")

    assert run_again(second).state == Job.State.SUCCEEDED
    assert (shelf.index.spec["type"], shelf.index.spec["M"]) == ("HNSW", 8)
    assert_whole(shelf, store)
    tend(shelf)
    assert_nothing_left_behind(shelf, store)


def test_two_reindexes_at_once_end_in_one_whole_index(
    shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch, no_grace: None
) -> None:
    """A worker that was taken for dead comes back while another has taken its job over."""
    change_index(shelf, preset="exact", type="IVF_SQ8", nlist=4)
    job = make_job(shelf)
    act_before(monkeypatch, reindexing, "compare_scales", once(lambda: run_again(job)))

    with pytest.raises(JobCancelled):
        build_index(take_up(job))

    assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED
    assert_whole(shelf, store)
    tend(shelf)
    assert_nothing_left_behind(shelf, store)


def search_until(shelf: Shelf, stop: threading.Event, answers: list[tuple[int, int]]) -> None:
    """(generation, hits of the poorest query) of searches, one after the other until `stop`."""
    with tenant_scope(shelf.tenant.id):
        _, vectors = load_vectors(shelf)
        try:
            while not stop.is_set():
                index = open_live(shelf)
                queries = index.compare({model: rows[:3] for model, rows in vectors.items()})
                found = load_matches(read_gallery(shelf), index.search(queries, limit=5, wanted=5))
                answers.append((index.generation, min(len(row) for row in found)))
        finally:
            connection.close()


def test_searches_through_a_reindex_see_no_error_and_no_empty_answer(
    shelf: Shelf, store: VectorStore, no_grace: None
) -> None:
    answers: list[tuple[int, int]] = []
    stop = threading.Event()
    caller = threading.Thread(target=search_until, args=(shelf, stop, answers))
    before = read_gallery(shelf).generation
    caller.start()
    wait_until(lambda: bool(answers) or not caller.is_alive(), "searches are answered", 20)
    change_index(shelf, representation="hybrid", binarizer="sign")
    rebuild(shelf)
    wait_until(
        lambda: answers[-1][0] == before + 1 or not caller.is_alive(), "searches use the new index", 20
    )
    assert caller.is_alive(), "a search failed"
    stop.set()
    caller.join()
    assert {generation for generation, _ in answers} == {before, before + 1}
    assert {hits for _, hits in answers} == {5}
    tend(shelf)


def test_photos_indexed_and_deleted_while_it_is_filled_are_right_in_the_new_index(
    shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch, no_grace: None
) -> None:
    doomed, kept, late = (add_photos(shelf, seed)[0] for seed in (81, 82, 83))
    ReferenceImage.objects.filter(pk=late.pk).update(leased_until="2099-01-01T00:00Z")
    index_pending(Turn(30, 30))
    assert list_states([doomed, kept, late]) == ["indexed", "indexed", "pending"]
    change_index(shelf, preset="exact")

    def meanwhile() -> None:
        ReferenceImage.objects.filter(pk=late.pk).update(leased_until=None)
        index_pending(Turn(30, 30))
        delete_image(image=doomed)
        purge_deleted()

    act_before(monkeypatch, VectorStore, "upsert", once(meanwhile))
    rebuild(shelf)

    assert list_states([kept, late]) == ["indexed", "indexed"]
    assert not ReferenceImage.objects.filter(pk=doomed.pk).exists()
    assert_whole(shelf, store)
    tend(shelf)
    clear_photos([kept, late])


def test_photo_published_while_the_next_generation_begins_is_written_to_it_too(
    shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch, no_grace: None
) -> None:
    """The rows of the next index come between the photo's vectors and its mark."""
    (image,) = add_photos(shelf, 84)
    change_index(shelf, preset="exact", type="HNSW", M=4, efConstruction=16)

    def begin() -> None:
        for index in begin_generation(read_gallery(shelf), asked=False, reuse=False):
            store.ensure_collection(space_of(index))

    with monkeypatch.context() as patch:
        act_after(patch, VectorStore, "upsert", once(begin))
        index_pending(Turn(30, 30))

    assert list_states([image]) == ["indexed"]
    (region,) = image.regions.values_list("pk", flat=True)
    (building,) = VectorIndex.objects.filter(gallery=shelf.gallery, generation__gt=shelf.gallery.generation)
    held = store.list_ids(space_of(building), low=0, high=2**62, seen=None)
    assert held.tolist() == [region]
    rebuild(shelf)
    assert_whole(shelf, store)
    tend(shelf)
    clear_photos([image])


def test_reindex_of_a_model_that_is_not_installed_fails_and_leaves_the_old_index(
    shelf: Shelf, store: VectorStore
) -> None:
    kept = shelf.gallery.settings
    before = read_gallery(shelf).generation
    change_index(shelf, embedders=["nowhere"])
    job = rebuild(shelf)
    assert (job.state, job.code) == (Job.State.FAILED, "model_missing")
    assert read_gallery(shelf).generation == before
    assert_whole(shelf, store)
    Gallery.objects.filter(pk=shelf.gallery.pk).update(settings=kept)


def test_reindexed_gallery_is_told_once_it_is_live(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = add_endpoint(shelf.tenant.id, WebhookEndpoint.Event.GALLERY_REINDEXED)
    job = make_job(shelf, asked=True)
    with monkeypatch.context() as patched:
        act_after(patched, reindexing, "go_live", once(kill))
        with pytest.raises(Killed):
            run_again(job)
    assert list_events(endpoint) == [], "what went over was taken back with the killed transaction"

    job = run_again(job)

    (event,) = list_events(endpoint)
    assert event["type"] == "gallery.reindexed"
    told = event["data"]
    assert (told["gallery"], told["job"]) == (str(shelf.gallery.pk), str(job.pk))
    assert told["generation"] == read_gallery(shelf).generation
    assert told["images"] == PHOTOS
