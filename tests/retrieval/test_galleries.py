"""A gallery's life with its vectors."""

from typing import Any
from uuid import UUID

import pytest

from jobs.models import Job
from jobs.progress import run_job
from jobs.turn import Turn
from retrieval import galleries
from retrieval.galleries import change_gallery, delete_gallery, provision_gallery
from retrieval.index import reindexing
from retrieval.index.generations import begin_generation
from retrieval.index.store import VectorStore
from retrieval.photos.files import delete_file
from retrieval.photos.indexing import index_pending
from retrieval.settings.gallery import merge_settings
from tenants.domain.galleries import hide_gallery
from tenants.models import Embedding, Gallery, Product, ReferenceImage, Region, VectorIndex
from tenants.scope import tenant_scope
from tests.retrieval.moments import act_before, once
from tests.retrieval.shelf import (
    Shelf,
    add_photos,
    drop_collections_of,
    list_collections,
    list_stored_files,
    open_shelf,
)
from tests.retrieval.stock import run_again


def make_job(shelf: Shelf, kind: Job.Kind) -> UUID:
    with tenant_scope(shelf.tenant.id):
        return Job.objects.create(tenant=shelf.tenant, gallery=shelf.gallery, kind=kind, trigger="test").id


def read_job(shelf: Shelf, job_id: UUID) -> Job:
    with tenant_scope(shelf.tenant.id):
        return Job.objects.get(pk=job_id)


def provision(shelf: Shelf) -> UUID:
    job_id = make_job(shelf, Job.Kind.PROVISION_GALLERY)
    with tenant_scope(shelf.tenant.id), run_job(job_id) as job:
        assert job is not None
        provision_gallery(job)
    return job_id


def test_provisioned_gallery_has_a_collection_and_is_ready(rows: None, store: VectorStore) -> None:
    shelf = open_shelf("acme", state=Gallery.State.PROVISIONING)
    assert read_job(shelf, provision(shelf)).state == Job.State.SUCCEEDED
    assert Gallery.across_tenants.get(pk=shelf.gallery.pk).state == "ready"
    assert store.count(shelf.space, seen=None) == 0
    drop_collections_of(shelf, store)


def test_provisioning_that_another_worker_has_ended_leaves_the_gallery_to_it(
    rows: None, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a worker hung past its lease, and another made the gallery ready meanwhile."""
    shelf = open_shelf("acme", state=Gallery.State.PROVISIONING)

    def end_elsewhere() -> None:
        Job.objects.filter(gallery=shelf.gallery).update(state=Job.State.SUCCEEDED)
        Gallery.objects.filter(pk=shelf.gallery.pk).update(state=Gallery.State.READY)

    act_before(monkeypatch, reindexing, "_go_over", end_elsewhere)
    assert read_job(shelf, provision(shelf)).state == Job.State.SUCCEEDED
    assert Gallery.across_tenants.get(pk=shelf.gallery.pk).state == "ready"
    drop_collections_of(shelf, store)


def test_gallery_deleted_while_it_was_provisioned_leaves_no_collection(
    rows: None, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = open_shelf("acme", state=Gallery.State.PROVISIONING)
    act_before(monkeypatch, VectorStore, "ensure_collection", lambda: hide_gallery(gallery=shelf.gallery))

    assert read_job(shelf, provision(shelf)).state == Job.State.SUCCEEDED

    assert list_collections(shelf, store) == []
    assert Gallery.across_tenants.get(pk=shelf.gallery.pk).state == "provisioning"


def test_gallery_whose_rows_are_gone_while_it_was_provisioned_leaves_no_collection(
    rows: None, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its deletion came to its end while the collection was made."""
    shelf = open_shelf("acme", state=Gallery.State.PROVISIONING)

    def remove_rows() -> None:
        Gallery.objects.filter(pk=shelf.gallery.pk).delete()

    act_before(monkeypatch, VectorStore, "ensure_collection", remove_rows)

    assert read_job(shelf, provision(shelf)).state == Job.State.SUCCEEDED

    assert list_collections(shelf, store) == []


def test_provisioning_that_cannot_work_leaves_the_gallery_failed(
    rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = open_shelf("acme", state=Gallery.State.PROVISIONING, index={"embedders": ["nowhere"]})
    job = read_job(shelf, provision(shelf))
    assert (job.state, job.code) == (Job.State.FAILED, "model_missing")
    assert Gallery.across_tenants.get(pk=shelf.gallery.pk).state == "failed"


def test_settings_changed_while_it_was_provisioned_are_the_next_jobs(
    rows: None, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = open_shelf("acme", state=Gallery.State.PROVISIONING)
    changed = {"index": {**shelf.gallery.settings["index"], "preset": "exact"}}
    jobs: list[Job | None] = []

    def change() -> None:
        gallery = Gallery.objects.get(pk=shelf.gallery.pk)
        jobs.append(change_gallery(gallery=gallery, name=None, settings=changed, trigger="test")[1])
        begin_generation(gallery, asked=False, reuse=False)

    act_before(monkeypatch, VectorStore, "ensure_collection", once(change))
    ended = read_job(shelf, provision(shelf))
    assert (ended.state, ended.code) == (Job.State.FAILED, "superseded")
    assert Gallery.across_tenants.get(pk=shelf.gallery.pk).state == "provisioning"

    (job,) = jobs
    assert job is not None
    with tenant_scope(shelf.tenant.id):
        run_again(job)
    live = Gallery.across_tenants.get(pk=shelf.gallery.pk)
    assert (live.state, live.generation, shelf.index.spec["type"]) == ("ready", 2, "FLAT")
    drop_collections_of(shelf, store)


@pytest.mark.parametrize(
    ("change", "rebuilt"),
    [
        ({"name": "renamed"}, False),
        ({"settings": {"max_regions": 2}}, False),
        ({"settings": {"index": {"ef": 77}}}, False),
        ({"settings": {"index": {"M": 8}}}, True),
        ({"settings": {"index": {"preset": "compact"}}}, True),
    ],
    ids=str,
)
def test_change_starts_a_reindex_exactly_when_the_index_must_be_another(
    rows: None,
    change: dict[str, Any],
    rebuilt: bool,  # noqa: FBT001 - the table's own column
) -> None:
    shelf = open_shelf("acme")
    with tenant_scope(shelf.tenant.id):
        settings = merge_settings(shelf.gallery.settings, change.get("settings", {}))
        given: dict[str, Any] = {"gallery": shelf.gallery, "name": change.get("name"), "settings": settings}
        gallery, job = change_gallery(**given, trigger="test")
        again = change_gallery(**given, trigger="test")[1]
    assert (job is not None) is rebuilt
    assert (job and job.pk) == (again and again.pk), "a job that waits to do the same is answered"
    assert gallery.name == change.get("name", "shelf")
    if job:
        assert (job.kind, job.state) == ("reindex", "pending")


def test_deleted_gallery_leaves_no_collection_no_file_and_no_row(
    rows: None, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run is killed after one file; the second one starts over and ends it."""
    shelf = open_shelf("acme", state=Gallery.State.PROVISIONING)
    provision(shelf)
    bystander = open_shelf("globex")
    with tenant_scope(bystander.tenant.id):
        add_photos(bystander, 1)
    with tenant_scope(shelf.tenant.id):
        add_photos(shelf, 1, 2, 3)
        index_pending(Turn(60, 60))
        hide_gallery(gallery=shelf.gallery)
    assert store.count(shelf.space, seen=None) >= 3
    job_id = make_job(shelf, Job.Kind.DELETE_GALLERY)

    die_after_one_file(shelf, job_id, monkeypatch)
    with tenant_scope(shelf.tenant.id):
        run_deletion(job_id)

    assert list_collections(shelf, store) == []
    assert list_stored_files(shelf) == set()
    for model in (Gallery, Product, ReferenceImage, Region, Embedding, VectorIndex):
        assert not model.across_tenants.filter(tenant=shelf.tenant).exists()
    ended = read_job(shelf, job_id)
    assert (ended.state, ended.total, ended.done, ended.gallery_id) == ("succeeded", 3, 3, None)
    assert len(list_stored_files(bystander)) == 1
    assert Gallery.across_tenants.filter(pk=bystander.gallery.pk).exists()


def run_deletion(job_id: UUID) -> None:
    with run_job(job_id) as job:
        assert job is not None
        delete_gallery(job)


def die_after_one_file(shelf: Shelf, job_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    def delete_and_die(name: str) -> None:
        delete_file(name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, tenant_scope(shelf.tenant.id):
        patch.setattr(galleries, "delete_file", delete_and_die)
        with pytest.raises(KeyboardInterrupt):
            run_deletion(job_id)
        Job.objects.filter(pk=job_id).update(leased_until="2020-01-01T00:00Z")
    assert len(list_stored_files(shelf)) == 2
