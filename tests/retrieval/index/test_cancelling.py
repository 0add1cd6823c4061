"""A reindex that is cancelled, at whatever moment: the gallery stays with the index it has, and can go on."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from jobs.models import Job
from retrieval.galleries import change_gallery
from retrieval.index import reindexing
from retrieval.index.cancelling import cancel_reindex
from retrieval.index.rows import list_searched
from retrieval.index.store import VectorStore
from tenants.errors import Conflict
from tenants.models import VectorIndex
from tenants.scope import tenant_scope
from tests.retrieval.moments import act_before, once
from tests.retrieval.shelf import Shelf, list_collections
from tests.retrieval.stock import (
    assert_whole,
    change_index,
    make_job,
    read_gallery,
    rebuild,
    run_again,
    stocked_shelf,
    tend,
)


@pytest.fixture(scope="module")
def made(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, 12, preset="exact") as shelf:
        yield shelf


@pytest.fixture
def shelf(made: Shelf, settings: Settings) -> Iterator[Shelf]:
    """The module's gallery as the test before left it; what is retired may be dropped at once."""
    settings.RECOGNIZE_TIMEOUT_S = -5
    with tenant_scope(made.tenant.id):
        made.gallery.refresh_from_db()
        yield made


@pytest.mark.parametrize("moment", ["embed_gallery", "begin_generation", "compare_index", "compare_scales"])
def test_cancelled_reindex_leaves_the_index_in_use(
    shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    rebuild(shelf, asked=True)
    searched = list_searched(read_gallery(shelf))
    other = "FLAT" if searched[0].spec["type"] != "FLAT" else "IVF_FLAT"
    change_index(shelf, preset="exact", type=other)
    job = make_job(shelf)
    with monkeypatch.context() as patch:
        act_before(patch, reindexing, moment, once(lambda: cancel_reindex(Job.objects.get(pk=job.pk))))
        ended = run_again(job)
    assert (ended.state, ended.code, ended.result) == (Job.State.CANCELLED, "cancelled", {})
    assert ended.finished_at is not None
    assert list_searched(read_gallery(shelf)) == searched
    assert_whole(shelf, store)

    # What was begun is given up by the first look, and dropped by the next.
    tend(shelf)
    tend(shelf)

    assert list(VectorIndex.objects.filter(gallery=shelf.gallery)) == searched
    assert len(list_collections(shelf, store)) == len(searched)
    assert read_gallery(shelf).settings["index"]["type"] == other
    assert rebuild(shelf).state == Job.State.SUCCEEDED
    assert shelf.index.spec["type"] == other
    assert_whole(shelf, store)


def test_settings_said_again_after_a_cancel_build_their_index(shelf: Shelf) -> None:
    wanted = {"index": {**read_gallery(shelf).settings["index"], "metric": "ip"}}
    change: dict[str, Any] = {
        "gallery": read_gallery(shelf),
        "name": None,
        "settings": wanted,
        "trigger": "test",
    }
    _, job = change_gallery(**change)
    assert job is not None
    cancel_reindex(job)
    _, again = change_gallery(**change)
    assert again is not None
    assert again.pk != job.pk
    assert run_again(again).state == Job.State.SUCCEEDED


def test_cancel_leaves_what_another_job_builds_on(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    change_index(shelf, preset="exact", type="IVF_SQ8", nlist=4)
    first, second = make_job(shelf), make_job(shelf, asked=True)
    with monkeypatch.context() as patch:
        cancel = once(lambda: cancel_reindex(Job.objects.get(pk=first.pk)))
        act_before(patch, reindexing, "compare_scales", cancel)
        assert run_again(first).state == Job.State.CANCELLED
    building = shelf.index
    assert building.retired_at is None
    assert run_again(second).state == Job.State.SUCCEEDED
    assert list_searched(read_gallery(shelf)) == [building]


def test_reindex_that_has_ended_is_not_cancelled(shelf: Shelf) -> None:
    job = rebuild(shelf)
    with pytest.raises(Conflict) as refused:
        cancel_reindex(job)
    assert refused.value.code == "job_finished"
    assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED
