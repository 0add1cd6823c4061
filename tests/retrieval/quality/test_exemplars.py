"""Exemplars from an upload to vectors that every model has seen, and out of the world again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from jobs.cancelling import cancel_job
from jobs.models import Job
from jobs.progress import run_job
from retrieval.quality import exemplars
from retrieval.quality.exemplars import (
    delete_exemplar_files,
    ensure_exemplar_vectors,
    list_models,
    prepare_exemplars,
    start_preparation,
)
from tenants.domain.exemplars import add_distractor, add_labelled_query, delete_exemplar
from tenants.models import Exemplar, ExemplarRegion
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo
from tests.retrieval.moments import act_before, once
from tests.retrieval.shelf import Shelf, open_shelf, take_up


@pytest.fixture(scope="module")
def opened(rows: None) -> Shelf:
    """Acme's gallery; no test here searches it, so it has no collection."""
    return open_shelf("acme")


@pytest.fixture
def acme_shelf(opened: Shelf) -> Iterator[Shelf]:
    with tenant_scope(opened.tenant.id):
        for exemplar in Exemplar.objects.all():
            delete_exemplar(exemplar=exemplar)
        yield opened


def add_photo(shelf: Shelf, seed: int) -> Exemplar:
    return add_distractor(
        tenant_id=shelf.tenant.id, filename="d.png", image_format="png", data=draw_photo(seed)
    ).exemplar


def add_query(shelf: Shelf, seed: int, sku: str = "one") -> Exemplar:
    return add_labelled_query(
        gallery=shelf.gallery, sku=sku, filename="q.png", image_format="png", data=draw_photo(seed)
    ).exemplar


def prepare(shelf: Shelf, *exemplars: Exemplar) -> Job:
    job = start_preparation(tenant_id=shelf.tenant.id, exemplars=exemplars, trigger="test")
    job = take_up(job)
    prepare_exemplars(job)
    return job


def stored_path(exemplar: Exemplar) -> Path:
    return Path(settings.MEDIA_ROOT) / exemplar.file


def list_vectors(exemplar: Exemplar) -> list[bytes]:
    rows = ExemplarRegion.objects.filter(exemplar=exemplar).order_by("model", "ordinal")
    return [bytes(vector) for vector in rows.values_list("vector", flat=True)]


def test_prepared_exemplars_have_regions_of_every_model(acme_shelf: Shelf) -> None:
    distractor, query = add_photo(acme_shelf, 1), add_query(acme_shelf, 1)
    job = prepare(acme_shelf, distractor, query)
    assert (job.total, job.done, job.failed) == (2, 2, 0)
    assert job.result == {"pending": 0, "indexed": 2, "failed": 0}
    for exemplar in (distractor, query):
        exemplar.refresh_from_db()
        assert exemplar.state == Exemplar.State.INDEXED
        assert set(exemplar.regions.values_list("model", flat=True)) == set(list_models(acme_shelf.gallery))
    assert distractor.regions.count() == 1


def test_preparing_twice_leaves_the_same_regions(acme_shelf: Shelf) -> None:
    exemplar = add_photo(acme_shelf, 1)
    prepare(acme_shelf, exemplar)
    before = list_vectors(exemplar)
    Exemplar.objects.update(state=Exemplar.State.PENDING)
    prepare(acme_shelf, exemplar)
    assert list_vectors(exemplar) == before != []


def test_lost_and_unreadable_files_fail_with_a_reason(acme_shelf: Shelf) -> None:
    lost, damaged = add_photo(acme_shelf, 1), add_photo(acme_shelf, 2)
    stored_path(lost).unlink()
    stored_path(damaged).write_bytes(draw_photo(2)[:100])
    job = prepare(acme_shelf, lost, damaged)
    codes = dict(Exemplar.objects.values_list("pk", "failure_code"))
    assert codes == {lost.pk: "file_lost", damaged.pk: "image_unreadable"}
    assert job.failed == 2
    assert not ExemplarRegion.objects.exists()


def test_failed_photo_sent_again_gets_another_chance(acme_shelf: Shelf) -> None:
    lost = add_photo(acme_shelf, 1)
    stored_path(lost).unlink()
    prepare(acme_shelf, lost)
    again = add_photo(acme_shelf, 1)
    assert (again.pk, again.state, again.failure_code) == (lost.pk, Exemplar.State.PENDING, "")
    prepare(acme_shelf, again)
    assert Exemplar.objects.get(pk=lost.pk).state == Exemplar.State.INDEXED


def test_ensure_lets_a_model_see_what_it_has_not_seen(acme_shelf: Shelf) -> None:
    seen, waiting = add_photo(acme_shelf, 1), add_query(acme_shelf, 2)
    prepare(acme_shelf, seen)
    models = list_models(acme_shelf.gallery)
    before = list_vectors(seen)
    ExemplarRegion.objects.filter(exemplar=seen).update(model="retired_model")
    ensure_exemplar_vectors(acme_shelf.gallery, models)
    assert list_vectors(seen) == sorted(before * 2, key=before.index)
    waiting.refresh_from_db()
    assert waiting.state == Exemplar.State.INDEXED
    keys = set(ExemplarRegion.objects.values_list("pk", flat=True))
    ensure_exemplar_vectors(acme_shelf.gallery, models)
    assert set(ExemplarRegion.objects.values_list("pk", flat=True)) == keys


def test_same_bytes_answer_the_same_row_with_the_last_sku(acme_shelf: Shelf) -> None:
    first, second = add_query(acme_shelf, 1, sku="one"), add_query(acme_shelf, 1, sku="two")
    assert (first.pk, second.sku) == (second.pk, "two")
    assert add_photo(acme_shelf, 1).pk != first.pk
    assert Exemplar.objects.count() == 2


def test_storage_keys_carry_tenant_and_gallery(acme_shelf: Shelf) -> None:
    distractor, query = add_photo(acme_shelf, 1), add_query(acme_shelf, 1)
    assert distractor.file == f"{acme_shelf.tenant.id}/distractors/{distractor.pk}.png"
    assert query.file == f"{acme_shelf.tenant.id}/{acme_shelf.gallery.pk}/queries/{query.pk}.png"


def test_deleted_exemplar_leaves_neither_rows_nor_file(acme_shelf: Shelf) -> None:
    exemplar = add_photo(acme_shelf, 1)
    prepare(acme_shelf, exemplar)
    path = stored_path(exemplar)
    assert path.exists()
    delete_exemplar(exemplar=exemplar)
    assert not path.exists()
    assert not Exemplar.objects.exists()
    assert not ExemplarRegion.objects.exists()


def test_exemplar_deleted_while_it_is_prepared_stays_deleted(acme_shelf: Shelf) -> None:
    exemplar = add_photo(acme_shelf, 1)
    job = start_preparation(tenant_id=acme_shelf.tenant.id, exemplars=[exemplar], trigger="test")
    delete_exemplar(exemplar=exemplar)
    prepare_exemplars(take_up(job))
    assert not ExemplarRegion.objects.exists()


def test_cancelled_preparation_keeps_what_it_has_looked_at(
    acme_shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = [add_photo(acme_shelf, seed) for seed in (1, 2, 3)]
    job = start_preparation(tenant_id=acme_shelf.tenant.id, exemplars=added, trigger="test")
    with monkeypatch.context() as patch, run_job(job.pk) as claimed:
        assert claimed is not None
        act_before(patch, exemplars, "report_progress", once(lambda: cancel_job(job)))
        prepare_exemplars(claimed)
    states = Exemplar.objects.order_by("pk").values_list("state", flat=True)
    assert Job.objects.get(pk=job.pk).state == Job.State.CANCELLED
    assert list(states) == ["indexed", "pending", "pending"]
    prepare(acme_shelf, *added)
    assert list(states.all()) == ["indexed"] * 3


def test_queries_go_with_their_gallery_and_distractors_stay(acme_shelf: Shelf) -> None:
    query, distractor = add_query(acme_shelf, 1), add_photo(acme_shelf, 1)
    delete_exemplar_files(acme_shelf.gallery)
    assert not stored_path(query).exists()
    assert stored_path(distractor).exists()
    assert list(Exemplar.objects.all()) == [distractor]


def test_query_for_a_gallery_deleted_meanwhile_leaves_no_file(acme_shelf: Shelf) -> None:
    gallery = acme_shelf.gallery
    type(gallery).objects.filter(pk=gallery.pk).update(deleted_at=timezone.now())
    folder = stored_path(add_photo(acme_shelf, 1)).parents[1] / str(gallery.pk) / "queries"
    before = set(folder.glob("*"))
    with pytest.raises(Exception, match="deleted meanwhile"):
        add_query(acme_shelf, 9)
    type(gallery).objects.filter(pk=gallery.pk).update(deleted_at=None)
    assert set(folder.glob("*")) == before


def test_globex_sees_none_of_acmes_exemplars(acme_shelf: Shelf) -> None:
    prepare(acme_shelf, exemplar := add_photo(acme_shelf, 1))
    globex = open_shelf("globex")
    with tenant_scope(globex.tenant.id):
        ensure_exemplar_vectors(globex.gallery, list_models(globex.gallery))
        assert not Exemplar.objects.exists()
        assert not ExemplarRegion.objects.exists()
        own = add_photo(globex, 1)
        assert own.pk != exemplar.pk
        job = start_preparation(tenant_id=globex.tenant.id, exemplars=[exemplar, own], trigger="test")
        prepare_exemplars(take_up(job))
        assert list(Exemplar.objects.values_list("pk", "state")) == [(own.pk, "indexed")]
