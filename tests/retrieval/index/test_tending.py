"""Done unasked: lost indexes rebuilt, fits renewed, provisioning resumed, what is retired dropped."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from jobs.errors import Unavailable
from jobs.models import Job
from retrieval.index import fitting
from retrieval.index.generations import begin_generation
from retrieval.index.rows import ask_check
from retrieval.index.store import VectorStore
from retrieval.index.tending import list_untended, tend_gallery
from tenants.models import Gallery, VectorIndex
from tenants.scope import tenant_scope
from tests.relay import Relay
from tests.retrieval.shelf import Shelf, drop_collections_of, list_collections, list_region_ids, open_shelf
from tests.retrieval.stock import (
    assert_whole,
    change_index,
    make_job,
    open_live,
    read_gallery,
    run_again,
    stock_shelf,
    stocked_shelf,
    tend,
)

NOW = timedelta(0)
LONG_AGO = timedelta(minutes=10)


@pytest.fixture
def idle(rows: None) -> Iterator[Shelf]:
    """A ready gallery that wants nothing, without a collection."""
    shelf = open_shelf("acme")
    with tenant_scope(shelf.tenant.id):
        yield shelf


def is_listed(shelf: Shelf) -> bool:
    return (shelf.tenant.id, shelf.gallery.pk) in list_untended()


def change_gallery_row(shelf: Shelf, **fields: Any) -> None:
    """Spans of time are from now on."""
    Gallery.objects.filter(pk=shelf.gallery.pk).update(**_date(fields))


def change_index_row(shelf: Shelf, **fields: Any) -> None:
    """Spans of time are from now on."""
    VectorIndex.objects.filter(pk=shelf.index.pk).update(**_date(fields))


def _date(fields: dict[str, Any]) -> dict[str, Any]:
    now = timezone.now()
    return {name: now + value if isinstance(value, timedelta) else value for name, value in fields.items()}


def list_jobs(shelf: Shelf) -> list[tuple[str, str, dict[str, Any]]]:
    jobs = Job.objects.filter(gallery=shelf.gallery, state=Job.State.PENDING)
    return list(jobs.values_list("kind", "trigger", "input"))


def take_job(shelf: Shelf) -> Job:
    """The one job that waits, run to its end."""
    return run_again(Job.objects.get(gallery=shelf.gallery, state=Job.State.PENDING))


def test_gallery_that_wants_nothing_is_not_listed(idle: Shelf) -> None:
    assert not is_listed(idle)


@pytest.mark.parametrize(
    ("gallery", "index", "listed"),
    [
        ({}, {"checked_at": None}, True),
        ({}, {"checked_at": -LONG_AGO}, True),
        ({"state": "failed"}, {"checked_at": None}, False),
        ({"deleted_at": NOW}, {"checked_at": None}, False),
        ({"changed_at": -LONG_AGO}, {}, True),
        ({"changed_at": LONG_AGO}, {}, False),
        ({"changed_at": -2 * LONG_AGO, "tended_at": -LONG_AGO}, {}, False),
        ({"changed_at": -LONG_AGO, "tended_at": -2 * LONG_AGO}, {}, True),
        ({}, {"retired_at": -LONG_AGO}, True),
        ({}, {"retired_at": NOW}, False),
        ({"state": "failed"}, {"retired_at": -LONG_AGO}, True),
        ({"generation": 0}, {"created_at": -LONG_AGO}, True),
        ({"generation": 0}, {"created_at": NOW}, False),
        ({"state": "provisioning"}, {}, False),
        ({"state": "provisioning", "created_at": -LONG_AGO}, {}, True),
    ],
    ids=[
        "check-asked",
        "check-due",
        "failed",
        "deleted",
        "changed",
        "changing",
        "changed-and-tended",
        "changed-since",
        "retired",
        "retired-just-now",
        "retired-of-failed",
        "given-up",
        "begun",
        "provisioning",
        "provisioning-stranded",
    ],
)
def test_gallery_is_listed_when_it_wants_looking_after(
    idle: Shelf,
    gallery: dict[str, Any],
    index: dict[str, Any],
    listed: bool,  # noqa: FBT001 - the table's own column
) -> None:
    if index:
        change_index_row(idle, **index)
    if gallery:
        change_gallery_row(idle, **gallery)
    assert is_listed(idle) is listed


@pytest.mark.parametrize(
    ("gallery", "index"),
    [
        ({"changed_at": -LONG_AGO}, {}),
        ({"generation": 0}, {"created_at": -LONG_AGO}),
        ({"state": "provisioning", "created_at": -LONG_AGO}, {}),
    ],
    ids=["changed", "begun", "provisioning"],
)
def test_gallery_with_a_job_is_left_to_it(
    idle: Shelf, gallery: dict[str, Any], index: dict[str, Any]
) -> None:
    if index:
        change_index_row(idle, **index)
    change_gallery_row(idle, **gallery)
    assert is_listed(idle)
    job = make_job(idle, Job.Kind.PROVISION_GALLERY)
    assert not is_listed(idle)
    tend(idle)
    assert Job.objects.filter(gallery=idle.gallery).count() == 1
    assert VectorIndex.objects.get(gallery=idle.gallery).retired_at is None
    Job.objects.filter(pk=job.pk).update(state=Job.State.ERRORED)
    assert is_listed(idle)


def test_interrupted_provisioning_gets_a_new_job(rows: None, store: VectorStore) -> None:
    """As do the galleries of the first version, which its migration leaves in this state."""
    shelf = open_shelf("acme", Gallery.State.PROVISIONING, index={"preset": "exact"})
    with tenant_scope(shelf.tenant.id):
        change_gallery_row(shelf, created_at=-LONG_AGO, generation=1)
        assert is_listed(shelf)
        tend(shelf)
        assert list_jobs(shelf) == [("provision_gallery", "sweeper", {})]
        tend(shelf)
        assert len(list_jobs(shelf)) == 1

        stock_shelf(shelf, 3)
        take_job(shelf)

        gallery = read_gallery(shelf)
        assert (gallery.state, gallery.generation) == ("ready", 2)
        assert_whole(shelf, store)
        assert not is_listed(shelf)
        drop_collections_of(shelf, store)


@pytest.fixture(scope="module")
def made(rows: None, store: VectorStore) -> Iterator[Shelf]:
    """It asks for a projection, for which it has too few photos."""
    with stocked_shelf(store, 12, preset="exact", projection="pca", dims=8) as shelf:
        yield shelf


@pytest.fixture
def shelf(made: Shelf) -> Iterator[Shelf]:
    with tenant_scope(made.tenant.id):
        made.gallery.refresh_from_db()
        yield made


def search_all(shelf: Shelf) -> list[int]:
    """The nearest region of each region."""
    index = open_live(shelf)
    keys, vectors = index.load(list_region_ids(shelf))
    found = index.search(vectors, limit=1, wanted=1)
    assert len(keys) == len(found)
    return [row[0].region_id for row in found]


def test_drift_is_mended_unattended_and_told(shelf: Shelf, store: VectorStore) -> None:
    keys = sorted(list_region_ids(shelf))
    store.delete(shelf.space, keys[:2])
    change_index_row(shelf, checked_at=-LONG_AGO)
    assert is_listed(shelf)
    tend(shelf)
    assert not is_listed(shelf)
    assert (shelf.index.missing, shelf.index.orphans) == (2, 0)
    assert_whole(shelf, store)
    assert list_jobs(shelf) == []


@pytest.mark.parametrize("loss", ["collection", "everything"])
def test_lost_index_is_rebuilt_unattended(
    shelf: Shelf, store: VectorStore, settings: Settings, loss: str
) -> None:
    """A dropped collection; a Milvus whose data directory was deleted, in the middle of a reindex."""
    before = read_gallery(shelf).generation
    if loss == "everything":
        change_index(shelf, preset="exact", projection="pca", dims=16)
        for index in begin_generation(read_gallery(shelf), asked=False, reuse=False):
            VectorIndex.objects.filter(pk=index.pk).update(created_at=timezone.now() - LONG_AGO)
    drop_collections_of(shelf, store)
    with pytest.raises(Unavailable):
        search_all(shelf)
    ask_check(shelf.gallery)
    assert is_listed(shelf)

    tend(shelf)
    tend(shelf)

    assert list_jobs(shelf) == [("reindex", "reconciler", {"asked": False, "reuse": True})]
    assert read_gallery(shelf).generation == before
    job = take_job(shelf)
    assert job.state == Job.State.SUCCEEDED
    assert_whole(shelf, store)
    assert search_all(shelf) == sorted(list_region_ids(shelf))
    settings.RECOGNIZE_TIMEOUT_S = -5
    tend(shelf)
    assert len(list_collections(shelf, store)) == 1
    assert not is_listed(shelf)
    change_index(shelf, preset="exact", projection="pca", dims=8)


def test_gallery_grows_into_its_projection_and_out_of_it(
    shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.RECOGNIZE_TIMEOUT_S = -5
    monkeypatch.setattr(fitting, "FIT_AT", 14)
    assert shelf.index.projection is None
    for version, photos, fitted_on in ((1, 2, 14), (2, 7, 21)):
        stock_shelf(shelf, photos, seed=photos)
        change_gallery_row(shelf, changed_at=-timedelta(seconds=6), tended_at=None)
        assert is_listed(shelf)
        ask_check(shelf.gallery)
        tend(shelf)
        assert list_jobs(shelf) == [("reindex", "growth", {"asked": False, "reuse": False})]
        take_job(shelf)
        assert shelf.index.projection is not None
        assert (shelf.index.projection.fitted_on, shelf.index.dim) == (fitted_on, 8)
        assert shelf.index.projection.version == version
        assert_whole(shelf, store)
        tend(shelf)
        assert list_jobs(shelf) == [], "it has what it can have"


def test_milvus_away_leaves_the_gallery_untended(rows: None, idle: Shelf, milvus_relay: Relay) -> None:
    change_index_row(idle, checked_at=None)
    milvus_relay.cut()
    with pytest.raises(Unavailable):
        tend_gallery(read_gallery(idle))
    assert is_listed(idle)
    assert list_jobs(idle) == []


def test_tending_one_tenants_gallery_leaves_the_others_alone(rows: None) -> None:
    """The list spans all tenants; each gallery is tended as its own tenant."""
    acme, globex = open_shelf("acme"), open_shelf("globex")
    for shelf in (acme, globex):
        with tenant_scope(shelf.tenant.id):
            change_index_row(shelf, retired_at=-LONG_AGO)
    listed = set(list_untended())
    assert {(shelf.tenant.id, shelf.gallery.pk) for shelf in (acme, globex)} <= listed
    with tenant_scope(acme.tenant.id):
        tend(acme)
    kept = VectorIndex.across_tenants.filter(gallery__in=[acme.gallery.pk, globex.gallery.pk])
    assert {index.tenant_id for index in kept} == {globex.tenant.id}
