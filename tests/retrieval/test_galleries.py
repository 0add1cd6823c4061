"""A gallery's life with its vectors."""

from uuid import UUID

import pytest
from django.conf import settings

from jobs.models import Job
from jobs.progress import run_job
from retrieval import galleries
from retrieval.files import delete_file
from retrieval.galleries import delete_gallery, provision_gallery
from retrieval.indexing import index_pending
from retrieval.space import Space
from retrieval.store import VectorStore
from tenants.domain.galleries import hide_gallery
from tenants.models import Embedding, Gallery, Product, ReferenceImage, Region
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, add_photos, list_stored_files, open_shelf


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
    for _ in range(2):
        assert read_job(shelf, provision(shelf)).state == Job.State.SUCCEEDED
        assert Gallery.across_tenants.get(pk=shelf.gallery.pk).state == "ready"
        assert store.count(shelf.space) == 0
    store.drop_collection(shelf.space)


def test_gallery_deleted_while_it_was_provisioned_leaves_no_collection(
    rows: None, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = open_shelf("acme", state=Gallery.State.PROVISIONING)

    class SlowStore(VectorStore):
        """The real one; the gallery is deleted while the collection is made."""

        def ensure_collection(self, space: Space) -> None:
            with tenant_scope(shelf.tenant.id):
                hide_gallery(gallery=shelf.gallery)
            super().ensure_collection(space)

    slow = SlowStore(store._client, prefix=settings.MILVUS_PREFIX)  # noqa: SLF001 - its very connection
    monkeypatch.setattr(galleries, "connect_store", lambda: slow)
    provision(shelf)

    assert not store.has_collection(shelf.space)
    assert Gallery.across_tenants.get(pk=shelf.gallery.pk).state == "provisioning"


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
        index_pending(budget_s=60)
        hide_gallery(gallery=shelf.gallery)
    assert store.count(shelf.space) >= 3
    job_id = make_job(shelf, Job.Kind.DELETE_GALLERY)

    die_after_one_file(shelf, job_id, monkeypatch)
    with tenant_scope(shelf.tenant.id):
        run_deletion(job_id)

    assert not store.has_collection(shelf.space)
    assert list_stored_files(shelf) == set()
    for model in (Gallery, Product, ReferenceImage, Region, Embedding):
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
